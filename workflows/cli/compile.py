"""``cuprolith package | compile``: a trained model as a file for other programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cuprolith.errors import CuprolithError
from cuprolith.lock import workdir_lock
from cuprolith.progress import announce, progress_on
from training.nequip_runs.deployed_files import COMPILED_SUFFIX, PACKAGE_SUFFIX, Target
from workflows.stage_commands.console import console, errors_shown, made
from workflows.stage_commands.options import DebugOption
from workflows.workdir import Workdir

DEPLOYED = "deployed"
_LAMMPS = "pair_"
_DEVICE = re.compile(r"cpu|cuda(?::[0-9]{1,3})?")

FolderArgument = Annotated[
    Path | None, typer.Argument(help="Folder of a training: it holds result.json.")
]
WorkdirOption = Annotated[
    Path | None,
    typer.Option("--workdir", "-w", help="Workdir of a campaign, instead of the folder."),
]
TargetOption = Annotated[
    Target, typer.Option("--target", help="Program that uses it: ASE, batch (torch-sim) or LAMMPS.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu or cuda.")]


def package(
    folder: FolderArgument = None, workdir: WorkdirOption = None, debug: DebugOption = False
) -> None:
    """Pack a trained model and its code into one file, in deployed/ of the training's folder."""
    with errors_shown(debug=debug), _training(folder, workdir) as trained:
        from training.nequip_runs.deployment import package_model

        checkpoint, variant = _finished(trained)
        out = trained / DEPLOYED / f"{variant}{PACKAGE_SUFFIX}"
        announce("packaging takes about half a minute")
        package_model(checkpoint, out)
        made(out, f"{variant}: weights and code; nequip-compile takes it like a checkpoint")


def compile_(
    folder: FolderArgument = None,
    workdir: WorkdirOption = None,
    target: TargetOption = "ase",
    device: DeviceOption = "cpu",
    debug: DebugOption = False,
) -> None:
    """Compile a trained model for one use, in deployed/ of the training's folder."""
    with errors_shown(debug=debug), _training(folder, workdir) as trained:
        from training.nequip_runs.deployment import compile_model

        if not _DEVICE.fullmatch(device):  # it becomes part of a file name
            raise CuprolithError(f"--device {device}: not a device", remedy="use cpu or cuda")
        checkpoint, variant = _finished(trained)
        _check_target(target, variant)
        out = trained / DEPLOYED / f"{variant}-{target}-{device}{COMPILED_SUFFIX}"
        announce("compiling takes one to four minutes")
        compile_model(checkpoint, out, target, device)
        made(out, f"{variant}, compiled for {target} on {device}; use it with")
        console.print(
            escape(usage(out.resolve(), target, device, _symbols(trained))), soft_wrap=True
        )


def usage(path: Path, target: Target, device: str, symbols: list[str]) -> str:
    """Return the lines with which a compiled model is used."""
    if target.startswith(_LAMMPS):
        style = target.removeprefix(_LAMMPS)
        return f"pair_style {style}\npair_coeff * * {path} {' '.join(symbols)}"
    module, calculator = {
        "ase": ("ase", "NequIPCalculator"),
        "batch": ("torchsim", "NequIPTorchSimCalc"),
    }[target]
    return (
        f"from nequip.integrations.{module} import {calculator}\n"
        f"model = {calculator}.from_compiled_model(\n"
        f'    "{path}", device="{device}", chemical_species_to_atom_type_map=True\n)'
    )


def _check_target(target: Target, variant: str) -> None:
    """Refuse a pair style of LAMMPS that is not the variant's."""
    from training.variant import VARIANTS

    wanted = VARIANTS[variant].lammps_target
    if target.startswith(_LAMMPS) and target != wanted:
        raise CuprolithError(
            f"--target {target}: not the pair style of {variant}",
            remedy=f"for LAMMPS, compile it with --target {wanted}",
        )


@contextmanager
def _training(folder: Path | None, workdir: Path | None) -> Iterator[Path]:
    """Find the training's folder, lock it, and explain what fails inside."""
    from training.errors import TrainingError

    if (folder is None) == (workdir is None):
        raise CuprolithError(
            "give either the folder of a training or --workdir",
            remedy="cuprolith compile --workdir WORKDIR",
        )
    if folder is None:
        assert workdir is not None
        opened = Workdir(workdir)
        folder = opened.training(opened.campaign().training.variant)
    if folder.is_file():
        raise CuprolithError(
            "this is a file; name the folder of its training",
            where=str(folder),
            remedy=f"cuprolith compile {folder.parent}",
        )
    if not folder.is_dir():
        raise CuprolithError("no such folder", where=str(folder), remedy="train first")
    with workdir_lock(workdir or folder), progress_on(console):
        try:
            yield folder
        except TrainingError as error:
            raise CuprolithError(str(error), where=str(folder)) from error


def _finished(folder: Path) -> tuple[Path, str]:
    """Return the best checkpoint of a finished training, and its variant."""
    from training.nequip_runs.training_run import RESULT_FILE, load_result

    result = load_result(folder)
    if result is None:
        raise CuprolithError(
            f"no finished training here: no valid {RESULT_FILE}",
            where=str(folder),
            remedy="finish it first: cuprolith train",
        )
    return folder / result.checkpoint, result.variant


def _symbols(folder: Path) -> list[str]:
    from training.nequip_runs.training_run import INPUTS_FILE, stored_inputs

    inputs = stored_inputs(folder)
    if inputs is None:
        raise CuprolithError(
            "missing or damaged",
            where=str(folder / INPUTS_FILE),
            remedy="give the command that trained again: it writes the file, and trains nothing",
        )
    return list(inputs.config["training_module"]["model"]["type_names"])
