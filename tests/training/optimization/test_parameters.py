import math

import pytest
from pydantic import TypeAdapter, ValidationError

from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
    Parameter,
)

PARAMETER = TypeAdapter(Parameter)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (
            {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
            FloatParameter(low=1e-4, high=1e-2, log=True),
        ),
        ({"type": "int", "low": 1, "high": 4}, IntParameter(low=1, high=4)),
        ({"type": "ordinal", "values": [4, 16, 64]}, OrdinalParameter(values=(4, 16, 64))),
        (
            {"type": "categorical", "choices": ["silu", "mish"]},
            CategoricalParameter(choices=("silu", "mish")),
        ),
    ],
)
def test_a_parameter_is_read_by_its_type_and_written_back(written, meant):
    parameter = PARAMETER.validate_python(written)
    assert parameter == meant
    assert PARAMETER.validate_json(PARAMETER.dump_json(parameter)) == meant


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"type": "float", "low": 2.0, "high": 1.0}, "above high"),
        ({"type": "float", "low": math.nan, "high": 1.0}, "finite"),
        ({"type": "float", "low": 0.0, "high": math.inf}, "finite"),
        ({"type": "float", "low": 0.0, "high": 1.0, "log": True}, "must be positive"),
        ({"type": "int", "low": 3, "high": 2}, "above high"),
        ({"type": "int", "low": 0, "high": 8, "log": True}, "must be positive"),
        ({"type": "int", "low": 0.5, "high": 8}, "integer"),
        ({"type": "ordinal", "values": []}, "at least 1"),
        ({"type": "ordinal", "values": [4, 2]}, "must rise"),
        ({"type": "ordinal", "values": [4, 4]}, "must rise"),
        ({"type": "categorical", "choices": []}, "at least 1"),
        ({"type": "categorical", "choices": ["a", "a"]}, "given twice"),
        ({"type": "float", "low": 0.0, "high": 1.0, "step": 0.1}, "[Ee]xtra"),
        ({"type": "real", "low": 0.0, "high": 1.0}, "does not match"),
        ({"low": 0.0, "high": 1.0}, "discriminator"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_reason(written, complaint):
    with pytest.raises(ValidationError, match=complaint):
        PARAMETER.validate_python(written)


def test_equal_values_of_different_types_are_different_choices():
    choices = CategoricalParameter(choices=(True, 1, 1.0)).choices
    assert [type(choice) for choice in choices] == [bool, int, float]


def test_a_parameter_does_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        IntParameter(low=1, high=2).low = 0
