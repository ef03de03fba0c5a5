"""Train models and their controls with equal budgets and several seeds, and compare them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from analysis.report.content import Table, number
from analysis.reproduction.held_out import read_held_out
from cuprolith.errors import CuprolithError
from cuprolith.json_files import write_atomically
from cuprolith.progress import announce, progress_bar
from cuprolith.words import plural
from training.nequip_runs.training_run import TrainingResult, stored_result
from workflows.epoch_progress import EpochProgress
from workflows.inputs.training_file import TrainingFile, load_training_file
from workflows.training_runs import open_data, run_training, training_folder

TABLE_FILE = "controls.md"
_HEADER = ("model", "weights", "seeds", "forces", "energies", "forces − first", "energies − first")


@dataclass(frozen=True)
class Outcome:
    """One finished training on test frames, or on validation frames if there are no others.

    Attributes
    ----------
    forces, energy
        MAE, meV/Å, and meV of whole structures; None for what is not known.
    n_parameters, epochs
        Of the training.
    on_test
        Whether it is on test frames; else energies are per atom.
    """

    forces: float | None
    energy: float | None
    n_parameters: int
    epochs: int
    on_test: bool


@dataclass(frozen=True)
class ControlsSummary:
    """What was trained, and what failed."""

    n_finished: int
    n_runs: int
    failures: Sequence[str]

    def __str__(self) -> str:
        """Give counts and errors."""
        lines = [f"{self.n_finished} of {plural(self.n_runs, 'run')} finished"]
        return "\n".join(lines + [f"  not run: {failure}" for failure in self.failures])


def compare_controls(
    paths: Sequence[Path],
    data_root: Path,
    out: Path,
    n_seeds: int,
    max_epochs: int | None,
    command: str,
) -> ControlsSummary:
    """Train every file with every seed, first seeds first, and write the table after each run.

    Finished runs are not run again, killed ones resume; one that fails does not stop the rest.

    Parameters
    ----------
    paths
        Training files of one comparison, all on the same data; the first is what the others are
        compared with.
    data_root
        Folder that the files' data folders are relative to.
    out
        Folder of the runs and the table.
    n_seeds, max_epochs
        Seeds from each file's own upwards; epochs in place of those of the files.
    command
        What was called, for the table.

    Raises
    ------
    CuprolithError
        If a file is wrong, or the files do not have equal budgets or data.
    """
    files = [load_training_file(path).limited(max_epochs, None) for path in paths]
    _check_equal(files, paths)
    source = open_data(files[0].data, data_root)
    failures: list[str] = []
    runs = [(file, turn) for turn in range(n_seeds) for file in files]
    for file, turn in runs:
        seed = file.seed + turn
        with progress_bar(f"{file.name}, seed {seed}", total=file.training.max_epochs) as bar:
            try:
                folder = training_folder(out / file.name, seed)
                run_training(file, source, folder, seed, EpochProgress(bar))
            except CuprolithError as error:
                failures.append(f"{file.name}, seed {seed}: {error.message}")
                announce(f"  {failures[-1]}")
        write_atomically(out / TABLE_FILE, [_page(files, out, n_seeds, command)])
    finished = sum(len(found) for found in outcomes(files, out, n_seeds).values())
    return ControlsSummary(finished, len(runs), failures)


def _check_equal(files: Sequence[TrainingFile], paths: Sequence[Path]) -> None:
    """Refuse files that differ in more than the model."""
    names = [file.name for file in files]
    for file, path in zip(files, paths, strict=True):
        if names.count(file.name) > 1:
            raise CuprolithError(f"two files have the name {file.name!r}", where=str(path))
        ours, theirs = (_shared(each) for each in (file, files[0]))
        if different := sorted(key for key in ours if ours[key] != theirs[key]):
            raise CuprolithError(
                f"not the same experiment as {paths[0]}: {', '.join(different)}",
                where=str(path),
                remedy="give files that differ in `qdi`, `final_mlp` and `variant` only",
            )


def _shared(file: TrainingFile) -> dict[str, object]:
    training = file.training.model_dump(mode="json", exclude={"variant", "qdi", "final_mlp"})
    return {"data": file.data, "seed": file.seed, **training}


def outcomes(
    files: Sequence[TrainingFile], out: Path, n_seeds: int
) -> dict[str, dict[int, Outcome]]:
    """Return finished trainings with the epochs of their files, by name and seed."""
    found: dict[str, dict[int, Outcome]] = {file.name: {} for file in files}
    for file in files:
        for seed in range(file.seed, file.seed + n_seeds):
            folder = training_folder(out / file.name, seed)
            result = stored_result(folder)
            if result is not None and result.max_epochs == file.training.max_epochs:
                found[file.name][seed] = _outcome(folder, result)
    return found


def _outcome(folder: Path, result: TrainingResult) -> Outcome:
    held_out = read_held_out(folder, result.input_hash)
    forces = held_out.forces_mae if held_out else result.best_val_forces_mae
    energy = held_out.energy_mae if held_out else result.best_val_per_atom_energy_mae
    return Outcome(
        forces=None if forces is None else 1000 * forces,
        energy=1000 * energy,
        n_parameters=result.n_parameters,
        epochs=result.epochs,
        on_test=held_out is not None,
    )


def comparison_table(found: Mapping[str, Mapping[int, Outcome]]) -> Table:
    """Return one row per model: errors, and differences from the first model by seed.

    Models start from the same weights elsewhere if they have the same seed, so differences by seed
    scatter less than the errors themselves.
    """
    first = next(iter(found.values()))
    rows = []
    for name, by_seed in found.items():
        seeds = [seed for seed in by_seed if seed in first]
        cells = [name, _weights(by_seed), str(len(by_seed))]
        cells.extend(
            _spread([getattr(run, quantity) for run in by_seed.values()])
            for quantity in ("forces", "energy")
        )
        for quantity in ("forces", "energy"):
            pairs = [
                (getattr(by_seed[seed], quantity), getattr(first[seed], quantity)) for seed in seeds
            ]
            differences = [a - b for a, b in pairs if a is not None and b is not None]
            cells.append("" if by_seed is first else _spread(differences))
        rows.append(cells)
    return Table("Models and controls", _HEADER, rows, range(1, len(_HEADER)))


def _weights(by_seed: Mapping[int, Outcome]) -> str:
    return str(next((run.n_parameters for run in by_seed.values()), "–"))


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    text = number(mean(known))
    return f"{text} ± {number(stdev(known), 2)}" if len(known) > 1 else text


def _page(files: Sequence[TrainingFile], out: Path, n_seeds: int, command: str) -> str:
    found = outcomes(files, out, n_seeds)
    runs = [run for by_seed in found.values() for run in by_seed.values()]
    epochs = files[0].training.max_epochs
    table = comparison_table(found)
    lines = ["| " + " | ".join(row) + " |" for row in [table.header, *table.rows]]
    lines.insert(1, "|---" + "|--:" * (len(table.header) - 1) + "|")
    where = "test frames" if all(run.on_test for run in runs) else "validation frames"
    energies = "whole structures" if where == "test frames" else "atoms"
    enough = "" if n_seeds > 1 else "One seed is no result.\n\n"
    return (
        f"# {files[0].name} and its controls\n\n{enough}"
        f"{plural(epochs, 'epoch')} each; MAE on {where}, meV/Å and meV of {energies}, mean ± "
        "sample standard deviation over seeds; differences from the first model are by seed.\n\n"
        + "\n".join(lines)
        + f"\n\n    {command}\n"
    )
