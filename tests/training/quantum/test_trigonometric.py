"""The classical control of the QDI layer."""

import math

import pytest
import torch

from training.quantum.circuit import CircuitError
from training.quantum.layer import QDILayer
from training.quantum.qdi import QDIOptions
from training.quantum.trigonometric import TrigonometricLayer


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


@pytest.mark.parametrize("options", [QDIOptions(), QDIOptions(3, 2, 1, measurement="single")])
def test_it_has_the_circuits_weights_and_outputs(options):
    layer, circuit = TrigonometricLayer(options), QDILayer(options)
    assert layer.weights.shape == circuit.weights.shape
    assert layer.n_outputs == circuit.n_outputs
    assert layer(torch.randn(5, options.n_features)).shape == (5, circuit.n_outputs)


def test_it_has_the_circuits_81_frequencies():
    layer = TrigonometricLayer(QDIOptions()).double()
    axis = 2 * math.pi * torch.arange(5, dtype=torch.float64) / 5
    x = torch.cartesian_prod(axis, axis, axis, axis)
    grid = layer(x).t().reshape(4, 5, 5, 5, 5)
    coefficients = torch.fft.fftn(grid, dim=(1, 2, 3, 4)).abs() / 5**4
    assert ((coefficients > 1e-9).sum((1, 2, 3, 4)) == 81).all()
    assert coefficients[:, 2].max() < 1e-9


@pytest.mark.parametrize("input_scaling", ["none", "tanh_pi"])
def test_zero_gives_exactly_zero(input_scaling):
    layer = TrigonometricLayer(QDIOptions(input_scaling=input_scaling))
    assert torch.equal(layer(torch.zeros(3, 4)), torch.zeros(3, 4))


def test_outputs_are_as_large_as_those_of_circuits():
    x = 2 * math.pi * torch.rand(200, 4)

    def variance(kind):
        values = torch.stack([kind(QDIOptions())(x) for _ in range(60)])
        return values.var(1).mean().item()

    assert variance(TrigonometricLayer) == pytest.approx(variance(QDILayer), rel=0.35)


def test_the_basis_is_always_the_same():
    one, other = (TrigonometricLayer(QDIOptions()) for _ in range(2))
    assert torch.equal(one.basis, other.basis)
    assert not torch.equal(one.weights, other.weights)
    assert list(one.state_dict()) == ["weights"]


def test_twice_differentiable():
    layer = TrigonometricLayer(QDIOptions(2, 2, 1)).double()
    x = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))
    assert torch.autograd.gradgradcheck(layer, (x,))


def test_too_many_features_are_refused():
    with pytest.raises(CircuitError, match="up to 8 features, not 9"):
        TrigonometricLayer(QDIOptions(9))


@pytest.mark.parametrize("kind", [QDILayer, TrigonometricLayer])
def test_frozen_weights_are_drawn_alike_and_kept_with_the_model(kind):
    torch.manual_seed(1)
    trained = kind(QDIOptions())
    torch.manual_seed(1)
    frozen = kind(QDIOptions(), frozen=True)
    assert torch.equal(trained.weights, frozen.weights)
    assert [*frozen.parameters()] == []
    assert list(frozen.state_dict()) == ["weights"]
