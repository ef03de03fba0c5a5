"""Damage to each file of a finished campaign's folder, and what the same command makes of it.

``python tests/workflows/damaged_workdir.py FOLDER`` makes the table of that page of the docs. It
takes a quarter of an hour of processor time: it makes a campaign with a training and a study in
FOLDER, and for each file and each kind of damage a copy in which the command is given again. It
ends with 1 if anything finished is computed again though its own file is whole, or if a message
does not say what to do.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

HERE = Path(__file__).resolve().parent
sys.path[:0] = map(str, (HERE.parents[1], HERE.parent, HERE / "tuning"))

from tests.damage import DAMAGES  # noqa: E402
from workflows.cli.main import app  # noqa: E402

CAMPAIGN = """\
name: tiny
seed: 4
crystals:
  Cu: {prototype: fcc, a: 3.6, relax: true}
  Li: {file: li.vasp}
structures:
  bulk: {strains: [-0.02, 0.0, 0.02]}
  slabs:
    - {crystal: Cu, miller_indices: [[1, 0, 0]], min_thickness: 4.0, vacuum: 5.0}
    - {crystal: Li, miller_indices: [[1, 0, 0]], min_thickness: 4.0, vacuum: 5.0}
  interfaces:
    - {substrate: Cu, film: Li, substrate_miller: [1, 0, 0], film_miller: [1, 0, 0],
       substrate_thickness: 4.0, film_thickness: 4.0}
engine:
  relax: {max_steps: 3}
  melt_quench: {cooling_rate: 40000, hold_steps: 4, segment_steps: 8}
"""
TRAINING = """\
training:
  model: {r_max: 4.0, num_scalar_features: 4, num_tensor_features: 1, edge_mlp_width: 4}
  max_epochs: 2
validation: {properties: []}
tuning:
  generations: 2
  offspring: 2
  inference: {objective: flops}
  search_space:
    model.r_max: {type: float, low: 3.0, high: 8.0}
    learning_rate: {type: float, low: 1.0e-4, high: 1.0e-1, log: true}
    model.num_layers: {type: int, low: 1, high: 4}
"""
POSCAR = "Li\n1.0\n3.456 0 0\n0 3.456 0\n0 0 3.456\nLi\n2\ndirect\n0 0 0\n0.5 0.5 0.5\n"
STAGES = {"generate", "label", "collect", "train", "validate", "tune", "judge", "report"}
# What may be computed again where a file is damaged: names of jobs, or what `counted` counts.
OWN = {
    "labels/results/": r"(relax|start|scaled-down melt-quench) ",
    "structures/lattice_constants.json": "lattice constants",
    "predictions/": "predictions",
    "tuning/": r"(measure|train|propose|tell) ",
    "result.json": "trainer",
}


@dataclass(frozen=True)
class Outcome:
    """What a command has ended with, printed, and computed."""

    code: int
    output: str
    computed: tuple[str, ...]

    def faults(self, relative: str) -> list[str]:
        """What is wrong with it, after damage to a file."""
        own = "|".join(pattern for part, pattern in OWN.items() if part in relative) or "$^"
        found = [f"computed {name}" for name in self.computed if not re.match(own, name)]
        if "internal error" in self.output or "Traceback" in self.output:
            found.append("internal error")
        said = re.sub(r"\s", "", self.output)
        if self.code and not (Path(relative).name in said and "→" in said):
            found.append("no file or no remedy in its message")
        return found


def begin(folder: Path, text: str) -> Path:
    """Write the campaign; return its path."""
    (folder / "li.vasp").write_text(POSCAR)
    campaign = folder / "tiny.yaml"
    campaign.write_text(text)
    return campaign


def give(*arguments: str | Path) -> Outcome:
    """Give a command in this process, and note what it computes."""
    import training.nequip_runs.trainer
    import training.predict
    import workflows.labelling.lattice_constants
    from workflows.jobs.job_log import JobLog

    computed: list[str] = []
    write = JobLog.write

    def noting(log: JobLog, event: str, uuid: str, index: int, name: str, *rest: object) -> None:
        if event == "started" and name not in STAGES:
            computed.append(name)
        write(log, event, uuid, index, name, *rest)

    def counted(module: object, name: str, what: str) -> None:
        function = getattr(module, name)

        def counting(*arguments: object, **settings: object) -> object:
            computed.append(what)
            return function(*arguments, **settings)

        replaced.append((module, name, function))
        setattr(module, name, counting)

    replaced: list[tuple[object, str, object]] = [(JobLog, "write", write)]
    JobLog.write = noting
    counted(workflows.labelling.lattice_constants, "relax_crystal", "lattice constants")
    counted(training.nequip_runs.trainer, "run_nequip_train", "trainer")
    counted(training.predict, "predict", "predictions")
    try:
        result = CliRunner().invoke(app, list(map(str, arguments)))
    finally:
        for module, name, function in reversed(replaced):
            setattr(module, name, function)
    trace = "".join(traceback.format_exception(*result.exc_info)) if result.exc_info else ""
    output = result.output + (trace if result.exit_code not in (0, 1) else "")
    return Outcome(result.exit_code, output, tuple(computed))


def harmed(base: Path, relative: str, damage: str, copy: Path) -> Path:
    """Return a copy of a folder in which a file is damaged."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(base, copy)
    DAMAGES[damage](copy / relative)
    return copy


def give_in_a_fork(scratch: Path, *arguments: str | Path) -> Outcome:
    """Give a command in a fork of this process, which has loaded what it needs."""
    told = scratch / "outcome.json"
    told.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        with (scratch / "stderr").open("w") as stream:
            os.dup2(stream.fileno(), 2)
        outcome = give(*arguments)
        told.write_text(json.dumps([outcome.code, outcome.output, outcome.computed]))
        os._exit(0)
    os.waitpid(child, 0)
    code, output, computed = json.loads(told.read_text())
    return Outcome(code, output + (scratch / "stderr").read_text(), tuple(computed))


def in_words(outcome: Outcome, usual: str, damaged: bytes | None, path: Path) -> str:
    """Say what became of a damaged file.

    Parameters
    ----------
    outcome
        Of the command with the damaged file.
    usual
        What the command prints in an undamaged folder.
    damaged
        Content after the damage; None if the file was removed.
    path
        The file.
    """
    kinds = Counter(re.split(r"[ -]", name)[0] for name in outcome.computed)
    again = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    unusual = set(outcome.output.splitlines()) - set(usual.splitlines())
    warned = any("warning" in line for line in unusual)
    if outcome.code:
        return "refused" + (f" after {again}" if again else "")
    if again:
        return f"computed again: {again}" + (" (warned)" if warned else "")
    now = path.read_bytes() if path.is_file() else None
    if now != damaged:
        return "put back (warned)" if warned else "made again"
    return "warned" if warned else "not read"


def main(folder: Path, *parts: str) -> int:
    """Make the campaign, unless it is there, and the table; return the exit code.

    With parts of names, the table is of the files whose paths have one of them.
    """
    from simulated_trials import SimulatedTrials

    from workflows.tuning import run

    run.NequIPTrials = SimulatedTrials
    folder.mkdir(parents=True, exist_ok=True)
    campaign, base = begin(folder, CAMPAIGN + TRAINING), folder / "w"
    # Loads what the forks need, also where the campaign is finished.
    usual = give("run", campaign, "--workdir", base).output
    print(usual)
    scratch = Path(tempfile.mkdtemp(dir=folder)) / "w"
    n_faults = 0
    print(f"| file | {' | '.join(DAMAGES)} |\n|---|{'---|' * len(DAMAGES)}", flush=True)
    for path in sorted(path for path in base.rglob("*") if path.is_file()):
        relative = path.relative_to(base).as_posix()
        if parts and not any(part in relative for part in parts):
            continue
        cells = []
        for damage in DAMAGES:
            copy = harmed(base, relative, damage, scratch)
            harmed_file = copy / relative
            damaged = harmed_file.read_bytes() if harmed_file.exists() else None
            outcome = give_in_a_fork(scratch.parent, "run", campaign, "--workdir", copy)
            cells.append(in_words(outcome, usual, damaged, harmed_file))
            for fault in outcome.faults(relative):
                n_faults += 1
                print(f"FAULT {relative} {damage}: {fault}\n{outcome.output}", file=sys.stderr)
        print(f"| `{relative}` | {' | '.join(cells)} |", flush=True)
    shutil.rmtree(scratch.parent)
    return int(n_faults > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
