"""The blocks in front of Allegro's readout, alone."""

import math

import pytest
import torch

from training.models.final_mlp import FinalMLP
from training.models.qdi_block import QDIBlock
from training.quantum.qdi import QDIOptions

NONLINEARITIES = ["silu", "mish", "gelu", "ssp", "tanh", None]


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield


def double(module):
    return module.to(torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
def test_mlp_of_zero_is_exactly_zero(nonlinearity, dtype):
    mlp = FinalMLP(12, 6, (10, 5), nonlinearity).to(dtype)
    assert torch.equal(mlp(torch.zeros(3, 12, dtype=dtype)), torch.zeros(3, 5, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("measurement", ["all", "even", "single"])
@pytest.mark.parametrize("n_features", [4, 6])
def test_quantum_block_of_zero_is_exactly_zero(n_features, measurement, dtype):
    block = QDIBlock(12, QDIOptions(n_features, measurement=measurement), 7).to(dtype)
    assert torch.equal(block(torch.zeros(3, 12, dtype=dtype)), torch.zeros(3, 7, dtype=dtype))


@pytest.mark.parametrize("nonlinearity", ["sigmoid", "softplus", "relu6"])
def test_refuses_what_is_not_zero_at_zero(nonlinearity):
    with pytest.raises(ValueError, match="would make the energy jump at the cutoff radius"):
        FinalMLP(12, 6, (10, 5), nonlinearity)


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
@pytest.mark.parametrize("initialization", ["uniform", "normal", "orthogonal"])
def test_initial_weights_keep_the_second_moment(initialization, nonlinearity):
    """Layers wide enough for the mean over units to stand for the mean over weights."""
    mlp = FinalMLP(200, 150, (300, 250), nonlinearity, initialization)
    features = torch.randn(2000, 200)
    with torch.no_grad():
        assert mlp(features).square().mean() == pytest.approx(1, rel=0.2)


def test_orthogonal_weights_are_orthogonal():
    for n_features, n_outputs in [(6, 4), (4, 6), (5, 5)]:
        mlp = double(FinalMLP(n_features, n_outputs, (3, 3), initialization="orthogonal"))
        layer = mlp.layers[0]
        weight = layer.weight * layer.alpha
        gram = weight.T @ weight if n_outputs <= n_features else weight @ weight.T
        scale = max(n_outputs / n_features, 1)
        assert torch.allclose(gram, scale * torch.eye(len(gram), dtype=gram.dtype), atol=1e-6)


def test_initializations_differ():
    weights = {}
    for initialization in ("uniform", "normal"):
        mlp = FinalMLP(300, 300, (2, 2), initialization=initialization)
        weights[initialization] = mlp.layers[0].weight.detach()
    assert weights["uniform"].abs().max() <= math.sqrt(3) < weights["normal"].abs().max()


@pytest.mark.parametrize("block", [FinalMLP(12, 6, (10, 5)), QDIBlock(12, QDIOptions(), 7)])
def test_an_edge_does_not_know_how_many_others_there_are(block):
    features = torch.randn(300, 12, dtype=torch.float64)
    block = double(block)
    whole = block(features)
    for part in (slice(0, 0), slice(0, 1), slice(17, 150)):
        assert torch.allclose(block(features[part]), whole[part], rtol=0, atol=1e-12)


@pytest.mark.parametrize("block", [FinalMLP(5, 4, (6, 3)), QDIBlock(5, QDIOptions(), 3)])
def test_twice_differentiable(block):
    features = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    block = double(block)
    assert torch.autograd.gradcheck(block, (features,))
    assert torch.autograd.gradgradcheck(block, (features,))


def test_weights_of_the_circuit_are_angles():
    block = QDIBlock(12, QDIOptions(), 128)
    (weights,) = (value for name, value in block.named_parameters() if name.endswith("weights"))
    assert weights.shape == (24,)
    assert 0 <= weights.min() < 1.5
    assert 4.5 < weights.max() < 2 * math.pi
