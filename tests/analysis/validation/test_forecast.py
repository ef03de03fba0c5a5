import pytest

from analysis.validation.forecast import Forecast


def test_time_left_follows_from_the_speed_of_each_source():
    forecast = Forecast({"potential": 300.0, "engine": 100.0})
    assert forecast.seconds is None
    forecast.finished("potential", 100.0, 1.0)
    assert str(forecast) == ""
    forecast.finished("engine", 50.0, 100.0)
    assert forecast.seconds == pytest.approx(2.0 + 100.0)
    assert str(forecast) == "about 2 min left"


def test_a_source_that_is_done_costs_nothing_more():
    forecast = Forecast({"potential": 10.0})
    forecast.finished("potential", 10.0, 5.0)
    assert forecast.seconds == 0.0
