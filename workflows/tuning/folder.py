"""Names of the files of a study, and what to do about a damaged one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cuprolith.errors import CuprolithError

REPORT_FILE = "report.html"
# In the folder of a trial.
MEASUREMENTS_FILE = "measurements.json"
TRIAL_FILE = "trial.json"
TRAINING_DIR = "training"
COMPILED_DIR = "compiled"


def recovery(folder: Path) -> str:
    """Return what to do where a study cannot continue."""
    return (
        f"restore it from a backup; or move the folder away (mv {folder} {folder}.damaged) "
        "and rerun the same command, which starts the study again"
    )


@contextmanager
def damage_explained(folder: Path) -> Iterator[None]:
    """Add what to do about a damaged file of a study.

    Raises
    ------
    CuprolithError
        In place of the `ValueError` that names the file.
    """
    try:
        yield
    except ValueError as error:
        raise CuprolithError(f"{error}", remedy=recovery(folder)) from error
