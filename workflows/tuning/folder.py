"""The folder of a study: its files, and how it is claimed for a study."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analysis.tuning.trials import STORAGE_FILE, STUDY_FILE
from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json_if_whole
from training.nequip_runs.training_run import occupied

REPORT_FILE = "report.html"
# In the folder of a trial.
MEASUREMENTS_FILE = "measurements.json"
TRIAL_FILE = "trial.json"
TRAINING_DIR = "training"
COMPILED_DIR = "compiled"

_SHORT_HASH = 8


def claim_study_folder(folder: Path, study_hash: str) -> Path | None:
    """Make `folder` that of the study with this hash.

    A study with another hash is moved beside it, to ``<name>.<hash>``, and comes back from there
    when it is asked for again.

    Returns
    -------
    Where another study has been moved to; None if there was none.

    Raises
    ------
    CuprolithError
        If the folder holds files that are no study.
    """
    present = _stored_hash(folder)
    if present == study_hash:
        return None
    moved = None
    if present is not None:
        moved = _beside(folder, present)
        folder.rename(moved)
    elif (folder / STORAGE_FILE).exists():
        raise CuprolithError(
            "missing or damaged, though trials are here",
            where=str(folder / STUDY_FILE),
            remedy=made_again(folder),
        )
    elif occupied(folder):
        raise CuprolithError(
            "the folder holds files that are no study",
            where=str(folder),
            remedy="name another folder: --out",
        )
    earlier = _beside(folder, study_hash)
    if _stored_hash(earlier) == study_hash:
        shutil.rmtree(folder, ignore_errors=True)
        earlier.rename(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return moved


def made_again(folder: Path) -> str:
    """Say what to do where a study cannot continue."""
    return (
        f"bring it back from a backup; or move the folder away (mv {folder} {folder}.damaged) "
        "and rerun the same command, which makes the study again"
    )


@contextmanager
def damage_explained(folder: Path) -> Iterator[None]:
    """Say what to do about a damaged file of a study.

    Raises
    ------
    CuprolithError
        In place of the `ValueError` that names the file.
    """
    try:
        yield
    except ValueError as error:
        raise CuprolithError(f"{error}", remedy=made_again(folder)) from error


def _beside(folder: Path, study_hash: str) -> Path:
    return folder.with_name(f"{folder.name}.{study_hash[:_SHORT_HASH]}")


def _stored_hash(folder: Path) -> str | None:
    path = folder / STUDY_FILE
    if not path.is_file():
        return None
    content = read_json_if_whole(path)
    found = content.get("hash") if isinstance(content, dict) else None
    return found if isinstance(found, str) else None
