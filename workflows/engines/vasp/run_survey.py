"""Survey of a tree of runs: which belong together, and whose settings drifted."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pymatgen.io.vasp.inputs import Poscar

from cuprolith.arrays import FloatArray
from cuprolith.errors import CuprolithError
from cuprolith.hashes import short_hash
from workflows.engines.vasp.fingerprint import Fingerprint, drifted, run_fingerprint
from workflows.engines.vasp.ionic_steps import RunHead, Source, VaspOutputError
from workflows.engines.vasp.kpoint_lengths import KpointLengths, common_length, kpoint_lengths
from workflows.engines.vasp.not_labels import reasons_for_no_label
from workflows.engines.vasp.outcar import count_runs
from workflows.engines.vasp.output_streams import read_text
from workflows.engines.vasp.programs import VaspProgram, program_of_output
from workflows.engines.vasp.run_tree import RunFiles, RunProvenance
from workflows.engines.vasp.vasprun import output_file, read_run

UNKNOWN_FAMILY = "unknown"
_SLACK = 1.1  # of EDIFF: OUTCAR has one or two digits of it
_Value = TypeVar("_Value", bound=Hashable)


@dataclass(frozen=True)
class SurveyedRun:
    """One run, as far as its head and its ``cuprolith.json`` say.

    Attributes
    ----------
    source
        Which file its steps come from.
    program
        What wrote its files: VASP, or another program in its place.
    digest
        Equal for copies of one run only.
    fingerprint
        Fingerprint of its settings; the k-point length is filled in by :func:`agree_on_settings`.
    n_atoms
        Number of atoms.
    mesh, lengths
        Divisions and the lengths that lead to them; None where k-points are no mesh.
    final_structure_id
        Id that a run without ``cuprolith.json`` gets if it starts from this run's CONTCAR; "" if
        there is none.
    no_label
        Why it gives no labels, whatever the other runs are.
    drift
        The same, and how its settings differ from those of the collection.
    """

    files: RunFiles
    provenance: RunProvenance
    source: Source
    program: VaspProgram
    digest: str
    fingerprint: Fingerprint
    n_atoms: int
    mesh: tuple[int, int, int] | None
    lengths: KpointLengths | None
    final_structure_id: str = ""
    no_label: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()

    @property
    def engine(self) -> str:
        """Engine of its labels."""
        return self.program.name

    @property
    def ediff(self) -> float:
        """EDIFF, eV."""
        return float(self.fingerprint.settings["EDIFF"])

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
    run = read_run(files.directory, files.suffix, files.part)
    if provenance is not None and files.part:
        trajectory_id = f"{provenance.trajectory_id}/run-{files.part + 1}"
        provenance = provenance.model_copy(update={"trajectory_id": trajectory_id})
    mesh = run.kpoints
    return SurveyedRun(
        files=files,
        provenance=provenance or _own_provenance(run),
        source=run.source,
        program=program_of_output(run.generator),
        digest=run.digest,
        fingerprint=run_fingerprint(run, None),
        n_atoms=len(run.numbers),
        mesh=mesh,
        lengths=None if mesh is None else kpoint_lengths(mesh, run.cell, run.positions),
        final_structure_id=_final_structure_id(files),
        no_label=tuple(reasons_for_no_label(run.incar)),
    )


def further_runs(files: RunFiles) -> list[RunFiles]:
    """Return the runs after the first of an OUTCAR that was joined from several; after others none.

    Raises
    ------
    VaspOutputError
        If it is compressed in a way that is not read.
    OSError
        If it cannot be read.
    """
    outcar = output_file(files.directory, "OUTCAR", files.suffix)
    n_runs = 0 if outcar is None or files.part else count_runs(outcar)
    return [replace(files, part=part) for part in range(1, n_runs)]


def agree_on_settings(runs: Sequence[SurveyedRun]) -> tuple[Fingerprint, list[SurveyedRun]]:
    """Return the settings of most runs, and the runs with how theirs differ.

    Runs that agree get the fingerprint of the collection: they have one level of theory, though
    each holds only some of its elements.

    Parameters
    ----------
    runs
        At least one.
    """
    voters = [run for run in runs if not run.no_label] or runs
    counts = Counter(_apart_from_ediff(run) for run in voters)
    most = counts.most_common(1)[0][0]  # of equals the first met
    majority = [run for run in voters if _apart_from_ediff(run) == most]
    length = common_length(run.lengths for run in majority if run.lengths is not None)
    ediff = _Ediff.of(majority)
    fingerprints = [run.fingerprint for run in majority]
    expected = replace(
        fingerprints[0].with_settings(kpoint_length=length, EDIFF=ediff.total),
        potcars=_commonest(each.potcars for each in fingerprints),
        hubbard=_commonest(each.hubbard for each in fingerprints),
        listed=_commonest(each.listed for each in fingerprints),
    )
    return expected, [_compared(run, expected, length, ediff) for run in runs]


class _Ediff(NamedTuple):
    """EDIFF of most runs, eV, and per atom: some tools choose it by the number of atoms."""

    total: float
    per_atom: float

    @classmethod
    def of(cls, runs: Sequence[SurveyedRun]) -> _Ediff:
        """Return the commonest of both."""
        totals = Counter(run.ediff for run in runs)
        per_atom = Counter(float(f"{run.ediff / run.n_atoms:.1e}") for run in runs)
        return cls(totals.most_common(1)[0][0], per_atom.most_common(1)[0][0])

    def admits(self, run: SurveyedRun) -> bool:
        """Whether a run is converged as tightly as most; more tightly is no fault."""
        return run.ediff <= self.total * _SLACK or run.ediff / run.n_atoms <= self.per_atom * _SLACK


def _apart_from_ediff(run: SurveyedRun) -> frozenset[tuple[str, Hashable]]:
    return frozenset(run.fingerprint.settings.items() - {("EDIFF", run.ediff)})


def refuse_mixed_programs(runs: Iterable[SurveyedRun]) -> None:
    """Check that one program made all runs.

    Raises
    ------
    CuprolithError
        If there are runs of VASP and of another program.
    """
    examples: dict[str, Path] = {}
    for run in runs:
        examples.setdefault(run.program.called, run.files.directory)
    if len(examples) > 1:
        found = " and ".join(f"{called} ({path})" for called, path in sorted(examples.items()))
        raise CuprolithError(
            f"these runs are of several programs: {found}",
            remedy="collect them separately: their labels are not of one kind",
        )


def with_parents(runs: Sequence[SurveyedRun]) -> list[SurveyedRun]:
    """Tie runs without ``cuprolith.json`` to the runs that they continue.

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
    return f"vasp-{short_hash(content)}"


def _final_structure_id(files: RunFiles) -> str:
    path = output_file(files.directory, "CONTCAR", files.suffix)
    if path is None:
        return ""
    try:
        final = Poscar.from_str(read_text(path)).structure
    except (ValueError, IndexError, KeyError, OSError, VaspOutputError):  # cut, of a killed run
        return ""
    numbers = np.array(final.atomic_numbers)
    return _structure_id(numbers, final.lattice.matrix, final.cart_coords)


def _commonest(by_key: Iterable[Mapping[str, _Value]]) -> dict[str, _Value]:
    """Return for each key the value that most have."""
    values: dict[str, Counter[_Value]] = defaultdict(Counter)
    for each in by_key:
        for key, value in each.items():
            values[key][value] += 1
    return {key: counts.most_common(1)[0][0] for key, counts in values.items()}


def _compared(
    run: SurveyedRun, expected: Fingerprint, length: float | None, ediff: _Ediff
) -> SurveyedRun:
    found = run.fingerprint.with_settings(kpoint_length=length)
    if ediff.admits(run):
        found = found.with_settings(EDIFF=ediff.total)
    drift = [*run.no_label, *drifted(expected, found)]
    if length is not None and (run.lengths is None or not run.lengths.admit(length)):
        drift.append(_mesh_in_words(run, length))
    if not drift:
        return replace(run, fingerprint=expected)
    text = json.dumps([expected.hash, *drift])
    found = replace(found, hash=short_hash(text))
    return replace(run, fingerprint=found, drift=tuple(drift))


def _mesh_in_words(run: SurveyedRun, length: float) -> str:
    if run.mesh is None or run.lengths is None:
        return f"k-points are no mesh vs meshes of length {length:g} Å"
    mesh = "×".join(map(str, run.mesh))
    return (
        f"k-point mesh {mesh} of length {run.lengths.above:.0f}–{run.lengths.up_to:.0f} Å "
        f"vs {length:g} Å"
    )
