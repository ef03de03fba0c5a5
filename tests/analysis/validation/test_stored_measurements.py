import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.validation.property import Curve, Measurement
from analysis.validation.stored_measurements import MeasurementFolder, MeasurementKey

KEY = MeasurementKey("bulk_modulus", 1, "Cu", "potential", "abc", "def")


@pytest.fixture
def stored(tmp_path):
    folder = MeasurementFolder(tmp_path)
    curve = Curve.of([0.1, 1 / 3], [math.inf, math.nan])
    values = {"": math.nan, "b": 0.1 + 0.2}
    folder.write(KEY, Measurement(values, {"eos": curve}, ("slow",), {"b": 1 / 3}), 2.5)
    return folder


def test_numbers_survive_bit_by_bit(stored):
    measurement, seconds = stored.read(KEY)
    assert seconds == 2.5
    assert math.isnan(measurement.values[""])
    assert measurement.values["b"] == 0.1 + 0.2
    np.testing.assert_array_equal(measurement.curves["eos"].x, [0.1, 1 / 3])
    np.testing.assert_array_equal(measurement.curves["eos"].y, [math.inf, math.nan])
    assert (measurement.notes, measurement.uncertainties) == (("slow",), {"b": 1 / 3})


@pytest.mark.parametrize(
    "other",
    [{"version": 2}, {"case": "Li"}, {"source": "labels"}, {"identity": "x"}, {"material": "x"}],
)
def test_it_is_found_by_all_that_decides_it(stored, other):
    assert stored.read(replace(KEY, **other)) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: text.replace("0.30000000000000004", "0.4"),
        lambda text: text.replace('"Cu"', '"Li"'),
    ],
)
def test_a_damaged_file_counts_as_missing(stored, damage):
    path = stored.path(KEY)
    path.write_text(damage(path.read_text()))
    assert stored.read(KEY) is None
