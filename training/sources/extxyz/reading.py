"""Read files of labelled structures as frames, in runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.geometry import complete_cell

from training.dataset.continued_runs import unstrained_steps
from training.dataset.frames import Frame
from training.errors import TrainingError
from training.label_settings import AtomicLabelSettings, Conversion, LabelSettings
from training.sources.extxyz.files import (
    ATOMIC_FORMAT,
    DATA_FORMATS,
    LabelFile,
    iter_structures,
    label_files,
)
from training.sources.extxyz.labels import LabelError, LabelKeys, find_keys, read_labels

ENGINE = "extxyz"
UNKNOWN_FAMILY = "unknown"
# Consecutive frames of one run are nearer than this (root mean square, Å); the nearest
# neighbours of two independent structures are not.
_SAME_RUN = 0.7
_ISOLATED = "isolatedatom"  # config_type of MACE and GAP


def read_frames(path: Path, settings: LabelSettings) -> list[Frame]:
    """Read all frames of a file, or of the files below a folder.

    Parameters
    ----------
    path
        A file or a folder; `training.sources.extxyz.files` lists the formats.
    settings
        Names and units of the labels.

    Returns
    -------
    Frames in eV and Å. Those of one run share `structure_id` and `trajectory_id`; what a file
    names itself (``structure_id``, ``config_type``, …) is kept.

    Raises
    ------
    TrainingError
        With file, frame (from 0) and what to do.
    """
    frames = [
        frame
        for file in label_files(path)
        for frame in _read_file(file, _with_usual_units(file, settings))
    ]
    if not frames:
        raise TrainingError(f"{path} has no frames")
    return frames


def settings_for(path: Path, settings: LabelSettings) -> LabelSettings:
    """Return settings whose usual units are those of the files' format."""
    return _with_usual_units(label_files(path)[0], settings)


def _with_usual_units(file: LabelFile, settings: LabelSettings) -> LabelSettings:
    if file.format != ATOMIC_FORMAT:
        return settings
    return AtomicLabelSettings(**settings.model_dump())


def _read_file(file: LabelFile, settings: LabelSettings) -> Iterator[Frame]:
    keys, run, before, unlabelled = None, -1, None, None
    given = LabelKeys(
        settings.energy_key, settings.forces_key, settings.stress_key, settings.virial_key
    )
    for index, read in enumerate(iter_structures(file)):
        if unlabelled is not None:
            raise unlabelled
        try:
            atoms = _in_angstrom(read, settings.conversion)
            keys = keys or find_keys(atoms, given)
            if before is None or not _same_run(before, atoms):
                run += 1
            before = atoms
            yield _frame(atoms, keys, settings, f"{file.name}-run-{run}", index)
        except LabelError as error:
            refused = TrainingError(f"{file.path}, frame {index} (from 0): {error}")
            if before is None or file.format in DATA_FORMATS or not _is_bare(read):
                raise refused from error
            unlabelled = refused  # the last of a run that was stopped is left out


def _is_bare(atoms: Atoms) -> bool:
    return atoms.calc is None or not {"energy", "forces"} & atoms.calc.results.keys()


def _in_angstrom(atoms: Atoms, conversion: Conversion) -> Atoms:
    """Convert lengths, and take an atom that is named isolated out of its cell."""
    if conversion.length != 1:
        atoms.set_cell(atoms.cell.array * conversion.length, scale_atoms=False)
        atoms.positions *= conversion.length
    kind = str(atoms.info.get("config_type", "")).replace("_", "").replace("-", "").lower()
    if len(atoms) == 1 and kind == _ISOLATED:
        atoms.pbc = False
    return atoms


def _frame(atoms: Atoms, keys: LabelKeys, settings: LabelSettings, run: str, index: int) -> Frame:
    labels = read_labels(atoms, keys, settings.conversion)
    info = {name: str(value) for name, value in atoms.info.items() if isinstance(value, str)}
    return Frame(
        numbers=atoms.numbers.astype(np.int64),
        positions=atoms.positions,
        cell=atoms.cell.array,
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        energy=labels.energy,
        forces=labels.forces,
        stress=labels.stress,
        structure_id=info.get("structure_id", run),
        family=info.get("family") or info.get("config_type") or UNKNOWN_FAMILY,
        miller_index=info.get("miller_index", ""),
        parent_id=info.get("parent_id", ""),
        trajectory_id=info.get("trajectory_id", run),
        step=int(atoms.info.get("step", index)) if "trajectory_id" in info else index,
        engine=info.get("engine", ENGINE),
        functional=info.get("functional", settings.functional or ""),
        config_hash=info.get("config_hash", ""),
        converged=bool(atoms.info.get("converged", True)),
    )


def _same_run(first: Atoms, second: Atoms) -> bool:
    """Whether the same atoms have hardly moved from one frame to the next, apart from strain."""
    if not (np.array_equal(first.numbers, second.numbers) and (first.pbc == second.pbc).all()):
        return False
    cells = complete_cell(first.cell.array), complete_cell(second.cell.array)
    if min(abs(np.linalg.det(cell)) for cell in cells) == 0:
        return False
    return bool(np.sqrt((unstrained_steps(first, second) ** 2).mean()) < _SAME_RUN)
