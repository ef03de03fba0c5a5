"""Counts of operations and bytes: against formulas, torch's own counter, and scaling laws."""

import numpy as np
import pytest
import torch
from ase.build import bulk
from nequip.data import AtomicDataDict
from nequip.utils.global_state import set_global_state
from torch.utils.flop_counter import FlopCounterMode

from training.tuning.cost_model import cost_estimate
from training.tuning.example_structure import repeated
from training.tuning.untrained_model import model_input, untrained_model
from training.variant import VARIANTS
from training.variants.allegro import AllegroSettings, AllegroTraining
from training.variants.allegro_mlp import FinalMLPSettings
from training.variants.allegro_qdi import QDISettings
from training.variants.nequip import NequIPSettings

SYMBOLS = ("Al", "Cu")
R_MAX = 4.5
SMALL = AllegroSettings(r_max=R_MAX, num_scalar_features=8, num_tensor_features=2, edge_mlp_width=8)
SMALL_NEQUIP = NequIPSettings(r_max=R_MAX, num_layers=2, num_features=8, radial_mlp_width=8)


@pytest.fixture(scope="module", autouse=True)
def _nequip_state():
    before = torch.get_default_dtype()
    set_global_state()
    yield
    torch.set_default_dtype(before)


@pytest.fixture(scope="module")
def alloy():
    atoms = bulk("Cu", a=3.7, cubic=True)
    atoms.symbols[0] = "Al"
    atoms.positions += np.random.default_rng(0).normal(size=(4, 3)) * 0.05
    return atoms


def cost(atoms, variant="allegro", r_max=R_MAX, **changes):
    own = {
        "allegro-mlp": {"final_mlp": FinalMLPSettings(widths=(8, 8))},
        "allegro-qdi": {"qdi": QDISettings(final_mlp_width=8)},
    }
    small = SMALL_NEQUIP if variant == "nequip" else SMALL
    model = small.model_copy(update={"r_max": r_max, **changes})
    training = VARIANTS[variant].settings(model=model, **own.get(variant, {}))
    model = untrained_model(training, SYMBOLS, has_forces=True)
    return cost_estimate(model, model_input(atoms, SYMBOLS, r_max))


class Layers(torch.nn.Module):
    """Two matrix products, a function, a sum, and looks at the same numbers in other shapes."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(3, 16, bias=False)
        self.second = torch.nn.Linear(16, 1, bias=False)

    def forward(self, data):
        hidden = torch.tanh(self.first(data[AtomicDataDict.POSITIONS_KEY]))
        return self.second(hidden).reshape(1, -1).transpose(0, 1).sum()


def test_counts_are_those_of_paper_and_pencil():
    n = 10
    data = {AtomicDataDict.POSITIONS_KEY: torch.ones(n, 3, dtype=torch.float32)}
    model = Layers().to(torch.float32)
    with torch.no_grad():
        counted = cost_estimate(model, data)
        with FlopCounterMode(display=False) as products:
            model(data)
    elementwise, summed = 16 * n, n
    assert products.get_total_flops() == 2 * n * (3 * 16 + 16)
    assert counted.flops_per_atom * n == products.get_total_flops() + elementwise + summed
    numbers = (3 * n + 3 * 16 + 16 * n) + (16 * n + 16 * n) + (16 * n + 16 + n) + (n + 1)
    assert counted.bytes_per_atom * n == 4 * numbers


@pytest.mark.parametrize("variant", VARIANTS.entries)
def test_the_same_model_and_input_cost_the_same_bit_for_bit(alloy, variant):
    assert len({cost(alloy, variant).model_dump_json() for _ in range(3)}) == 1


@pytest.mark.parametrize("variant", VARIANTS.entries)
def test_cost_is_proportional_to_atoms_beyond_what_every_call_costs(alloy, variant):
    structures = [repeated(alloy, n) for n in (32, 128, 256)]
    sizes = np.array([len(atoms) for atoms in structures])
    costs = [cost(atoms, variant) for atoms in structures]
    for quantity, largest_share in (("flops_per_atom", 0.3), ("bytes_per_atom", 0.2)):
        totals = sizes * [getattr(one, quantity) for one in costs]
        slopes = np.diff(totals) / np.diff(sizes)
        assert slopes[0] == pytest.approx(slopes[1], rel=1e-3)
        # The circuit's polynomial is prepared once per call, for any number of atoms.
        assert 0 <= totals[0] - sizes[0] * slopes[0] < largest_share * totals[0]


def test_cost_grows_with_what_makes_models_slow(alloy):
    plain = cost(alloy)
    for larger in (
        cost(alloy, r_max=6.0),
        cost(alloy, num_layers=2),
        cost(alloy, edge_mlp_width=64),
        cost(alloy, num_scalar_features=16),
        cost(alloy, "allegro-mlp"),
        cost(alloy, "allegro-qdi"),
    ):
        assert larger.flops_per_atom > plain.flops_per_atom
        assert larger.bytes_per_atom > plain.bytes_per_atom


def test_cost_is_proportional_to_edges(alloy):
    near, far = model_input(alloy, SYMBOLS, R_MAX), model_input(alloy, SYMBOLS, 6.0)
    edges = [data[AtomicDataDict.EDGE_INDEX_KEY].shape[1] for data in (near, far)]
    ratio = cost(alloy, r_max=6.0).flops_per_atom / cost(alloy).flops_per_atom
    assert ratio == pytest.approx(edges[1] / edges[0], rel=0.05)


def test_forces_cost_more_than_energies(alloy):
    data = model_input(alloy, SYMBOLS, R_MAX)
    energies, forces = (
        cost_estimate(
            untrained_model(AllegroTraining(model=SMALL), SYMBOLS, has_forces=has_forces), data
        )
        for has_forces in (False, True)
    )
    assert 1.5 < forces.flops_per_atom / energies.flops_per_atom < 4
