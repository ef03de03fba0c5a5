"""Build the untrained model of a trial: the cost of its calls does not depend on weights.

Importing this module takes seconds (torch, NequIP).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence

import torch
from ase import Atoms
from nequip.data import AtomicDataDict, from_ase
from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
from nequip.nn.graph_model import GraphModel

from training.settings import TrainingSettings
from training.variant import model_config

# In place of statistics of the training set: with these, features are as large as in a training,
# and no number is so small (denormal) that the processor becomes slow.
_NEIGHBOURS = 20.0
_ENERGY_SCALE = 1.0


def untrained_model(
    training: TrainingSettings, symbols: Sequence[str], *, has_forces: bool
) -> GraphModel:
    """Build the model of a training with random weights; NequIP's global state must be set.

    Parameters
    ----------
    training
        Decides the architecture and the precision.
    symbols
        Chemical symbols, sorted as in the dataset.
    has_forces
        Whether the model gives forces and stresses beside energies.
    """
    config = model_config(training)
    builder = pkgutil.resolve_name(":".join(config.pop("_target_").rsplit(".", 1)))
    model: GraphModel = builder(
        **config,
        seed=0,
        model_dtype=training.dtype,
        compile_mode="eager",
        type_names=list(symbols),
        avg_num_neighbors=_NEIGHBOURS,
        per_type_energy_scales=_ENERGY_SCALE,
        per_type_energy_shifts=dict.fromkeys(symbols, 0.0),
        do_derivatives=has_forces,
    )
    return model.eval()


def model_input(
    atoms: Atoms, symbols: Sequence[str], r_max: float, device: str | torch.device = "cpu"
) -> AtomicDataDict.Type:
    """Return the input of a model: positions, species and the neighbour list, on a device.

    Parameters
    ----------
    atoms
        One structure.
    symbols
        Chemical symbols of the model.
    r_max
        Cutoff radius of the neighbour list, Å.
    device
        Device of the tensors.
    """
    species = ChemicalSpeciesToAtomTypeMapper(
        model_type_names=list(symbols),
        chemical_species_to_atom_type_map={symbol: symbol for symbol in symbols},
    )
    data = NeighborListTransform(r_max=r_max)(species(from_ase(atoms)))
    return AtomicDataDict.to_(data, torch.device(device))
