"""``python judge.py KIND MODEL TEST.extxyz OUT.json``: errors and physics of a trained model.

Runs in the environment of the program that trained it; only that program is imported.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # another environment does not know this package
from errors import errors
from physics import properties


def mace(model: Path) -> Any:
    """Load a MACE model."""
    from mace.calculators import MACECalculator

    return MACECalculator(model_paths=str(model), device="cpu", default_dtype="float64")


def gap(model: Path) -> Any:
    """Load a GAP."""
    from quippy.potential import Potential

    return Potential(param_filename=str(model))


def cuprolith(model: Path) -> Any:
    """Load a checkpoint of ours."""
    from training.calculator import checkpoint_calculator

    return checkpoint_calculator(model, "cpu")


def kernel(model: Path) -> Any:
    """Load our kernel ridge."""
    from tests.benchmarks.race.kernel_ridge_peer import load

    return load(model)


def diep(_: Path) -> Any:
    """Load the potential that made the labels of the quickstart; it has no file."""
    from diep.pretrained import make_calculator

    return make_calculator(device="cpu")


CALCULATORS = {"mace": mace, "gap": gap, "cuprolith": cuprolith, "kernel": kernel, "diep": diep}


def judge(calculator: Any, test: Path, out: Path) -> None:
    """Write errors and physics as JSON."""
    out.write_text(json.dumps({**errors(test, calculator), "physics": properties(calculator)}))


if __name__ == "__main__":
    kind, model, test, out = sys.argv[1:]
    judge(CALCULATORS[kind](Path(model)), Path(test), Path(out))
