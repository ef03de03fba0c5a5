"""Trained models as files for other programs: packages, and models compiled for one use.

A package (``.nequip.zip``) holds the model's weights and code and needs NequIP alone to load. A
compiled model (``.nequip.pt2``) holds native code for one kind of device and one use, and needs
torch alone. Both run what they contain when they are loaded: load those you trust.
"""

from __future__ import annotations

from pathlib import Path

from training.errors import TrainingError
from training.nequip_runs.checkpoint_check import refuse_foreign
from training.nequip_runs.deployed_files import COMPILED_SUFFIX, PACKAGE_SUFFIX, Target
from training.nequip_runs.devices import require_device
from training.nequip_runs.nequip_command import make_with_nequip


def package_model(checkpoint: Path, out: Path) -> None:
    """Pack the averaged (EMA) weights of a checkpoint together with the model's code.

    A package outlives changes of this project's code: `compile_model`, ``nequip-compile`` and
    NequIP's fine-tuning take it in place of a checkpoint.

    Parameters
    ----------
    checkpoint
        ``best.ckpt`` of a training, whose dataset has not been moved: an example structure
        goes into the package.
    out
        File to write, ``*.nequip.zip``; its folder is made.

    Raises
    ------
    TrainingError
        If `checkpoint` is no checkpoint of a training, or NequIP fails: with the end of its log
        and what to do.
    """
    _require_suffix(out, PACKAGE_SUFFIX)
    refuse_foreign(checkpoint)
    make_with_nequip(out.resolve(), "package", ["build", str(checkpoint.resolve())], [])


def compile_model(model: Path, out: Path, target: Target = "ase", device: str = "cpu") -> None:
    """Compile a model with AOTInductor for one use.

    NequIP compares the compiled model with the original before it is kept. The file serves any
    number of atoms and edges from two on, on machines with the same kind of processor, with the
    torch version that made it.

    Parameters
    ----------
    model
        ``best.ckpt`` of a training, whose dataset has not been moved; or a package, which
        brings an example structure. A package runs the code in it: take none from strangers.
    out
        File to write, ``*.nequip.pt2``; its folder is made.
    target
        ``ase`` for `compiled_calculator`, ``batch`` for torch-sim, ``pair_allegro`` or
        ``pair_nequip`` for LAMMPS (a variant's `lammps_target`).
    device
        ``cpu`` or ``cuda``.

    Raises
    ------
    TrainingError
        If `model` is neither, there is no such device, or NequIP fails: with the end of its log
        and what to do.
    """
    _require_suffix(out, COMPILED_SUFFIX)
    require_device(device)
    if model.name.endswith(PACKAGE_SUFFIX):
        if not model.is_file():
            raise TrainingError(f"{model} does not exist: package the model first")
    else:
        refuse_foreign(model)
    options = ["--mode", "aotinductor", "--target", target, "--device", device]
    make_with_nequip(out.resolve(), "compile", [str(model.resolve())], options)


def _require_suffix(out: Path, suffix: str) -> None:
    if not out.name.endswith(suffix):
        raise TrainingError(f"{out}: the name of this file must end in {suffix}")
