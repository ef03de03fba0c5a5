"""Models that NequIP compiles for training (``compile_mode: compile``), without a C++ compiler."""

import pytest
import torch
from nequip.data import AtomicDataDict
from variant_models import NAMES, R_MAX, alloy, build, build_from, config, graph

from training.variants.allegro import AllegroSettings
from training.variants.allegro_qdi import QDISettings

ALLEGRO = AllegroSettings(
    r_max=R_MAX, num_scalar_features=4, num_tensor_features=2, edge_mlp_width=4
)
SMALL = {
    "allegro": {"model": ALLEGRO},
    "allegro-mlp": {"model": ALLEGRO},
    "allegro-qdi": {
        "model": ALLEGRO,
        "qdi": QDISettings(qubits=2, depth=1, final_mlp_width=4),
    },
    "nequip": {},
}
OUTPUTS = [AtomicDataDict.TOTAL_ENERGY_KEY, AtomicDataDict.FORCE_KEY, AtomicDataDict.STRESS_KEY]


def outputs_and_gradients(model, data):
    """Return what a training step needs, among it second derivatives."""
    model.zero_grad()
    output = model(dict(data))
    sum(output[key].square().sum() for key in OUTPUTS).backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return [output[key].detach() for key in OUTPUTS] + gradients


@pytest.mark.parametrize("variant", NAMES)
def test_a_batch_of_one_frame_is_never_compiled(variant):
    """NequIP runs it eagerly, so ``compile_mode: compile`` is in vain at batch size 1."""
    compiled = build_from({**config(variant, **SMALL[variant]), "compile_mode": "compile"}).train()
    found = outputs_and_gradients(compiled, graph(alloy()))
    expected = outputs_and_gradients(build(variant, **SMALL[variant]).train(), graph(alloy()))
    assert not compiled._compiled_cache[0]
    assert all(torch.equal(one, other) for one, other in zip(expected, found, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["allegro-mlp", "allegro-qdi"])  # the others are upstream's own
def test_traced_model_trains_like_the_eager_one(variant, monkeypatch):
    """NequIP traces the model and its forces with any number of frames, atoms and edges.

    It refuses a graph that depends on them. The traced graph is run as it is: what Inductor makes
    of it takes minutes on a CPU and is no matter of ours.
    """
    monkeypatch.setattr(torch, "compile", lambda graph_module, **options: graph_module)
    eager = build(variant, **SMALL[variant]).train()
    compiled = build_from({**config(variant, **SMALL[variant]), "compile_mode": "compile"}).train()
    compiled(graph(alloy(0), alloy(1)))
    larger = graph(alloy(2).repeat((2, 1, 1)), alloy(3), alloy(4))
    expected = outputs_and_gradients(eager, larger)
    found = outputs_and_gradients(compiled, larger)
    assert len(compiled._compiled_cache[0]) == 1
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-8, atol=1e-8)
