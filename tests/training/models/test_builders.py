"""Model builders: what settings decide, and what stays upstream's own."""

import inspect

import allegro.model
import pytest
import torch
from nequip.data import AtomicDataDict
from nequip.model import FullNequIPGNNModel, NequIPGNNModel
from omegaconf import OmegaConf
from variant_models import NAMES, alloy, build, build_from, config, graph, predict, settings

from training.models import extended_allegro
from training.models.final_mlp import FinalMLP
from training.models.qdi_block import QDIBlock
from training.quantum.layer import QDILayer
from training.quantum.trigonometric import TrigonometricLayer
from training.variants.allegro import AllegroSettings
from training.variants.allegro_mlp import FinalMLPSettings
from training.variants.allegro_qdi import QDISettings
from training.variants.nequip import NequIPSettings

EXTENDED = ("allegro-mlp", "allegro-qdi")


def energy_model(model):
    return model.model.func


def parameter_shapes(module):
    return {name: tuple(value.shape) for name, value in module.named_parameters()}


def test_allegro_is_upstreams_own():
    assert config("allegro")["_target_"] == "allegro.model.AllegroModel"


@pytest.mark.parametrize("variant", EXTENDED)
def test_everything_but_the_readout_is_upstreams(variant):
    """Same modules in the same order, and with one seed the same weights."""
    ours, theirs = energy_model(build(variant)), energy_model(build("allegro"))
    assert list(ours._modules) == list(theirs._modules)
    state = ours.state_dict()
    for name, value in theirs.state_dict().items():
        if not name.startswith("edge_readout."):
            assert torch.equal(state[name], value), name


@pytest.mark.parametrize("variant", EXTENDED)
def test_inserted_parameters_belong_to_the_readout(variant):
    """Parameter groups of an optimiser go by name."""
    theirs = dict(build("allegro").named_parameters())
    added = {name for name in dict(build(variant).named_parameters()) if name not in theirs}
    assert added
    assert all(".edge_readout." in name for name in added)


def test_final_mlp_settings_reach_the_model():
    mlp = FinalMLPSettings(input_width=7, widths=(11, 3), nonlinearity="tanh")
    readout = energy_model(build("allegro-mlp", final_mlp=mlp)).edge_readout
    assert isinstance(readout.block, FinalMLP)
    shapes = list(parameter_shapes(readout).values())
    n_features = 8 * (2 + 1)  # num_scalar_features · (num_layers + 1)
    assert shapes == [(n_features, 7), (7, 11), (11, 3), (3, 8), (8, 1)]
    assert [type(m) for m in readout.modules()].count(torch.nn.Tanh) == 2


def test_qdi_settings_reach_the_model():
    readout = energy_model(build("allegro-qdi", qdi=QDISettings(final_mlp_width=9))).edge_readout
    assert isinstance(readout.block, QDIBlock)
    shapes = list(parameter_shapes(readout).values())
    assert shapes == [(24, 4), (24,), (4, 9), (9, 8), (8, 1)]


def test_a_lattice_of_features_and_other_circuits():
    """As in Table III for aspirin (21 features, depth 4), with two of four qubits measured."""
    qdi = QDISettings(input_features=21, depth=4, measurement="even", final_mlp_width=4)
    readout = energy_model(build("allegro-qdi", qdi=qdi)).edge_readout
    shapes = list(parameter_shapes(readout).values())
    n_weights = (6 + 1) * 4 * 4  # variational blocks · depth · qubits
    assert shapes == [(24, 21), (n_weights,), (2, 4), (4, 8), (8, 1)]
    prediction = predict(build("allegro-qdi", qdi=qdi), alloy())
    assert abs(prediction.forces).max() > 0


@pytest.mark.parametrize("variant", EXTENDED)
@pytest.mark.parametrize(
    "options",
    [
        {"readout_mlp_hidden_layers_depth": 2, "readout_mlp_nonlinearity": "mish"},
        {"readout_mlp_nonlinearity": None},
        {"readout_mlp_hidden_layers_depth": 0, "forward_normalize": False},
    ],
)
def test_readout_options_are_upstreams(variant, options):
    """The MLP behind the inserted block differs from upstream's in its input width only."""
    ours = energy_model(build_from({**config(variant), **options})).edge_readout
    theirs = energy_model(build_from({**config("allegro"), **options})).edge_readout
    assert ours.mlp_module.dims[1:] == theirs.mlp_module.dims[1:]
    assert ours.mlp_module.dims[0] == ours.block.n_outputs
    kinds = [[type(m) for m in readout.mlp_module.modules()] for readout in (ours, theirs)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("variant", EXTENDED)
def test_what_the_data_decides_reaches_upstream(variant):
    """Energies only; a pair potential beside the model."""
    zbl = {
        "_target_": "nequip.nn.pair_potential.ZBL",
        "chemical_species": ["Al", "Cu"],
        "units": "metal",
    }
    model = build_from({**config(variant), "do_derivatives": False, "pair_potential": zbl})
    assert "pair_potential" in energy_model(model)._modules
    output = model(graph(alloy()))
    assert AtomicDataDict.FORCE_KEY not in output
    without = predict(build(variant), alloy()).energy
    assert output[AtomicDataDict.TOTAL_ENERGY_KEY].item() > without


@pytest.mark.parametrize("variant", NAMES)
def test_built_through_hydra_from_a_file(variant):
    """As in ``nequip-train``, whose configuration goes through YAML."""
    text = OmegaConf.to_yaml(OmegaConf.create(config(variant)))
    from_file = build_from(OmegaConf.to_container(OmegaConf.create(text)))
    assert predict(from_file, alloy()).energy == predict(build(variant), alloy()).energy


@pytest.mark.parametrize("variant", NAMES)
def test_the_seed_decides_the_weights(variant):
    first, again, other = (predict(build(variant, seed=seed), alloy()).energy for seed in (1, 1, 2))
    assert first == again != other


def test_settings_are_the_builders_keywords():
    """A key that a section has and a block or a circuit lacks would fail here."""
    for variant, section in (("allegro-mlp", "final_mlp"), ("allegro-qdi", "qdi")):
        given = getattr(settings(variant), section)
        # Controls are left out unless they are set.
        values = given.model_dump(mode="json", exclude={"layer", "frozen"}).values()
        found = config(variant)
        inserted = [*found[section].values()]
        inserted += [found["final_mlp_width"]] if section == "qdi" else []
        assert sorted(map(str, inserted)) == sorted(map(str, values))
        build(variant)


@pytest.mark.parametrize(
    ("options", "kind", "n_trained"),
    [
        ({"entangling": "none"}, QDILayer, 24),
        ({"frozen": True}, QDILayer, 0),
        ({"layer": "trigonometric"}, TrigonometricLayer, 24),
        ({"layer": "trigonometric", "frozen": True}, TrigonometricLayer, 0),
    ],
)
def test_controls_of_the_quantum_layer_reach_the_model(options, kind, n_trained):
    qdi = QDISettings(final_mlp_width=9, **options)
    model = build("allegro-qdi", qdi=qdi)
    layer = energy_model(model).edge_readout.block.circuit
    assert isinstance(layer, kind)
    assert layer.weights.shape == (24,)
    assert sum(weights.numel() for weights in layer.parameters()) == n_trained
    assert abs(predict(model, alloy()).forces).max() > 0


def test_controls_differ_from_the_model_in_the_layer_only():
    plain, control = (
        dict(build("allegro-qdi", qdi=QDISettings(frozen=frozen)).state_dict())
        for frozen in (False, True)
    )
    assert plain.keys() == control.keys()
    assert all(torch.equal(plain[name], control[name]) for name in plain)


def test_settings_without_controls_are_those_of_earlier_trainings():
    assert not {"layer", "frozen"} & config("allegro-qdi").keys()


def test_nequip_is_upstreams_own():
    given = config("nequip")
    assert given["_target_"] == "nequip.model.NequIPGNNModel"
    known = inspect.signature(NequIPGNNModel).parameters
    full = inspect.signature(FullNequIPGNNModel).parameters
    decorator = {"_target_", "seed", "model_dtype"}
    assert not given.keys() - decorator - known.keys() - full.keys()


def test_nequip_settings_reach_the_model():
    model = NequIPSettings(
        r_max=4.0, num_layers=3, l_max=2, parity=False, num_features=6, radial_mlp_width=5
    )
    layers = [
        module
        for name, module in energy_model(build("nequip", model=model)).named_children()
        if name.endswith("_convnet")
    ]
    assert len(layers) == 3
    hidden = layers[0].irreps_out[AtomicDataDict.NODE_FEATURES_KEY]
    assert str(hidden) == "6x0e+6x1o+6x2e"
    assert any(5 in value.shape for value in layers[0].parameters())


def test_says_what_to_do_if_upstream_changes(monkeypatch):
    def another(**kwargs):
        model = allegro.model.AllegroModel(**kwargs)
        del model.func.edge_readout
        return model

    monkeypatch.setattr(extended_allegro, "AllegroModel", another)
    with pytest.raises(Exception, match="has no ScalarMLP called edge_readout: install"):
        build("allegro-mlp")


def test_says_what_to_do_if_upstreams_options_change(monkeypatch):
    monkeypatch.setitem(extended_allegro._READOUT_OPTIONS, "bias", "readout_mlp_bias")
    with pytest.raises(Exception, match="knows no option readout_mlp_bias: install"):
        build("allegro-qdi")


def test_uneven_sizes_of_table_ii():
    mlp = FinalMLPSettings(widths=(4, 16))
    model = AllegroSettings(r_max=5.0, num_layers=3, edge_mlp_width=16)
    readout = energy_model(build("allegro-mlp", model=model, final_mlp=mlp)).edge_readout
    assert readout.mlp_module.dims == [16, 16, 1]
