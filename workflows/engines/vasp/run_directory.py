"""The folder of one VASP run: its inputs, and the archive of its earlier attempts.

``attempt-1``, ``attempt-2``, ... hold what was interrupted and continued; ``error-1``, ... what
custodian archived before it corrected and restarted. Each has a ``cuprolith.json`` of its own, so
that a collection from raw outputs finds every labelled step at its place in the run. What is
repeated from its start is packed into ``superseded.1.tar.gz``, ...
"""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pymatgen.io.vasp.inputs import Incar, Kpoints

from cuprolith.hashes import short_hash
from cuprolith.json_files import read_json_if_whole, write_json
from workflows.engines.vasp.potcars import CheckedPotcar
from workflows.engines.vasp.run_tree import PROVENANCE_FILE
from workflows.labelling.document import Provenance

_DRIVING_TAGS = frozenset({"NCORE", "KPAR"})
# All attempts share them. `moving-N` is an `attempt-N` that is not complete yet.
_SHARED_FILES = frozenset({PROVENANCE_FILE, "WAVECAR", "CHGCAR"})
_ARCHIVES = ("attempt-", "moving-", "superseded.")


@dataclass(frozen=True)
class RunInputs:
    """Contents of the input files of a run."""

    incar: Incar
    kpoints: Kpoints
    poscar: str
    potcars: list[CheckedPotcar]

    @property
    def key(self) -> str:
        """Identity of what is run, apart from how VASP shares its work; 12 hex digits."""
        incar = {tag: value for tag, value in self.incar.items() if tag not in _DRIVING_TAGS}
        identity = [
            str(Incar(incar)),
            str(self.kpoints),
            self.poscar,
            [potcar.facts.sha256 for potcar in self.potcars],
        ]
        return short_hash(json.dumps(identity))

    def write(self, directory: Path) -> None:
        """Write INCAR, KPOINTS, POSCAR, POTCAR and POTCAR.spec."""
        directory.mkdir(parents=True, exist_ok=True)
        self.incar.write_file(str(directory / "INCAR"))
        self.kpoints.write_file(str(directory / "KPOINTS"))
        (directory / "POSCAR").write_text(self.poscar)
        (directory / "POTCAR").write_text("".join(potcar.text for potcar in self.potcars))
        symbols = [potcar.facts.symbol for potcar in self.potcars]
        (directory / "POTCAR.spec").write_text("\n".join(symbols) + "\n")


@dataclass(frozen=True)
class RunDirectory:
    """The directory of one run.

    Attributes
    ----------
    path
        The folder.
    provenance, task, trajectory_id, first_step
        What the run's frames say of themselves; `first_step` is that of its first frame.
    kept_files
        Beginnings of the names of further files that all attempts share.
    """

    path: Path
    provenance: Provenance
    task: str
    trajectory_id: str
    first_step: int = 0
    kept_files: tuple[str, ...] = ()

    def holds(self, key: str) -> bool:
        """Whether an earlier attempt at the run whose inputs have this key is here."""
        return bool(self._recorded().get("key") == key)

    def archive_other_run(self) -> None:
        """Rename the folder if it holds a run with other inputs, to ``<name>.<its key>``."""
        recorded = self._recorded()
        if (self.path / "INCAR").exists() or recorded:
            other = self.path.with_name(f"{self.path.name}.{recorded.get('key', 'unknown')}")
            if other.exists():
                shutil.rmtree(other)
            self.path.rename(other)

    def write(self, inputs: RunInputs, key: str) -> None:
        """Write the inputs and the provenance of an attempt."""
        inputs.write(self.path)
        self.record(self.path, self.first_step, key=key, potcars=inputs.potcars)

    def record(
        self,
        folder: Path,
        first_step: int,
        *,
        key: str | None = None,
        potcars: list[CheckedPotcar] | None = None,
    ) -> None:
        """Write ``cuprolith.json``, keeping what it says already."""
        content = {
            **self._recorded(),
            **vars(self.provenance),
            "trajectory_id": self.trajectory_id,
            "task": self.task,
            "first_step": first_step,
        }
        if key is not None:
            content["key"] = key
        if potcars is not None:
            content["potcars"] = [asdict(potcar.facts) for potcar in potcars]
        write_json(folder / PROVENANCE_FILE, content)

    def archive_attempt(self) -> None:
        """Move an interrupted attempt into a folder of its own; its labels count."""
        number = 1 + len(_numbered(self.path, "attempt"))
        moving = self.path / f"moving-{number}"  # a kill leaves no half-filled attempt
        moving.mkdir()
        self._fill(moving)

    def complete_archiving(self) -> None:
        """Complete what a kill interrupted."""
        for moving in _numbered(self.path, "moving"):
            self._fill(moving)

    def _fill(self, moving: Path) -> None:
        shutil.copy(self.path / PROVENANCE_FILE, moving / PROVENANCE_FILE)
        for entry in sorted(self.path.iterdir()):
            shared = entry.name.startswith((*_ARCHIVES, *self.kept_files))
            if entry.name not in _SHARED_FILES and not shared:
                entry.rename(moving / entry.name)
        moving.rename(moving.with_name(moving.name.replace("moving", "attempt")))

    def archive_superseded(self) -> None:
        """Pack all attempts at what is repeated from its start: their labels do not count."""
        self.archive_attempt()
        number = 1 + len(list(self.path.glob("superseded.*.tar.gz")))
        with tarfile.open(self.path / f"superseded.{number}.tar.gz", "w:gz") as archive:
            for attempt in _numbered(self.path, "attempt"):
                archive.add(attempt, arcname=attempt.name)
        for attempt in _numbered(self.path, "attempt"):
            shutil.rmtree(attempt)

    def attempts(self, *, corrected: bool) -> Iterator[Path]:
        """Yield the folders that may hold labelled steps of this run, oldest first.

        Parameters
        ----------
        corrected
            Whether steps that custodian archived count: not in MD, which it starts again.
        """
        for folder in (*_numbered(self.path, "attempt"), self.path):
            if corrected:
                _unpack_errors(folder)
                yield from _numbered(folder, "error")
            yield folder

    def _recorded(self) -> dict[str, Any]:
        content = read_json_if_whole(self.path / PROVENANCE_FILE)
        return content if isinstance(content, dict) else {}


def _numbered(folder: Path, name: str) -> list[Path]:
    found = [path for path in folder.glob(f"{name}-*") if path.name.rpartition("-")[2].isdigit()]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def _unpack_errors(folder: Path) -> None:
    """Unpack what custodian archived, once."""
    for archive in sorted(folder.glob("error.*.tar.gz")):
        target = folder / f"error-{archive.name.split('.')[1]}"
        if target.exists():
            continue
        partial = target.with_name(f"{target.name}.tmp")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            with tarfile.open(archive) as packed:
                for member in filter(tarfile.TarInfo.isfile, packed.getmembers()):
                    member.name = Path(member.name).name
                    packed.extract(member, partial, filter="data")
        except (OSError, tarfile.TarError, EOFError):
            shutil.rmtree(partial)
            continue
        partial.rename(target)
