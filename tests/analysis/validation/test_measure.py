"""Cases are measured once, compared with the first reference that answers, and never crash."""

import math

import pytest

from analysis.validation.comparison import EXACT, MISSING
from analysis.validation.material import Material
from analysis.validation.measure import measure_all
from analysis.validation.property import Case, Compared, Curve, Measurement, Property, Tolerance
from analysis.validation.source import NotAvailableError, Source
from analysis.validation.stored_measurements import MeasurementFolder

MATERIAL = Material(crystals={}, elements=("Cu",))


class Numbers(Source):
    """A source that gives one number, and counts how often it is asked."""

    def __init__(self, name, number, computes=True):
        super().__init__(name, identity=f"{name} {number}", computes=computes)
        self.number = number
        self.uncertainties = {}
        self.asked = 0
        self.loaded = 0

    def calculator(self):
        self.loaded += 1

    def measure(self):
        self.asked += 1
        if isinstance(self.number, BaseException):
            raise self.number
        curves = {"": Curve.of([0, 1], [self.number, 0])}
        return Measurement({"a": self.number, "b": 2.0}, curves, uncertainties=self.uncertainties)


def a_property(name="length", cases=("one", "two"), tolerance=0.1, **more):
    listed = [Case(case, lambda source: source.measure(), 10.0) for case in cases]
    return Property(
        name=name,
        title=name.title(),
        unit="Å",
        cases=lambda material: listed,
        tolerance=Tolerance(absolute=tolerance),
        group="crystals",
        about="A number.",
        **more,
    )


@pytest.fixture
def folder(tmp_path):
    return MeasurementFolder(tmp_path / "measurements")


def outcome(folder, potential, *references, entry=None):
    measured = measure_all([entry or a_property()], MATERIAL, potential, references, folder)
    return measured.values


def test_error_tolerance_and_verdict(folder):
    values = outcome(folder, Numbers("potential", 1.25), Numbers("engine", 1.0))
    assert [(value.case, value.quantity) for value in values] == [
        ("one", "a"), ("one", "b"), ("two", "a"), ("two", "b"),
    ]  # fmt: skip
    first, second = values[:2]
    assert first.error == pytest.approx(0.25)
    assert (first.passed, first.tolerance, first.source) == (False, 0.1, "engine")
    assert (second.passed, second.error) == (True, 0.0)


def test_what_the_reference_is_unsure_of_adds_to_the_tolerance(folder):
    engine = Numbers("engine", 1.0)
    engine.uncertainties = {"a": 0.2}
    value = outcome(folder, Numbers("potential", 1.25), engine)[0]
    assert (value.passed, value.uncertainty) == (True, 0.2)
    assert value.tolerance == pytest.approx(0.3)


def test_the_first_reference_that_answers_counts(folder):
    labels = Numbers("labels", NotAvailableError("no label of it"), computes=False)
    engine = Numbers("engine", 1.0)
    values = outcome(folder, Numbers("potential", 1.0), labels, engine)
    assert {value.source for value in values} == {"engine"}
    labels = Numbers("labels", 1.0, computes=False)
    assert {
        value.source for value in outcome(folder, Numbers("potential", 1.0), labels, engine)
    } == {"labels"}
    assert engine.asked == 2


def test_no_reference_answers(folder):
    labels = Numbers("labels", NotAvailableError("no label of it"), computes=False)
    values = outcome(folder, Numbers("potential", 1.0), labels)
    assert {(value.source, value.passed, value.note) for value in values} == {
        (MISSING, None, "no label of it")
    }
    assert values[0].value == 1.0


def test_exact_values_need_no_reference(folder):
    engine = Numbers("engine", 1.0)
    values = outcome(folder, Numbers("potential", 2.0), engine, entry=a_property(exact=2.0))
    assert all(value.passed and value.source == EXACT for value in values)
    assert engine.asked == 0


@pytest.mark.parametrize(
    ("given", "source", "passed", "said"),
    [
        (ValueError("it blew up"), "engine", False, "ValueError: it blew up"),
        (NotAvailableError("not for molecules"), MISSING, None, "not for molecules"),
        (math.nan, "engine", False, "not a number"),
    ],
)
def test_what_goes_wrong_is_a_value(folder, given, source, passed, said):
    value = outcome(folder, Numbers("potential", given), Numbers("engine", 1.0))[0]
    assert (value.source, value.passed) == (source, passed)
    assert said in value.note


def test_a_reference_that_fails_says_nothing_of_the_potential(folder):
    for broken in (ValueError("out of memory"), math.nan):
        value = outcome(folder, Numbers("potential", 1.0), Numbers("engine", broken))[0]
        assert (value.value, value.passed) == (1.0, None)


def test_a_quantity_that_the_potential_lost_has_not_passed(folder):
    entry = a_property(cases=())
    halves = {"potential": Measurement({"a": 1.0}), "engine": Measurement({"a": 1.0, "top": 3.0})}
    case = Case("one", lambda source: halves[source.name], 1.0)
    entry = a_property(cases=())
    object.__setattr__(entry, "cases", lambda material: [case])
    values = outcome(folder, Numbers("potential", 0), Numbers("engine", 0), entry=entry)
    assert [(value.quantity, value.passed) for value in values] == [("a", True), ("top", False)]


def test_a_property_that_cannot_list_or_compare(folder):
    def fails(*_):
        raise KeyError("lattice")

    listing = a_property()
    object.__setattr__(listing, "cases", fails)
    comparing = a_property(cases=("one",), compare=fails)
    for entry in (listing, comparing):
        (value,) = outcome(folder, Numbers("potential", 1), Numbers("engine", 1), entry=entry)
        assert value.passed is False
        assert "KeyError" in value.note


def test_a_package_that_is_not_installed(folder):
    entry = a_property(requires=("no_such_package", "extra"))
    (value,) = outcome(folder, Numbers("potential", 1.0), Numbers("engine", 1.0), entry=entry)
    assert (value.passed, value.source) == (None, MISSING)
    assert "cuprolith[extra]" in value.note


def test_a_comparison_of_its_own(folder):
    entry = a_property(compare=lambda given, expected: [Compared("order", 0.0, 0.0)])
    values = outcome(folder, Numbers("potential", 5.0), Numbers("engine", 1.0), entry=entry)
    assert [(value.quantity, value.passed) for value in values] == [("order", True)] * 2


def test_curves_are_beside_each_other(folder):
    measured = measure_all(
        [a_property(cases=("one",))],
        MATERIAL,
        Numbers("potential", 5.0),
        [Numbers("engine", 1.0)],
        folder,
    )
    (curve,) = measured.curves
    assert (curve.y, curve.reference_y) == ([5.0, 0.0], [1.0, 0.0])


class KilledError(BaseException):
    """Stands for a kill."""


def test_what_is_measured_is_not_measured_again(folder):
    potential, engine = Numbers("potential", 1.0), Numbers("engine", 1.0)
    left = [2]

    def measure(source):
        if source is potential and left[0] == 0:
            raise KilledError
        left[0] -= source is potential
        return source.measure()

    entry = a_property(cases=())
    cases = [Case(name, measure, 1.0) for name in ("one", "two", "three")]
    object.__setattr__(entry, "cases", lambda material: cases)
    with pytest.raises(KilledError):
        outcome(folder, potential, engine, entry=entry)
    left[0] = 99
    killed = outcome(folder, potential, engine, entry=entry)
    assert (potential.asked, engine.asked) == (3, 3)
    loaded = potential.loaded
    assert outcome(folder, potential, engine, entry=entry) == killed
    assert (potential.asked, engine.asked, potential.loaded) == (3, 3, loaded)


def test_another_potential_or_version_is_measured_anew(folder):
    engine = Numbers("engine", 1.0)
    outcome(folder, Numbers("potential", 1.0), engine)
    trained_again = Numbers("potential", 2.0)
    assert outcome(folder, trained_again, engine)[0].value == 2.0
    assert (trained_again.asked, engine.asked) == (2, 2)
    outcome(folder, trained_again, engine, entry=a_property(version=2))
    assert (trained_again.asked, engine.asked) == (4, 4)


def test_a_failure_is_tried_again(folder):
    potential = Numbers("potential", ValueError("no memory"))
    outcome(folder, potential, Numbers("engine", 1.0))
    outcome(folder, potential, Numbers("engine", 1.0))
    assert potential.asked == 4


def test_a_potential_that_cannot_be_loaded_ends_it(folder):
    class Broken(Numbers):
        def calculator(self):
            raise OSError("damaged")

    with pytest.raises(OSError, match="damaged"):
        outcome(folder, Broken("potential", 1.0), Numbers("engine", 1.0))
