"""The rehearsal as the engine ``vasp`` knows it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from workflows.engines.vasp.programs import PotcarProvider, VaspProgram
from workflows.vasp_rehearsal import MARK


def _placeholders(root: Path, family: str, symbols: Iterable[str]) -> Path:
    """Return the folder of placeholders below `root`; those that are missing are written."""
    from workflows.vasp_rehearsal.potcars import placeholder_path, write_placeholder_potcars

    directory = root / "placeholder-potcars"
    missing = [each for each in symbols if not placeholder_path(directory, family, each).is_file()]
    write_placeholder_potcars(directory, family, missing)
    return directory


PROGRAM = VaspProgram(
    name="rehearsal",
    called="a rehearsal",
    command="cuprolith-vasp-rehearsal",
    purpose="rehearse a campaign without VASP",
    output_mark="rehearsal",
    simulated_by=(
        "rehearsed: files are as VASP writes them, but every number in them comes from an "
        "interatomic potential, not from a DFT calculation"
    ),
    plan_note="a rehearsal: POTCARs are placeholders, and no label is a DFT label",
    poll_seconds=0.1,
    monitor_seconds=1.0,
    potcars=PotcarProvider(_placeholders, MARK, "a placeholder for rehearsals"),
    writes_orbitals=False,
    kept_files=("rehearsal_faults.",),
)
