"""Embedded r2SCAN-level potentials: label engines whose weights come inside a Python wheel."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from ase.calculators.calculator import Calculator

from cuprolith.hashes import file_sha256


@dataclass(frozen=True)
class EmbeddedPotential:
    """A pretrained potential that stands in for DFT.

    Attributes
    ----------
    package
        Python distribution that ships the weights.
    weights
        Path of the weights inside the package; their hash enters the settings fingerprint.
    trained_on
        Data the potential was trained on.
    load
        Returns a fresh ASE calculator (eV, eV/Å, eV/Å³).
    seconds_per_atom
        Measured cost of one energy, force and stress evaluation, s/atom on one CPU core.
    """

    package: str
    weights: str
    trained_on: str
    load: Callable[[], Calculator]
    seconds_per_atom: float
    functional: str = "r2SCAN"

    @property
    def installed(self) -> bool:
        """Whether the package can be imported."""
        return importlib.util.find_spec(self.package) is not None

    @property
    def version(self) -> str:
        """Version of the package."""
        return metadata.version(self.package)

    def weights_sha256(self) -> str:
        """Hash of the weights file."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{self.package} is not installed")
        return file_sha256(Path(spec.origin).parent / self.weights)


def _load_diep() -> Calculator:
    from diep.pretrained import make_calculator

    # make_calculator gives the stress in eV/Å³; the bare calculator would give GPa.
    return make_calculator()


def _load_chgnet() -> Calculator:
    from chgnet.model import CHGNet
    from chgnet.model.dynamics import CHGNetCalculator

    with contextlib.redirect_stdout(io.StringIO()):  # it prints the device
        return CHGNetCalculator(
            CHGNet.load(model_name="r2scan", use_device="cpu", verbose=False), use_device="cpu"
        )


POTENTIALS: dict[str, EmbeddedPotential] = {
    "diep-r2scan": EmbeddedPotential(
        package="diep",
        weights="pretrained_models/diep_fold1/state.pt",
        trained_on="MatPES r2SCAN",
        load=_load_diep,
        seconds_per_atom=0.007,
    ),
    "chgnet-r2scan": EmbeddedPotential(
        package="chgnet",
        weights="pretrained/r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar",
        trained_on="MPtrj, fine-tuned on MP-r2SCAN",
        load=_load_chgnet,
        seconds_per_atom=0.007,
    ),
}


@lru_cache(maxsize=2)
def embedded_calculator(name: str) -> Calculator:
    """Return the engine's ASE calculator, loaded once per process."""
    return POTENTIALS[name].load()


@contextlib.contextmanager
def own_torch_settings() -> Iterator[None]:
    """Run torch on one thread and in single precision, whatever the rest of the program wants.

    With two threads, forces of one structure differed by 1e-6 eV/Å between processes, which MD
    amplifies; a run that was killed and continued would then not equal an undisturbed one. And
    the potentials fail where another library (NequIP) has made double precision the default.
    """
    import torch

    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
