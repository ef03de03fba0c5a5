"""Repulsion of atoms that are closer than any bond: what a training's frames say nothing about."""

from __future__ import annotations

from typing import Any

import torch
from nequip.data import AtomicDataDict
from nequip.nn import scatter, with_edge_vectors_
from nequip.nn.pair_potential import ZBL


class CoreRepulsion(ZBL):
    """The universal repulsion of two screened nuclei, at less than the length of any bond.

    The energy is that of Ziegler, Biersack and Littmark (The Stopping and Range of Ions in Solids,
    1985) times a polynomial that is 1 at distance 0 and falls to 0, with two derivatives that
    vanish, at the sum of two radii. NequIP's own term reaches the cutoff radius. What it adds to
    bonds a model has to learn the negative of, which is far larger than what is to be learned.

    Parameters
    ----------
    type_names
        Chemical symbols of the model.
    radii
        Of each: two nuclei repel each other at less than the sum of theirs, Å.
    r_max
        Cutoff radius, Å: the repulsion ends there if that is earlier.
    irreps_in
        Of the graph before this module.
    """

    ends: torch.Tensor

    def __init__(
        self,
        type_names: list[str],
        radii: list[float],
        r_max: float,
        irreps_in: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(type_names, type_names, units="metal", irreps_in=irreps_in)
        column = torch.tensor(radii, dtype=torch.float64)[:, None]
        self.register_buffer("ends", (column + column.T).clamp(max=r_max).flatten())

    def forward(self, data: AtomicDataDict.Type) -> AtomicDataDict.Type:
        """Add half of each pair's energy (eV) to each of its atoms."""
        data = with_edge_vectors_(data, with_lengths=True)
        centers, neighbors = data[AtomicDataDict.EDGE_INDEX_KEY].unbind(0)
        lengths = data[AtomicDataDict.EDGE_LENGTH_KEY].view(-1)
        types = data[AtomicDataDict.ATOM_TYPE_KEY].view(-1)
        energies = self._zbl(
            Z=self.atomic_numbers,
            r=lengths,
            atom_types=types,
            edge_index=data[AtomicDataDict.EDGE_INDEX_KEY],
            qqr2exesquare=self._qqr2exesquare,
        )
        pairs = types[centers] * len(self.atomic_numbers) + types[neighbors]
        energies = energies * self.cutoff(lengths / self.ends[pairs])
        atomic = data[self.per_atom_energy_field]
        # There may be fewer energies than atoms: those of other processes' atoms are not computed.
        added = scatter(energies.unsqueeze(-1), centers, dim=0, dim_size=atomic.size(0))
        data[self.per_atom_energy_field] = atomic + added
        return data
