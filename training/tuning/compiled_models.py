"""Compile models to measure them: one for all trials whose models have the same code.

Importing this module is quick; compiling imports torch and NequIP.
"""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path

from cuprolith.hashes import sha256
from training.nequip_runs.deployed_files import COMPILED_SUFFIX
from training.settings import TrainingSettings
from training.tuning.measuring_tasks import CompileTask
from training.variant import model_config

_PACKAGES = ("torch", "nequip", "nequip-allegro", "cuprolith")
# The cutoff radius is only a factor in the model, so that one compiled model serves all radii; its
# own radius is larger than that of any trial.
_R_MAX = 20.0
# The same holds for the exponent of the cutoff, except that whole numbers have other code.
_POLYNOMIAL_CUTOFF_P = 6.5
# Cutoff radius of the example for the compiler, Å.
_EXAMPLE_R_MAX = 5.0
_KEY_LENGTH = 16
_ENERGIES = ("atomic_energy", "total_energy")


def settings_with_same_code(training: TrainingSettings) -> TrainingSettings:
    """Return the settings of the model that is compiled in place of a training's own."""
    p = training.model.polynomial_cutoff_p
    model = training.model.model_copy(
        update={
            "r_max": _R_MAX,
            "polynomial_cutoff_p": p if p.is_integer() else _POLYNOMIAL_CUTOFF_P,
        }
    )
    return training.model_copy(update={"model": model})


def compiled_file(
    folder: Path,
    training: TrainingSettings,
    symbols: tuple[str, ...],
    device: str,
    *,
    has_forces: bool,
) -> Path:
    """Return where the compiled model of a training's architecture is, or will be.

    Its name is a hash of everything that decides the code, also of this machine and the versions
    of the libraries.
    """
    content = {
        "model": model_config(settings_with_same_code(training)),
        "dtype": training.dtype,
        "symbols": symbols,
        "has_forces": has_forces,
        "device": device,
        "machine": [platform.node(), platform.machine()],
        "versions": {name: metadata.version(name) for name in _PACKAGES},
    }
    text = json.dumps(content, sort_keys=True)
    return folder / f"{sha256(text)[:_KEY_LENGTH]}{COMPILED_SUFFIX}"


def compile_untrained(task: CompileTask) -> None:
    """Compile with AOTInductor as ``nequip-compile --target ase`` does, with random weights.

    NequIP's comparison with the original model is left out, since only the time matters here.
    """
    from nequip.scripts._compile_utils import COMPILE_TARGET_DICT
    from nequip.scripts._workflow_utils import set_workflow_state
    from nequip.utils import aot
    from nequip.utils.aoti_metadata import (
        NEQUIP_AOTI_INPUTS_KEY,
        NEQUIP_AOTI_OUTPUTS_KEY,
        serialize_aoti_keys,
    )
    from nequip.utils.global_state import get_latest_global_state, set_global_state
    from torch.export import Dim

    from training.tuning.untrained_model import model_input, untrained_model

    set_workflow_state("compile")
    set_global_state()
    target = COMPILE_TARGET_DICT["ase"]
    outputs = [key for key in target["output"] if task.has_forces or key in _ENERGIES]
    model = untrained_model(
        settings_with_same_code(task.training), task.symbols, has_forces=task.has_forces
    )
    example = model_input(task.structure, task.symbols, _EXAMPLE_R_MAX, task.device)
    notes = {
        **model.metadata,
        **get_latest_global_state(only_metadata_related=True),
        NEQUIP_AOTI_INPUTS_KEY: serialize_aoti_keys(target["input"]),
        NEQUIP_AOTI_OUTPUTS_KEY: serialize_aoti_keys(outputs),
    }
    aot.aot_export_model(
        model=model,
        device=task.device,
        input_fields=target["input"],
        output_fields=outputs,
        data=target["data_settings"](example),
        batch_map=target["batch_map_settings"](
            {name: Dim(f"num_{name}s", min=2) for name in ("graph", "node", "edge")}
        ),
        output_path=str(task.out),
        inductor_configs={"aot_inductor.metadata": {k: _text(v) for k, v in notes.items()}},
    )


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
