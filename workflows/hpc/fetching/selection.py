"""Which files of a campaign's folder are brought home."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from analysis.tuning.trials import STORAGE_FILE, STUDY_FILE, TRIALS_DIR
from training.nequip_runs.nequip_config import LAST_CHECKPOINT
from workflows.hpc.fetching.rsync import RemoteFile
from workflows.tuning.folder import REPORT_FILE, TRIAL_FILE

# Folders that stay on the cluster: the engines' own files, and what the queue's jobs need.
_NEVER = ("- .*", "- /labels/runs", "- /labels/jobs", "- /queue")
_SINGLE_FILES = ("campaign.yaml", "environment.json", "timings.json")
_WHOLE_FOLDERS = ("crystals", "structures", "dataset", "report")
_STUDY_FILES = ("pareto.json", STUDY_FILE, REPORT_FILE, STORAGE_FILE, f"{STORAGE_FILE}-*")
_LABEL_FOLDERS = ("results", "failures")
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
        All files but those that never leave the cluster.
    """

    labels: bool = False
    everything: bool = False

    def options(self) -> list[str]:
        """Return the filters of `rsync`; the first that fits decides."""
        rules = [*_NEVER] if self.everything else [*_NEVER, *self._results(), "- *"]
        return [f"--filter={rule}" for rule in rules]

    def _results(self) -> list[str]:
        studies = ["/tuning/", "/tuning/*/", *(f"/tuning/*/{name}" for name in _STUDY_FILES)]
        trials = f"/tuning/*/{TRIALS_DIR}/"
        labels = ["/labels/", "/labels/labels.json"]
        if self.labels:
            labels += [f"/labels/{name}{below}" for name in _LABEL_FOLDERS for below in ("", "/**")]
        included = [
            *(f"/{name}" for name in _SINGLE_FILES),
            *(rule for name in _WHOLE_FOLDERS for rule in (f"/{name}", f"/{name}/**")),
            *labels,
            *("/training/", "/training/**"),
            *(*studies, trials, f"{trials}*/", f"{trials}*/{TRIAL_FILE}"),
        ]
        left_out = [f"- /training/**/{LAST_CHECKPOINT}", "- /training/**/scratch"]
        return [*left_out, *(f"+ {rule}" for rule in included)]


def results_among(files: Iterable[RemoteFile]) -> list[RemoteFile]:
    """Return the files without those that SQLite keeps beside its databases."""
    return [file for file in files if not file.path.endswith(_BESIDE_DATABASES)]


def fetch_order(file: RemoteFile) -> tuple[bool, str]:
    """Return a key for sorting: a file that tells that others are whole comes after them."""
    return PurePosixPath(file.path).name in _WRITTEN_LAST, file.path


def open_databases(files: list[RemoteFile]) -> set[str]:
    """Return the SQLite databases that are being written to: a copy of one would be half of it."""
    beside = [file.path for file in files if file.size and file.path.endswith(_BESIDE_DATABASES)]
    return {path.rpartition("-")[0] for path in beside if not path.endswith("-shm")}
