"""Survey of a tree of runs: which belong together, and whose settings drifted."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pymatgen.io.vasp.inputs import Poscar

from workflows.errors import CuprolithError
from workflows.vasp.fingerprint import Fingerprint, drifted, settings_fingerprint
from workflows.vasp.ionic_steps import FloatArray, RunHead
from workflows.vasp.kpoint_lengths import KpointLengths, common_length, kpoint_lengths
from workflows.vasp.run_tree import RunFiles, RunProvenance
from workflows.vasp.vasprun import output_file, read_run

UNKNOWN_FAMILY = "unknown"


@dataclass(frozen=True)
class SurveyedRun:
    """One run, as far as its head and its ``cuprolith.json`` say.

    Attributes
    ----------
    engine
        ``vasp``, or ``rehearsal`` for files of a rehearsal.
    digest
        Equal for copies of one run only.
    fingerprint
        Of its settings; the k-point length is filled in by :func:`agree_on_settings`.
    mesh, lengths
        Divisions and the lengths that lead to them; None where k-points are no mesh.
    final_structure_id
        Id that a run without ``cuprolith.json`` gets if it starts from this run's CONTCAR; "" if
        there is none.
    drift
        How its settings differ from those of the collection.
    """

    files: RunFiles
    provenance: RunProvenance
    engine: str
    digest: str
    fingerprint: Fingerprint
    mesh: tuple[int, int, int] | None
    lengths: KpointLengths | None
    final_structure_id: str = ""
    drift: tuple[str, ...] = ()

    def with_parent(self, parent_id: str) -> SurveyedRun:
        """Return the run as a descendant of another structure."""
        return replace(self, provenance=self.provenance.model_copy(update={"parent_id": parent_id}))


def survey_run(files: RunFiles) -> SurveyedRun:
    """Read the head of a run, and check that it yields a step.

    A run without ``cuprolith.json`` gets ids made of its content, not its place: a moved tree
    gives the same dataset.

    Raises
    ------
    VaspOutputError
        If it yields nothing.
    OSError
        If a file cannot be read.
    """
    provenance = files.provenance()
    run = read_run(files.directory, files.suffix)
    mesh = run.kpoints
    return SurveyedRun(
        files=files,
        provenance=provenance or _own_provenance(run),
        engine="rehearsal" if run.rehearsed else "vasp",
        digest=run.digest,
        fingerprint=settings_fingerprint(run.incar, run.potcar_titles, None),
        mesh=mesh,
        lengths=None if mesh is None else kpoint_lengths(mesh, run.cell, run.positions),
        final_structure_id=_final_structure_id(files),
    )


def agree_on_settings(runs: Sequence[SurveyedRun]) -> tuple[Fingerprint, list[SurveyedRun]]:
    """Return the settings of most runs, and the runs with how theirs differ.

    Parameters
    ----------
    runs
        At least one.
    """
    counts = Counter(run.fingerprint.hash for run in runs)
    most = counts.most_common(1)[0][0]  # of equals the first met
    majority = [run for run in runs if run.fingerprint.hash == most]
    length = common_length(run.lengths for run in majority if run.lengths is not None)
    potcars = _commonest_potcars(majority)
    expected = replace(majority[0].fingerprint.with_kpoint_length(length), potcars=potcars)
    return expected, [_compared(run, expected, length) for run in runs]


def refuse_mixed_engines(runs: Iterable[SurveyedRun]) -> str:
    """Return the engine of all runs.

    Raises
    ------
    CuprolithError
        If rehearsed and real runs meet.
    """
    examples: dict[str, Path] = {}
    for run in runs:
        examples.setdefault(run.engine, run.files.directory)
    if len(examples) > 1:
        raise CuprolithError(
            f"rehearsed runs ({examples['rehearsal']}) lie among real ones ({examples['vasp']})",
            remedy="collect them separately: labels of a rehearsal are no VASP labels",
        )
    return next(iter(examples))


def with_parents(runs: Sequence[SurveyedRun]) -> list[SurveyedRun]:
    """Tie runs without ``cuprolith.json`` to the runs that they go on from.

    Those are the first run in the same directory (relax1 for relax2), or a run anywhere whose
    CONTCAR is the structure they start from.
    """
    first_in: dict[Path, str] = {}
    ends_in: dict[str, str] = {}
    for run in runs:
        first_in.setdefault(run.files.directory, run.provenance.structure_id)
        if run.final_structure_id:
            ends_in.setdefault(run.final_structure_id, run.provenance.structure_id)

    def parent(run: SurveyedRun) -> str:
        own = run.provenance.structure_id
        candidates = (first_in[run.files.directory], ends_in.get(own, ""))
        return next((each for each in candidates if each not in {"", own}), "")

    return [run if run.provenance.parent_id else run.with_parent(parent(run)) for run in runs]


def by_trajectory(runs: Iterable[SurveyedRun]) -> list[list[SurveyedRun]]:
    """Group the segments of each trajectory, in the order of their ionic steps."""
    groups: dict[str, list[SurveyedRun]] = defaultdict(list)
    for run in runs:
        groups[run.provenance.trajectory_id].append(run)
    return [sorted(group, key=lambda run: run.provenance.first_step) for group in groups.values()]


def _own_provenance(head: RunHead) -> RunProvenance:
    structure_id = _structure_id(head.numbers, head.cell, head.positions)
    return RunProvenance(
        structure_id=structure_id,
        family=UNKNOWN_FAMILY,
        trajectory_id=f"{structure_id}/run-{head.digest[:12]}",
    )


def _structure_id(numbers: NDArray[np.int64], cell: FloatArray, positions: FloatArray) -> str:
    """Hash a structure to 1e-3 Å: files of one structure differ in their digits and wrapping."""
    scaled = positions @ np.linalg.inv(cell)
    wrapped = (scaled - np.floor(scaled + 1e-6)) @ cell
    rounded = np.round(np.vstack([cell, wrapped]), 3) + 0.0  # no negative zeros
    content = numbers.astype("<i8").tobytes() + rounded.astype("<f8").tobytes()
    return f"vasp-{hashlib.sha256(content).hexdigest()[:12]}"


def _final_structure_id(files: RunFiles) -> str:
    path = output_file(files.directory, "CONTCAR", files.suffix)
    if path is None:
        return ""
    try:
        final = Poscar.from_file(path, check_for_potcar=False).structure
    except (ValueError, IndexError, KeyError, OSError, EOFError):  # empty or cut, of a killed run
        return ""
    numbers = np.array(final.atomic_numbers)
    return _structure_id(numbers, final.lattice.matrix, final.cart_coords)


def _commonest_potcars(runs: Iterable[SurveyedRun]) -> dict[str, str]:
    titles: dict[str, Counter[str]] = defaultdict(Counter)
    for run in runs:
        for element, title in run.fingerprint.potcars.items():
            titles[element][title] += 1
    return {element: counts.most_common(1)[0][0] for element, counts in titles.items()}


def _compared(run: SurveyedRun, expected: Fingerprint, length: float | None) -> SurveyedRun:
    found = run.fingerprint.with_kpoint_length(length)
    drift = drifted(expected, found)
    if length is not None and (run.lengths is None or not run.lengths.admit(length)):
        found = found.with_kpoint_length(None if run.lengths is None else run.lengths.up_to)
        drift.append(_mesh_in_words(run, length))
    return replace(run, fingerprint=found, drift=tuple(drift))


def _mesh_in_words(run: SurveyedRun, length: float) -> str:
    if run.mesh is None or run.lengths is None:
        return f"k-points are no mesh vs meshes of length {length:g} Å"
    mesh = "×".join(map(str, run.mesh))
    return (
        f"k-point mesh {mesh} of length {run.lengths.above:.0f}–{run.lengths.up_to:.0f} Å "
        f"vs {length:g} Å"
    )
