"""Adatoms of a campaign, and their energies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.validation.energies import (
    chemical_potential,
    clean_slab_energy,
    elemental_crystal,
)
from analysis.validation.material import JudgedStructure, Material
from analysis.validation.source import Source


@dataclass(frozen=True, eq=False)
class Adsorption:
    """An atom on a slab.

    Attributes
    ----------
    structure, slab
        With and without the atom; the slab's cell may be smaller.
    isolated_atom
        The adatom alone, where the campaign has no crystal of its element.
    """

    structure: JudgedStructure
    slab: JudgedStructure
    isolated_atom: JudgedStructure | None

    @property
    def adsorbate_and_face(self) -> str:
        """``Li on Cu(111)``; the bottom face is named where it differs."""
        parameters = self.structure.parameters
        face = "" if parameters["face"] == "top" else f" {parameters['face']}"
        return f"{parameters['species']} on {self.structure.plane}{face}"

    @property
    def site(self) -> str:
        """Kind of the site."""
        return str(self.structure.parameters["site"])

    @property
    def atom_steps(self) -> float:
        """Estimated cost, as in `analysis.validation.property.Case`."""
        return 20.0 * (len(self.structure.atoms) + len(self.slab.atoms))

    def energy(self, source: Source, material: Material) -> float:
        """Return the adsorption energy, eV.

        Raises
        ------
        NotAvailableError
            If the source lacks one of the energies.
        """
        if self.isolated_atom is not None:
            alone = source.relaxed(self.isolated_atom).energy
        else:
            alone = chemical_potential(source, material, str(self.structure.parameters["species"]))
        clean = clean_slab_energy(source, self.structure, self.slab)
        return source.relaxed(self.structure).energy - clean - alone


def adsorptions(material: Material) -> Iterator[Adsorption]:
    """Yield the adatoms whose energies can be compared with a slab and a crystal or atom."""
    atoms = {each.parameters["element"]: each for each in material.of_kind("isolated_atom")}
    for structure in material.of_kind("adatom"):
        slab = material.parent_of(structure)
        species = structure.parameters["species"]
        has_crystal = elemental_crystal(material, species) is not None
        alone = None if has_crystal else atoms.get(species)
        if slab is not None and (has_crystal or alone is not None):
            yield Adsorption(structure, slab, alone)
