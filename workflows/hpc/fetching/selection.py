"""Which files of a campaign's folder are brought home."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from analysis.tuning.trials import STORAGE_FILE, STUDY_FILE, TRIALS_DIR
from training.nequip_runs.nequip_config import LAST_CHECKPOINT
from workflows.hpc.fetching.campaign_folder import FolderFile
from workflows.tuning.folder import REPORT_FILE, TRIAL_FILE

NEVER_FETCHED = ("labels/runs", "labels/jobs", "queue")
"""Folders that stay on the cluster: the engines' own files, and what the queue's jobs need."""

_SINGLE_FILES = ("campaign.yaml", "environment.json", "timings.json")
_WHOLE_FOLDERS = ("crystals", "structures", "dataset", "report")
_STUDY_FILES = ("pareto.json", STUDY_FILE, REPORT_FILE, STORAGE_FILE)
_LABEL_FILES = ("results", "failures")
_TRAINER_SCRATCH = "scratch"
# SQLite's own files beside a database that is open, or that a killed process left.
_BESIDE_DATABASES = ("-wal", "-journal", "-shm")
# Written last by their stages: where one is, what it belongs to is whole.
_WRITTEN_LAST = ("dataset.json", "result.json", "evaluation.json", "pareto.json", "index.html")


@dataclass(frozen=True)
class Selection:
    """What a fetch is to bring.

    Attributes
    ----------
    labels
        The results of all label jobs, too: a campaign can then be resumed at home.
    everything
        All files that are not in `NEVER_FETCHED`.
    """

    labels: bool = False
    everything: bool = False

    def includes(self, path: str) -> bool:
        """Return whether a file, relative to the campaign's folder, is brought."""
        parts = PurePosixPath(path).parts
        if any(part.startswith(".") for part in parts) or path.endswith(_BESIDE_DATABASES):
            return False
        if any(PurePosixPath(path).is_relative_to(folder) for folder in NEVER_FETCHED):
            return False
        return self.everything or self._is_result(parts)

    def _is_result(self, parts: tuple[str, ...]) -> bool:
        first, *below = parts
        if not below:
            return first in _SINGLE_FILES
        if first == "labels":
            return below == ["labels.json"] or (self.labels and below[0] in _LABEL_FILES)
        if first == "training":
            return below[-1] != LAST_CHECKPOINT and _TRAINER_SCRATCH not in below
        if first == "tuning":
            return _tells_of_study(below)
        return first in _WHOLE_FOLDERS


def fetch_order(file: FolderFile) -> tuple[bool, str]:
    """Return a key for sorting: what tells that others are whole comes after them."""
    return PurePosixPath(file.path).name in _WRITTEN_LAST, file.path


def open_databases(files: list[FolderFile]) -> set[str]:
    """Return the SQLite databases that are being written to: a copy of one would be half of it."""
    beside = [file.path for file in files if file.size and file.path.endswith(_BESIDE_DATABASES)]
    return {path.rpartition("-")[0] for path in beside if not path.endswith("-shm")}


def _tells_of_study(below: list[str]) -> bool:
    if len(below) == 2:
        return below[1] in _STUDY_FILES
    return len(below) == 4 and below[1] == TRIALS_DIR and below[3] == TRIAL_FILE
