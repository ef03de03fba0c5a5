"""The crystals that a campaign names."""

from __future__ import annotations

from pymatgen.core import Structure

from generators.crystals import prototype_structure
from workflows.inputs.campaign import Campaign
from workflows.inputs.crystal_files import read_crystal


def campaign_crystals(campaign: Campaign) -> dict[str, Structure]:
    """Load or build the crystals a campaign names, as it gives them.

    Raises
    ------
    CuprolithError
        If a file holds no crystal, or a prototype lacks a lattice constant.
    """
    crystals = {}
    for name, settings in campaign.crystals.items():
        if settings.file is not None:
            crystals[name] = read_crystal(settings.file, name)
        else:
            crystals[name] = prototype_structure(name, settings)
    return crystals
