"""Which files of a campaign's folder are fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from analysis.tuning.trials import STORAGE_FILE, STUDY_FILE, TRIALS_DIR
from training.nequip_runs.nequip_config import LAST_CHECKPOINT
from workflows.hpc.fetching.rsync import RemoteFile
from workflows.tuning.folder import REPORT_FILE, TRIAL_FILE

# Stay on the cluster: hidden files, the engines' own files, and what the queue's jobs need.
_NEVER = ("- .*", "- /labels/runs", "- /labels/jobs", "- /queue")
_FILES = ("campaign.yaml", "environment.json", "timings.json")
_FOLDERS = ("crystals", "structures", "dataset", "report", "validations")
_STUDY_FILES = ("pareto.json", STUDY_FILE, REPORT_FILE, STORAGE_FILE, f"{STORAGE_FILE}-*")
_LABEL_FOLDERS = ("results", "failures")
# SQLite's own files beside a database that is open, or that a killed process left.
BESIDE_DATABASES = ("-wal", "-journal", "-shm")
# Written last by their stages: where one exists, the files of its stage are complete.
_WRITTEN_LAST = (
    "dataset.json",
    "result.json",
    "evaluation.json",
    "validation.json",
    "pareto.json",
    "index.html",
)


@dataclass(frozen=True)
class Selection:
    """What to fetch.

    Attributes
    ----------
    labels
        Also the results of all jobs that label: a campaign can then be resumed at home.
    everything
        All files but those that never leave the cluster.
    """

    labels: bool = False
    everything: bool = False

    def options(self) -> list[str]:
        """Return the filters of `rsync`; the first that fits decides."""
        rules = [*_NEVER] if self.everything else [*_NEVER, *self._results(), "- *"]
        return [f"--filter={rule}" for rule in rules]

    def _results(self) -> list[str]:
        trials = f"/tuning/*/{TRIALS_DIR}/"
        folders = [f"/{name}" for name in _FOLDERS]
        folders += [f"/labels/{name}" for name in _LABEL_FOLDERS] if self.labels else []
        included = [
            *(f"/{name}" for name in _FILES),
            *("/labels/", "/labels/labels.json"),
            *(rule for folder in folders for rule in (folder, f"{folder}/**")),
            *("/training/", "/training/**"),
            *("/tuning/", "/tuning/*/", *(f"/tuning/*/{name}" for name in _STUDY_FILES)),
            *(trials, f"{trials}*/", f"{trials}*/{TRIAL_FILE}"),
        ]
        left_out = [f"- /training/**/{LAST_CHECKPOINT}", "- /training/**/scratch"]
        return [*left_out, *(f"+ {rule}" for rule in included)]


def fetch_order(file: RemoteFile) -> tuple[bool, str]:
    """Return a key for sorting: a file that shows that others are complete comes after them."""
    return PurePosixPath(file.path).name in _WRITTEN_LAST, file.path


def open_databases(files: Iterable[RemoteFile]) -> set[str]:
    """Return the SQLite databases that are being written to: a copy of one would be half of it."""
    beside = [file.path for file in files if file.size and file.path.endswith(BESIDE_DATABASES)]
    return {path.rpartition("-")[0] for path in beside if not path.endswith("-shm")}
