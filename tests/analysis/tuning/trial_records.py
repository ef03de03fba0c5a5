"""Trials made by hand."""

from analysis.tuning.trials import TrialRecord
from training.tuning.trial import TrialResult


def record(number, objectives, *, constraints=(), parameters=None, generation=0):
    result = TrialResult(parameters=parameters or {}, accuracy_name="forces_mae")
    return TrialRecord(
        number=number, generation=generation, parameters=parameters or {}, objectives=objectives,
        constraints=constraints, result=result, folder=f"trials/{number}",
    )  # fmt: skip
