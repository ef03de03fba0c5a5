"""Find the VASP runs in a tree of directories, and what is known of where they come from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workflows.engines.vasp.ionic_steps import VaspOutputError
from workflows.engines.vasp.output_streams import ENDINGS, OUTPUTS, without_ending

PROVENANCE_FILE = "cuprolith.json"
_UNREAD = (
    "not read: unpack it if it is an archive, else let its name begin with vasprun.xml or OUTCAR"
)
_ARCHIVES = (".tar", ".tgz", ".tbz", ".txz")


class RunProvenance(BaseModel):
    """Origin of a campaign's run, from ``cuprolith.json`` beside its files."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    structure_id: str = Field(min_length=1)
    family: str
    miller_index: str = ""
    parent_id: str = ""
    trajectory_id: str = Field(min_length=1)
    first_step: int = Field(default=0, ge=0)
    task: str = ""


@dataclass(frozen=True)
class RunFiles:
    """Files of one run.

    Attributes
    ----------
    directory
        Folder of the files.
    suffix
        Between name and ``.gz``: custodian keeps the runs of a double relaxation as
        ``vasprun.xml.relax1``, ``.relax2``, others use ``.static`` or ``_old``; "" otherwise.
    part
        Index of the run in an OUTCAR that was joined from several.
    """

    directory: Path
    suffix: str = ""
    part: int = 0

    def name_below(self, root: Path) -> str:
        """Directory below a root, and the suffix if there are several runs in it."""
        marks = [self.suffix.lstrip(".")] if self.suffix else []
        marks += [f"run {self.part + 1} in OUTCAR"] if self.part else []
        return f"{self.directory.relative_to(root)}" + (f" ({', '.join(marks)})" if marks else "")

    def provenance(self) -> RunProvenance | None:
        """Return what a campaign's run says of itself; None for any other run.

        Raises
        ------
        VaspOutputError
            If the file is there and cannot be understood: without its parent and trajectory the
            run's frames could end up in train and test at once.
        """
        path = self.directory / PROVENANCE_FILE
        try:
            return RunProvenance.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValidationError, OSError) as error:
            raise VaspOutputError(f"{PROVENANCE_FILE} is damaged: {error}", str(path)) from error


class FoundFiles(NamedTuple):
    """Runs in a tree of directories.

    Attributes
    ----------
    runs
        Sorted by path; those of one directory in the order in which they were made.
    unread
        Files that look like outputs by their names, and why they are not read.
    """

    runs: list[RunFiles]
    unread: dict[Path, str]


def find_runs(root: Path) -> FoundFiles:
    """Find the runs below a directory.

    A run's files may have a suffix (``OUTCAR.relax1.gz``, ``vasprun.xml.static``). Links are
    followed, each directory is entered once. The archives in which custodian keeps failed attempts
    (``error.1.tar.gz``) are left alone.

    Parameters
    ----------
    root
        Top of the tree.
    """
    found = FoundFiles([], {})
    entered: set[tuple[int, int]] = set()
    for folder, names, files in os.walk(root, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in entered:
            names.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        names.sort()
        suffixes = {suffix for file in files if (suffix := _suffix(file)) is not None}
        # Custodian leaves the last run of a double relaxation without or with a suffix.
        in_time = sorted(suffixes, key=lambda suffix: (not suffix, len(suffix), suffix))
        found.runs.extend(RunFiles(Path(folder), suffix) for suffix in in_time)
        for file in sorted(files):
            if reason := _not_read(file, files):
                found.unread[Path(folder, file)] = reason
    return found


def _suffix(file: str) -> str | None:
    """``vasprun.xml.relax1.gz`` gives ``.relax1``, other runs' files ""; None for other files."""
    name = without_ending(file)
    if name.endswith(_ARCHIVES):
        return None
    return next((name.removeprefix(each) for each in OUTPUTS if name.startswith(each)), None)


def _not_read(file: str, files: Sequence[str]) -> str:
    """Return why a file that looks like an output is not read; "" for others."""
    looks_like_one = "vasprun" in file.lower() or "outcar" in file.lower()
    if looks_like_one and _suffix(file) is None:
        return _UNREAD
    same = (without_ending(file) + ending for ending in ("", *ENDINGS))
    first = next((name for name in same if name in files), file)
    if looks_like_one and first != file:
        return f"not read: {first} is in the same folder; move one if they are different runs"
    return ""
