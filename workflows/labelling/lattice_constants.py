"""Lattice constants relaxed with the campaign's engine, once per workdir."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ase.calculators.calculator import Calculator
from ase.constraints import FixSymmetry
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from pydantic import BaseModel, ValidationError
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from cuprolith.errors import CuprolithError
from cuprolith.hashes import file_sha256, sha256, short_hash
from cuprolith.json_files import read_json_if_whole, write_json
from cuprolith.progress import announce
from generators.crystals import standard_crystal
from workflows.engine import ENGINES, Engine, make_engine
from workflows.inputs.campaign import Campaign
from workflows.labelling.calculator_engine import (
    CalculatorEntry,
    CalculatorSettings,
    loaded_calculator,
    own_torch_settings,
)

# Energies come in single precision, so that relaxations of soft crystals from other starts
# scatter by 1e-4 Å (Li with diep). Ids must not hinge on that.
_LENGTH_DIGITS = 3
_ANGLE_DIGITS = 2
_FRACTION_DIGITS = 4
_FORCE_LIMIT = 1e-4  # eV/Å on atoms, eV on the strain of the primitive cell
_MAX_STEPS = 200
_SAME = 1e-5  # Å; lengths this close are equal by symmetry


class RelaxedCrystal(BaseModel):
    """A crystal relaxed by an engine.

    Attributes
    ----------
    request
        Hash of the engine and of the crystal as the campaign gives it.
    given, relaxed
        Constants of the conventional cell (Å, degrees), before and after.
    structure
        The relaxed conventional cell, as pymatgen's dictionary.
    sha256
        See `digest`; empty where an earlier version wrote it.
    """

    request: str
    engine: str
    functional: str
    config_hash: str
    given: dict[str, float]
    relaxed: dict[str, float]
    steps: int
    seconds: float
    structure: dict[str, Any]
    sha256: str = ""

    def digest(self) -> str:
        """Return the SHA-256 of all else, by which a damaged cache is found."""
        text = json.dumps(self.model_dump(mode="json", exclude={"sha256"}), sort_keys=True)
        return sha256(text)


class NotRelaxedError(ValueError):
    """A relaxation that does not converge."""


def relax_crystal(structure: Structure, calculator: Calculator) -> tuple[Structure, int]:
    """Relax cell and atoms of a crystal to zero stress and force; its symmetry is kept.

    Parameters
    ----------
    structure
        The crystal, in any cell.
    calculator
        ASE calculator with stress.

    Returns
    -------
    tuple
        The conventional cell, lengths rounded to 1e-3 Å, angles to 0.01 degrees and fractional
        coordinates to 1e-4, and the number of steps.

    Raises
    ------
    NotRelaxedError
        If stress and forces do not vanish within 200 steps.
    """
    crystal = standard_crystal("crystal", structure)
    atoms = AseAtomsAdaptor.get_atoms(crystal.primitive, msonable=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from the potential's packages
        atoms.calc = calculator
        atoms.set_constraint(FixSymmetry(atoms))
        optimiser = BFGS(FrechetCellFilter(atoms), logfile=None)
        converged = optimiser.run(fmax=_FORCE_LIMIT, steps=_MAX_STEPS)
    if not converged:
        raise NotRelaxedError(f"stress and forces do not vanish within {_MAX_STEPS} steps")
    # In the axes that the crystal had before: Miller indices refer to them.
    relaxed = AseAtomsAdaptor.get_structure(atoms) * crystal.axes
    return _rounded(standard_crystal("crystal", relaxed).conventional), int(optimiser.nsteps)


def relaxed_crystals(
    campaign: Campaign, crystals: Mapping[str, Structure], cache: Path
) -> dict[str, RelaxedCrystal]:
    """Relax the crystals that the campaign wants relaxed, or find them in the cache.

    Parameters
    ----------
    crystals
        All crystals of the campaign, as given.
    cache
        JSON file; written after each crystal, so that a killed run resumes with the next.

    Raises
    ------
    CuprolithError
        If a crystal does not relax, or the engine cannot compute it.
    """
    wanted = {name: settings for name, settings in campaign.crystals.items() if settings.relax}
    if not wanted:
        return {}
    settings = campaign.engine
    if not isinstance(settings, CalculatorSettings):
        able = [entry.name for entry in ENGINES if isinstance(entry, CalculatorEntry)]
        raise CuprolithError(
            f"lattice constants cannot be relaxed with {settings.name}",
            key=f"crystals.{next(iter(wanted))}.relax",
            remedy=f"give them, or relax them in a campaign with one of {', '.join(able)}",
        )
    engine = make_engine(settings)
    stored = _cached(cache)
    found: dict[str, RelaxedCrystal] = {}
    for name in wanted:
        request = _request(campaign, name, engine)
        if name not in stored or stored[name].request != request:
            relaxed = _relaxed(name, crystals[name], settings, engine, request)
            stored[name] = relaxed.model_copy(update={"sha256": relaxed.digest()})
            write_json(cache, {key: each.model_dump(mode="json") for key, each in stored.items()})
        found[name] = stored[name]
    return found


def _cached(cache: Path) -> dict[str, RelaxedCrystal]:
    """Return the crystals of a cache; what is damaged is left out, and said to be."""
    if not cache.is_file():
        return {}
    content = read_json_if_whole(cache)
    found = {}
    for name, entry in content.items() if isinstance(content, dict) else ():
        with suppress(ValidationError):
            crystal = RelaxedCrystal.model_validate(entry)
            if crystal.sha256 in ("", crystal.digest()):
                found[name] = crystal
    if not isinstance(content, dict) or len(found) < len(content):
        announce(f"warning: {cache} is damaged; the crystals that it lost are relaxed again")
    return found


def with_relaxed(
    crystals: Mapping[str, Structure], relaxed: Mapping[str, RelaxedCrystal]
) -> dict[str, Structure]:
    """Return the crystals, relaxed ones in the place of those given."""
    return {
        name: Structure.from_dict(relaxed[name].structure) if name in relaxed else crystal
        for name, crystal in crystals.items()
    }


def _relaxed(
    name: str, crystal: Structure, settings: CalculatorSettings, engine: Engine, request: str
) -> RelaxedCrystal:
    started = time.perf_counter()
    try:
        with own_torch_settings(settings):
            structure, steps = relax_crystal(crystal, loaded_calculator(settings))
    except (NotRelaxedError, KeyError, RuntimeError) as error:
        raise CuprolithError(
            f"crystal {name!r} cannot be relaxed with {engine.name}: {error}",
            key=f"crystals.{name}.relax",
            remedy="give lattice constants closer to the engine's, or leave out `relax`",
        ) from error
    return RelaxedCrystal(
        request=request,
        engine=engine.name,
        functional=engine.functional,
        config_hash=engine.config_hash,
        given=lattice_constants(standard_crystal(name, crystal).conventional.lattice),
        relaxed=lattice_constants(structure.lattice),
        steps=steps,
        seconds=round(time.perf_counter() - started, 3),
        structure=json.loads(structure.to_json()),
    )


def lattice_constants(lattice: Lattice) -> dict[str, float]:
    """Return the constants of a conventional cell: a, and what symmetry does not tie to it.

    Lengths in Å, to 1e-6; angles in degrees where they are not 90 or 120.
    """
    constants = {"a": round(lattice.a, 6)}
    constants |= {
        name: round(length, 6)
        for name, length in (("b", lattice.b), ("c", lattice.c))
        if abs(length - lattice.a) > _SAME
    }
    return constants | {
        name: round(angle, 6)
        for name, angle in zip(("alpha", "beta", "gamma"), lattice.angles, strict=True)
        if min(abs(angle - 90), abs(angle - 120)) > _SAME
    }


def _request(campaign: Campaign, name: str, engine: Engine) -> str:
    settings = campaign.crystals[name]
    content: dict[str, Any] = {
        "engine": engine.config_hash,
        "digits": [_LENGTH_DIGITS, _ANGLE_DIGITS, _FRACTION_DIGITS],
        "name": name,  # says the species where the settings do not
        "crystal": settings.model_dump(mode="json", exclude={"file", "source"}),
    }
    if settings.file is not None:
        content["file"] = file_sha256(settings.file)
    text = json.dumps(content, sort_keys=True)
    return short_hash(text)


def _rounded(conventional: Structure) -> Structure:
    lattice = conventional.lattice
    # Lengths that symmetry makes equal differ by float noise, which must not round apart.
    lengths = [
        next(other for other in lattice.abc if abs(other - length) < _SAME)
        for length in lattice.abc
    ]
    rounded = Lattice.from_parameters(
        *(round(length, _LENGTH_DIGITS) for length in lengths),
        *(round(angle, _ANGLE_DIGITS) for angle in lattice.angles),
    )
    return Structure(
        rounded, conventional.species, conventional.frac_coords.round(_FRACTION_DIGITS)
    )
