"""Where the files of a study lie, and how a folder becomes that of a study."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.tuning.trials import STUDY_FILE, TRIAL_FILE, TRIALS_DIR
from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json_if_whole
from training.nequip_runs.training_run import occupied

if TYPE_CHECKING:
    from workflows.jobs.job_folder import JobFolder

STORAGE_FILE = "study.db"
JOBS_DIR = "jobs"
LOG_FILE = "log.jsonl"
REPORT_FILE = "report.html"
COMPILED_DIR = "compiled"

_SHORT_HASH = 8


def trial_folder(folder: Path, number: int) -> Path:
    """Folder of one trial's training."""
    return folder / TRIALS_DIR / str(number)


def trial_file(folder: Path, number: int) -> Path:
    """Path of what became of one trial; written last."""
    return trial_folder(folder, number) / TRIAL_FILE


def study_jobs(folder: Path) -> JobFolder:
    """Folder of the files of a study's jobs, at home and in a queue."""
    from workflows.jobs.job_folder import JobFolder

    return JobFolder(folder / JOBS_DIR, folder)


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
        "and give the same command, which makes the study again"
    )


def _beside(folder: Path, study_hash: str) -> Path:
    return folder.with_name(f"{folder.name}.{study_hash[:_SHORT_HASH]}")


def _stored_hash(folder: Path) -> str | None:
    path = folder / STUDY_FILE
    if not path.is_file():
        return None
    content = read_json_if_whole(path)
    found = content.get("hash") if isinstance(content, dict) else None
    return found if isinstance(found, str) else None
