"""What a potential is judged on: the crystals and structures of a workdir."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ase import Atoms
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from analysis.validation.dynamics import ROOM_TEMPERATURE
from analysis.validation.material import JudgedStructure, Material
from cuprolith.json_files import read_json
from generators.crystals import standard_crystal
from workflows.engine_settings import EngineSettings
from workflows.inputs.campaign_crystals import campaign_crystals
from workflows.labelling.lattice_constants import relaxed_crystals, with_relaxed
from workflows.structures.structure_files import (
    StructureRecord,
    iter_structures,
    require_structures,
)
from workflows.workdir import Workdir


def campaign_material(workdir: Workdir, r_max: float | None) -> Material:
    """Return what the potential of a campaign is judged on.

    Parameters
    ----------
    r_max
        Cutoff radius of the potential, Å.

    Raises
    ------
    CuprolithError
        If structures are missing or damaged.
    """
    campaign = workdir.campaign()
    xyz = workdir.require(workdir.structures_xyz, "generate")
    require_structures(xyz, workdir.structures_json)
    given = campaign_crystals(campaign)
    relaxed = relaxed_crystals(campaign, given, workdir.lattice_constants_json)
    crystals = with_relaxed(given, relaxed)
    structures = _judged_structures(workdir)
    elements = {symbol for crystal in crystals.values() for symbol in crystal.symbol_set}
    for structure in structures:
        elements |= set(structure.atoms.get_chemical_symbols())
    return Material(
        crystals={name: conventional_atoms(name, each) for name, each in crystals.items()},
        structures=structures,
        elements=tuple(sorted(elements)),
        r_max=r_max,
        fmax=campaign.engine.relax.fmax,
        max_steps=campaign.engine.relax.max_steps,
        highest_temperature=_highest_temperature(campaign.engine),
        melts=campaign.engine.melt_quench is not None,
        seed=campaign.seed,
    )


def conventional_atoms(name: str, crystal: Structure) -> Atoms:
    """Return the conventional cell of a crystal."""
    conventional = standard_crystal(name, crystal).conventional
    return AseAtomsAdaptor.get_atoms(conventional, msonable=False)


def _highest_temperature(settings: EngineSettings) -> float:
    melt = settings.melt_quench
    return ROOM_TEMPERATURE if melt is None else melt.melt_temperature


def _judged_structures(workdir: Workdir) -> tuple[JudgedStructure, ...]:
    rows = read_json(workdir.structures_json)["structures"]
    parameters = {row["structure_id"]: row["parameters"] for row in rows}
    return tuple(
        _judged(record, parameters.get(record.structure_id, {}))
        for record in iter_structures(workdir.structures_xyz)
    )


def _judged(record: StructureRecord, parameters: Mapping[str, Any]) -> JudgedStructure:
    atoms = Atoms(
        record.atoms.numbers,
        record.atoms.positions,
        cell=record.atoms.cell,
        pbc=True,
        constraint=record.atoms.constraints,
    )
    index = [int(number) for number in record.miller_index.split()]
    return JudgedStructure(
        structure_id=record.structure_id,
        family=record.family,
        atoms=atoms,
        miller_index=(index[0], index[1], index[2]) if index else None,
        parent_id=record.parent_id,
        parameters=parameters,
    )
