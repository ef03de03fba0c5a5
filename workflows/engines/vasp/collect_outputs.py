"""Turn any tree of VASP outputs into a dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cuprolith.errors import CuprolithError
from cuprolith.progress import progress_bar
from cuprolith.staged_file import StagedFile
from cuprolith.words import plural
from training.dataset.builder import DatasetCard, build_dataset
from training.dataset.frames import Frame
from training.settings import DatasetSettings
from workflows.engines.vasp.ionic_steps import IonicStep, VaspOutputError, VaspRun
from workflows.engines.vasp.run_survey import (
    SurveyedRun,
    agree_on_settings,
    by_trajectory,
    further_runs,
    refuse_mixed_programs,
    survey_run,
    with_parents,
)
from workflows.engines.vasp.run_tree import RunFiles, find_runs
from workflows.engines.vasp.vasprun import read_run

COLLECTION_FILE = "collection.json"
_SHOWN = 30


@dataclass
class CollectionReport:
    """Outcome of each run; written beside the dataset as ``collection.json``.

    Attributes
    ----------
    settings
        Settings of the dataset's frames.
    runs
        One entry per run that gave frames: path below the root, source file, ids, frames, whether
        its files ended properly, how its settings drifted.
    problems
        Reasons by path: runs that gave nothing, or not all.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)

    def in_words(self) -> list[str]:
        """List what was set aside for its settings, and which files are bad."""
        drifted = {run["path"]: "; ".join(run["drift"]) for run in self.runs if run["drift"]}
        return [
            *_listed("runs quarantined (other settings, or no labels)", drifted),
            *_listed("damaged or unread files", self.problems),
        ]


@dataclass(frozen=True)
class CollectOutputsSummary:
    """The dataset that was made, and what could not be used."""

    card: DatasetCard
    report: CollectionReport

    def __str__(self) -> str:
        """Say how many frames, what was set aside and why, and which files are bad."""
        frames, n_runs = self.card.frames, len(self.report.runs)
        splits = ", ".join(f"{part.frames} {name}" for name, part in self.card.splits.items())
        lines = [
            f"{plural(frames.kept, 'frame')} of {plural(n_runs, 'run')} ({splits}); of "
            f"{frames.seen} seen {frames.thinned} thinned, {frames.near_duplicates} "
            f"near-duplicates, {frames.quarantined} quarantined"
        ]
        kinds = ", ".join(f"{kind} ({n})" for kind, n in self.card.quarantine.reasons.items())
        lines += [f"quarantined: {kinds}"] if kinds else []
        lines += self.report.in_words()
        return "\n  ".join([*lines, *(f"warning: {each}" for each in self.card.warnings)])


def collect_outputs(
    root: Path, out_dir: Path, seed: int = 0, settings: DatasetSettings | None = None
) -> CollectOutputsSummary:
    """Build a dataset from all VASP runs below a directory; one ionic step is in memory at a time.

    Runs whose settings differ from those of most runs are quarantined: their frames go to
    ``quarantine.extxyz`` under a fingerprint of their own, and how they differ is in
    ``collection.json`` and in the summary. Truncated runs give their complete steps.

    Parameters
    ----------
    root
        Top of the tree.
    out_dir
        Folder of the dataset; one that is there is replaced.
    seed
        Seed of the split.
    settings
        Rules of the dataset; default: the campaign's defaults.

    Raises
    ------
    CuprolithError
        If there is no run, no usable frame, or runs of several programs.
    OSError
        If the dataset cannot be written.
    """
    if not root.is_dir():
        raise CuprolithError("no such directory", str(root), "name the top of a tree of VASP runs")
    report = CollectionReport()
    runs = _survey(root, report)
    refuse_mixed_programs(runs)
    expected, runs = agree_on_settings(runs)
    report.settings = {"hash": expected.hash, **expected.settings, "potcars": expected.potcars}
    trajectories = by_trajectory(_without_copies(with_parents(runs), root, report))
    with progress_bar("collect", total=len(trajectories)) as bar:

        def all_frames() -> Iterator[Iterator[Frame]]:
            for trajectory in trajectories:
                yield _frames(trajectory, root, report)
                bar.advance(1, trajectory[-1].files.name_below(root))

        try:
            card = build_dataset(
                all_frames(), settings or DatasetSettings(), out_dir, seed, unsplit_if_few=True
            )
        except ValueError as error:  # a DatasetError, or a trajectory that is not in order
            raise _refused(str(error), root, report) from error
    _write(report, out_dir)
    return CollectOutputsSummary(card, report)


def _survey(root: Path, report: CollectionReport) -> list[SurveyedRun]:
    found = find_runs(root)
    runs: list[SurveyedRun] = []
    with progress_bar("survey", total=len(found.runs)) as bar:
        for files in found.runs:
            path = files.name_below(root)
            runs += _surveyed(files, root, report)
            bar.advance(1, path)
    for file, reason in found.unread.items():
        report.problems[str(file.relative_to(root))] = reason
    if not runs:
        raise _refused(
            "no VASP run that gives a complete ionic step",
            root,
            report,
            "name a directory with vasprun.xml or OUTCAR files (plain or compressed) below it",
        )
    return runs


def _surveyed(files: RunFiles, root: Path, report: CollectionReport) -> Iterator[SurveyedRun]:
    """Yield a run, and those joined to it in one OUTCAR."""
    joined: list[RunFiles] = []
    try:
        run = survey_run(files)
        yield run
        joined = further_runs(files) if run.source == "OUTCAR" else []
    except (VaspOutputError, OSError) as error:
        report.problems[files.name_below(root)] = _reason(error)
        with suppress(VaspOutputError, OSError):  # the same
            joined = further_runs(files)
    for each in joined:
        yield from _surveyed(each, root, report)


def _without_copies(
    runs: Sequence[SurveyedRun], root: Path, report: CollectionReport
) -> Iterator[SurveyedRun]:
    first_of: dict[str, str] = {}
    for run in runs:
        path = run.files.name_below(root)
        first = first_of.setdefault(run.digest, path)
        if first == path:
            yield run
        else:
            report.problems[path] = f"left out: a copy of the run in {first}"


def _frames(
    segments: Sequence[SurveyedRun], root: Path, report: CollectionReport
) -> Iterator[Frame]:
    """Yield the frames of one trajectory, and report on each of its runs."""
    next_step = 0
    for segment in segments:
        path, first_step = segment.files.name_below(root), segment.provenance.first_step
        n_steps, n_frames, run = 0, 0, None
        try:
            files = segment.files
            run = read_run(files.directory, files.suffix, files.part)
            for step in run.steps:
                number = first_step + n_steps
                n_steps += 1
                if number >= next_step:  # a continued segment may repeat where it starts
                    n_frames += 1
                    next_step = number + 1
                    yield _frame(step, number, run, segment)
            if run.source == "vasprun.xml, OUTCAR":
                report.problems[path] = (
                    f"vasprun.xml is cut, OUTCAR continues it; complete steps, all kept: {n_steps}"
                )
            elif not run.complete:
                report.problems[path] = f"{run.source} is cut; complete steps, all kept: {n_steps}"
        except (VaspOutputError, OSError) as error:
            report.problems[path] = f"{_reason(error)}; steps before it, all kept: {n_steps}"
        if run is not None:
            report.runs.append(_entry(path, run, segment, n_frames))


def _frame(step: IonicStep, number: int, run: VaspRun, segment: SurveyedRun) -> Frame:
    origin = segment.provenance
    return Frame(
        numbers=run.numbers,
        positions=step.positions,
        cell=step.cell,
        energy=step.energy,
        energy_sigma0=step.energy_sigma0,
        forces=step.forces,
        stress=step.stress,
        free_mask=run.free_mask,
        structure_id=origin.structure_id,
        family=origin.family,
        miller_index=origin.miller_index,
        parent_id=origin.parent_id,
        trajectory_id=origin.trajectory_id,
        step=number,
        engine=segment.engine,
        functional=segment.fingerprint.functional,
        config_hash=segment.fingerprint.hash,
        converged=step.scf_converged,
        flaw="; ".join(segment.drift),
    )


def _entry(path: str, run: VaspRun, segment: SurveyedRun, n_frames: int) -> dict[str, Any]:
    return {
        "path": path,
        "source": run.source,
        "vasp_version": run.vasp_version,
        "engine": segment.engine,
        "functional": segment.fingerprint.functional,
        "config_hash": segment.fingerprint.hash,
        "structure_id": segment.provenance.structure_id,
        "trajectory_id": segment.provenance.trajectory_id,
        "frames": n_frames,
        "complete": run.complete,
        "drift": list(segment.drift),
    }


def _write(report: CollectionReport, out_dir: Path) -> None:
    with StagedFile(out_dir / COLLECTION_FILE) as file:
        file.write(json.dumps(vars(report), indent=1).encode() + b"\n")
        file.finish()
        file.commit()


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, CuprolithError) else str(error)


def _refused(
    message: str, root: Path, report: CollectionReport, remedy: str = ""
) -> CuprolithError:
    return CuprolithError("\n  ".join([message, *report.in_words()]), str(root), remedy)


def _listed(title: str, reasons: dict[str, str]) -> list[str]:
    if not reasons:
        return []
    lines = [f"  {path}: {reason}" for path, reason in list(reasons.items())[:_SHOWN]]
    if len(reasons) > _SHOWN:
        lines.append(f"  and {len(reasons) - _SHOWN} more, in {COLLECTION_FILE}")
    return [f"{title}: {len(reasons)}", *lines]
