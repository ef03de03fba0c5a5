"""Engines that are ASE calculators in this process: potentials, with or without a file of weights.

To add one is to write a module such as ``workflows/engines/emt.py``: what a campaign may say about
it, a function that loads the calculator, and a `CalculatorEntry`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field

from cuprolith.errors import CuprolithError
from cuprolith.hashes import file_sha256, short_hash
from cuprolith.settings import Listed
from workflows.checks import Check
from workflows.engine import ENGINES, Engine, EngineEntry
from workflows.engine_settings import EngineSettings

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

    from workflows.labelling.path_check import PathCheck

Device = Literal["cpu", "cuda"]


class CalculatorSettings(EngineSettings):
    """What a campaign says about an ASE calculator; subclasses add what theirs takes."""

    @property
    def own(self) -> dict[str, Any]:
        """What the subclass adds: values that decide labels, files by their SHA-256."""
        shared = {*EngineSettings.model_fields, *TorchCalculatorSettings.model_fields}
        values = self.model_dump(mode="json", exclude=shared)
        return values | {key: file_sha256(path) for key, path in self.files.items()}


class TorchCalculatorSettings(CalculatorSettings):
    """A calculator that computes with torch."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        default="cpu",
        description="cpu, where labels repeat bit for bit; cuda; or auto, a GPU where there is one",
    )


class ModelFileSettings(TorchCalculatorSettings):
    """A torch calculator whose model is a file."""

    model: Annotated[Path, Listed] = Field(
        description="file of the model, relative to the campaign file; loading it runs code in it"
    )
    functional: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        default="unknown", description="functional that the model was trained on, for the frames"
    )


C = TypeVar("C", bound=CalculatorSettings)


@dataclass(frozen=True, kw_only=True)
class CalculatorEntry(EngineEntry[C]):
    """An ASE calculator as an engine.

    Attributes
    ----------
    load
        Returns a fresh calculator (eV, eV/Å, eV/Å³) of these settings on this device.
    described
        What computes, after "energies come from".
    seconds_per_atom
        Cost of one energy, force and stress evaluation, s/atom on one CPU core. Where the model is
        a file of the user's it is a guess, which may be wrong by a factor of ten.
    functional
        Functional of the labels; empty where the settings have a field of this name.
    module
        Module that `load` imports; else the first of `packages`.
    weights
        Path of the weights inside that module's folder, if they come with it.
    precision
        Default precision of torch that the calculator needs.
    example
        Elements that it knows, which `doctor` moves along a path.
    simulated
        Whether its labels stand in for those of a quantum-mechanical calculation.
    """

    load: Callable[[C, Device], Calculator]
    described: str
    seconds_per_atom: float
    functional: str = ""
    module: str = ""
    weights: str = ""
    precision: Literal["single", "double"] = "single"
    example: tuple[str, ...] = ("Cu", "Li")
    simulated: bool = True

    def build(self, settings: C) -> Engine:
        """Build the engine; the calculator is not loaded."""
        from workflows.labelling.calculator_makers import (
            CalculatorMeltQuenchMaker,
            CalculatorRelaxMaker,
            CalculatorStaticMaker,
        )

        if not self._installed:
            raise CuprolithError(
                f"engine {self.name} is not installed: no Python package {self.packages[0]!r}",
                key="engine.name",
                remedy=f"pip install {self.packages[0]}, or choose another engine "
                "(`cuprolith doctor` lists them)",
            )
        functional = self._functional(settings)
        common: dict[str, Any] = {
            "engine": self.name,
            "functional": functional,
            "config_hash": short_hash(json.dumps(self._identity(settings), sort_keys=True)),
            "calculator": settings,
        }
        quench = settings.melt_quench
        return Engine(
            name=self.name,
            functional=functional,
            config_hash=common["config_hash"],
            simulated=self.simulated,
            simulated_by=self._described(settings),
            relax=CalculatorRelaxMaker(settings=settings.relax, **common),
            static=CalculatorStaticMaker(**common),
            melt_quench=None
            if quench is None
            else CalculatorMeltQuenchMaker(settings=quench, **common),
            seconds_per_step=self._cost(settings),
            runs_on="gpu" if getattr(settings, "device", "cpu") == "cuda" else "cpu",
        )

    @contextlib.contextmanager
    def calculating(self, settings: C) -> Iterator[Calculator]:
        """Give the calculator of a campaign's settings, and run torch as it needs it."""
        with own_torch_settings(settings):
            yield loaded_calculator(settings)

    def checks(self, settings: C | None) -> list[Check]:
        """Examine the package, its weights and the campaign's device."""
        check = self._check(settings)
        needs_settings = any(field.is_required() for field in self.settings.model_fields.values())
        if settings is not None or check.status != "ok" or needs_settings:
            return [check]
        if not self.labels_crystals:  # the path is one of a crystal
            return [check]
        return [check, self._path_check(self.settings.model_validate({}), self.example)]

    def campaign_checks(self, settings: C, elements: Sequence[str]) -> list[Check]:
        """Compare energies with the work of forces for a campaign's elements."""
        if not self.labels_crystals:
            return []
        ready = self._check(settings).status == "ok" and not self.unfit(settings, elements, ())
        return [self._path_check(settings, elements)] if ready else []

    def _path_check(self, settings: C, elements: Sequence[str]) -> Check:
        """Compare energies with the work of forces along a path."""
        from workflows.labelling.path_check import STEP_LENGTH

        subject = f"engine {self.name}, energies and forces"
        try:
            found = _checked_path(settings, tuple(elements))
        except Exception as error:  # noqa: BLE001  (an engine may fail in any way)
            return Check.note(subject, f"not compared: {type(error).__name__}: {error}")
        where = (
            f"up to {found.largest:.2g} meV in a step of {1000 * STEP_LENGTH:g} mÅ, half of the "
            f"steps up to {found.typical:.2g}, {found.n_atoms} atoms of {'-'.join(elements)}"
        )
        if found.smooth:
            return Check.ok(subject, f"belong together ({where})")
        return Check.note(
            subject,
            f"the energy changes by something else than the work of the forces ({where})",
            "fine for labels that are as exact as the engine; expect an energy drift in dynamics, "
            "and errors of a trained potential no smaller than this",
        )

    def _check(self, settings: C | None) -> Check:
        subject = f"engine {self.name}"
        if not self._installed:
            return Check(
                subject=subject,
                status="missing" if self.weights or settings is not None else "note",
                found=f"no Python package {self.packages[0]}",
                remedy=f"pip install {self.packages[0]}",
            )
        if settings is not None:
            try:
                device_of(settings)
                return Check(subject=subject, status="ok", found=self._source(settings))
            except CuprolithError as error:
                return Check(
                    subject=subject, status="missing", found=error.message, remedy=error.remedy
                )
            except OSError as error:
                return self._unreadable(error)
        try:
            weights = f", weights {self._weights_sha256()[:12]}" if self.weights else ""
        except OSError as error:
            return self._unreadable(error)
        return Check(subject=subject, status="ok", found=f"{self._version}{weights}")

    def _unreadable(self, error: OSError) -> Check:
        return Check(
            subject=f"engine {self.name}",
            status="missing",
            found=f"weights unreadable: {error}",
            remedy=f"pip install --force-reinstall {self.packages[0]}"
            if self.weights
            else "give a file that can be read",
        )

    def _described(self, settings: C) -> str:
        """One sentence: what produced the labels."""
        return (
            f"simulated: energies, forces and stresses come from {self.described} "
            f"({self._source(settings)}), not from a DFT calculation"
        )

    def _cost(self, settings: C) -> Callable[[int, int], float]:
        """Cost of a step of a short-ranged potential, which knows no k-points."""

        def seconds(n_atoms: int, n_kpoints: int = 1) -> float:
            return self.seconds_per_atom * n_atoms

        return seconds

    def _functional(self, settings: C) -> str:
        return self.functional or str(getattr(settings, "functional", "unknown"))

    def _identity(self, settings: C) -> dict[str, Any]:
        """All that decides the label of given positions; the device does to rounding only."""
        identity: dict[str, Any] = {"engine": self.name, "functional": self._functional(settings)}
        if self.packages:
            identity["package"] = f"{self.packages[0]}=={metadata.version(self.packages[0])}"
        if self.weights:
            identity["weights"] = self._weights_sha256()
        return identity | ({"settings": settings.own} if settings.own else {})

    def _source(self, settings: C) -> str:
        files = [f"{path.name} {file_sha256(path)[:12]}" for path in settings.files.values()]
        return ", ".join([self._version, *files])

    @property
    def _version(self) -> str:
        if not self.packages:
            return self.name
        return f"{self.packages[0]} {metadata.version(self.packages[0])}"

    @property
    def _installed(self) -> bool:
        name = self.module or (self.packages[0] if self.packages else "")
        return not name or importlib.util.find_spec(name) is not None

    def _weights_sha256(self) -> str:
        spec = importlib.util.find_spec(self.module or self.packages[0])
        if spec is None or spec.origin is None:
            raise FileNotFoundError(f"{self.packages[0]} is not installed")
        return file_sha256(Path(spec.origin).parent / self.weights)


def loaded_calculator(settings: CalculatorSettings) -> Calculator:
    """Return the calculator of a campaign's settings, loaded once per process.

    Raises
    ------
    CuprolithError
        If there is no such device here.
    """
    own = settings.model_dump_json(include={"name", *type(settings).model_fields} - _RUN_SETTINGS)
    with own_torch_settings(settings):
        return _loaded(settings.name, own, device_of(settings))


_RUN_SETTINGS = {"task", "relax", "melt_quench"}


@lru_cache(maxsize=2)
def _loaded(name: str, settings: str, device: Device) -> Calculator:
    entry = _entry(name)
    return entry.load(entry.settings.model_validate_json(settings), device)


@lru_cache(maxsize=8)
def _checked_path(settings: CalculatorSettings, elements: tuple[str, ...]) -> PathCheck:
    from workflows.labelling.path_check import check_path, mixed_crystal

    with _entry(settings.name).calculating(settings) as calculator:
        return check_path(calculator, mixed_crystal(elements))


def _entry(name: str) -> CalculatorEntry[Any]:
    entry = ENGINES[name]
    assert isinstance(entry, CalculatorEntry)
    return entry


def device_of(settings: CalculatorSettings) -> Device:
    """Return the device that the settings mean on this machine.

    Raises
    ------
    CuprolithError
        If they ask for a GPU and torch has none.
    """
    wanted = getattr(settings, "device", "cpu")
    if wanted == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "auto":
        return "cpu"
    raise CuprolithError(
        "torch sees no GPU on this machine",
        key="engine.device",
        remedy="use device: cpu or auto, or run where there is a GPU (`cuprolith doctor`)",
    )


@contextlib.contextmanager
def own_torch_settings(settings: CalculatorSettings) -> Iterator[None]:
    """Run torch as the calculator needs it, whatever the rest of the program wants.

    On the CPU that is one thread: with two, forces of one structure differed by 1e-6 eV/Å between
    processes, which MD amplifies; a run that was killed and resumed would then not equal an
    undisturbed one. And potentials in single precision fail where another library (NequIP) has
    made double precision the default. Calculators without torch do not load it.
    """
    if not isinstance(settings, TorchCalculatorSettings):
        yield
        return
    import torch

    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    single = _entry(settings.name).precision == "single"
    if device_of(settings) == "cpu":
        torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32 if single else torch.float64)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
