"""Find the VASP runs in a tree of directories, and what is known of where they come from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workflows.vasp.ionic_steps import VaspOutputError

PROVENANCE_FILE = "cuprolith.json"
_OUTPUTS = ("vasprun.xml", "OUTCAR")


class RunProvenance(BaseModel):
    """Where a run of a campaign comes from, as ``cuprolith.json`` beside its files says."""

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
        Where they lie.
    suffix
        Between name and ``.gz``: custodian keeps the runs of a double relaxation as
        ``vasprun.xml.relax1``, ``.relax2``; "" otherwise.
    """

    directory: Path
    suffix: str = ""

    def name_below(self, root: Path) -> str:
        """Directory below a root, and the suffix if there are several runs in it."""
        mark = f" ({self.suffix[1:]})" if self.suffix else ""
        return f"{self.directory.relative_to(root)}{mark}"

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


def find_runs(root: Path) -> Iterator[RunFiles]:
    """Yield the runs below a directory, sorted by path.

    Links are followed, each directory is entered once. The archives in which custodian keeps
    failed attempts (``error.1.tar.gz``) are left alone.

    Parameters
    ----------
    root
        Top of the tree.
    """
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
        yield from (RunFiles(Path(folder), suffix) for suffix in in_time)


def _suffix(file: str) -> str | None:
    """``vasprun.xml.relax1.gz`` gives ``.relax1``, other runs' files ""; None for other files."""
    for output in _OUTPUTS:
        if file.startswith(output):
            suffix = file.removeprefix(output).removesuffix(".gz")
            if not suffix or (suffix.startswith(".relax") and suffix[6:].isdigit()):
                return suffix
    return None
