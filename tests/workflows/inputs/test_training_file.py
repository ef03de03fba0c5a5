import re
from pathlib import Path

import pytest

from cuprolith.errors import CuprolithError
from training.variants.allegro_mlp import AllegroMLPTraining
from training.variants.allegro_qdi import AllegroQDITraining
from workflows.inputs.campaign_errors import CampaignError
from workflows.inputs.training_file import TrainingFileError, is_training_file, load_training_file

INPUTS = Path(__file__).parents[3] / "inputs"
PAPER = INPUTS / "paper"

# Laskaris 2026: r_max, lr, batch, P, layers, edge MLP.
TABLE_I = {
    "aspirin": (7.3, 5.36e-03, 3, 6.9, 4, 32),
    "benzene": (12.0, 1e-03, 1, 5.0, 3, 128),
    "qm9": (12.0, 1e-03, 5, 10.0, 3, 32),
    "culi": (12.0, 2e-03, 2, 5.0, 2, 128),
}
# ... and final MLP.
TABLE_II = {
    "aspirin": (7.4, 2.93e-03, 2, 6.7, 3, 16, (1024, 1024)),
    "benzene": (12.0, 1e-03, 1, 5.0, 3, 128, (32, 4)),
    "qm9": (6.2, 1e-03, 2, 5.0, 2, 64, (32, 16)),
    "culi": (5.0, 9.35e-04, 1, 10.3, 3, 16, (4, 16)),
}
# ... and final MLP, QDI depth, QDI input features.
TABLE_III = {
    "aspirin": (9.5, 1e-03, 1, 6.0, 4, 16, 4, 4, 21),
    "benzene": (12.0, 1e-03, 1, 5.0, 3, 32, 16, 1, 4),
    "qm9": (12.0, 1e-03, 5, 10.0, 3, 32, 128, 3, 4),
    "culi": (5.0, 4.02e-03, 5, 12.0, 3, 4, 128, 3, 4),
}
EPOCHS = {"aspirin": 3000, "benzene": 3000, "qm9": 300, "culi": 100}  # Table V, caption


def of_table_i(file):
    training, model = file.training, file.training.model
    return (
        model.r_max, training.learning_rate, training.batch_size, model.polynomial_cutoff_p,
        model.num_layers, model.edge_mlp_width,
    )  # fmt: skip


def load(dataset, variant):
    file = load_training_file(PAPER / f"{dataset}_{variant.replace('-', '_')}.yaml")
    assert file.name == f"{dataset}-{variant}"
    assert file.training.variant == variant
    assert file.training.max_epochs == EPOCHS[dataset]
    assert file.data.source == {"qm9": "qm9", "culi": "dataset"}.get(dataset, "rmd17")
    return file


@pytest.mark.parametrize("dataset", TABLE_I)
def test_allegro_is_table_i(dataset):
    assert of_table_i(load(dataset, "allegro")) == TABLE_I[dataset]


@pytest.mark.parametrize("dataset", TABLE_II)
def test_allegro_mlp_is_table_ii(dataset):
    file = load(dataset, "allegro-mlp")
    assert (*of_table_i(file), file.training.final_mlp.widths) == TABLE_II[dataset]


@pytest.mark.parametrize("dataset", TABLE_III)
def test_allegro_qdi_is_table_iii(dataset):
    file = load(dataset, "allegro-qdi")
    qdi = file.training.qdi
    found = (*of_table_i(file), qdi.final_mlp_width, qdi.depth, qdi.input_features)
    assert found == TABLE_III[dataset]


def test_what_the_tables_do_not_vary_is_the_same_in_all_files():
    commons, own = set(), {}
    for path in sorted(PAPER.glob("*_allegro*.yaml")):
        training = load_training_file(path).training
        model = training.model
        commons.add((
            training.energy_weight, training.force_weight, training.ema_decay, training.dtype,
            model.l_max, model.num_scalar_features, model.num_tensor_features, model.num_bessels,
        ))  # fmt: skip
        match training:
            case AllegroMLPTraining(final_mlp=mlp):
                fixed = mlp.model_copy(update={"widths": (1, 1)})
            case AllegroQDITraining(qdi=qdi):
                varied = {"input_features": 1, "depth": 1, "final_mlp_width": 1}
                fixed = qdi.model_copy(update=varied)
            case _:
                fixed = None
        own.setdefault(training.variant, set()).add(fixed)
    assert len(commons) == 1
    assert {variant: len(sections) for variant, sections in own.items()} == {
        "allegro": 1, "allegro-mlp": 1, "allegro-qdi": 1,
    }  # fmt: skip


def test_rmd17_is_split_as_the_literature_does():
    for dataset in ("aspirin", "benzene"):
        data = load(dataset, "allegro").data
        assert (data.molecule, data.split, data.n_train, data.n_val) == (dataset, 1, 950, 50)


def test_a_training_file_is_told_from_a_campaign(tmp_path):
    assert is_training_file(PAPER / "aspirin_allegro.yaml")
    assert not is_training_file(INPUTS / "quickstart.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("data: 1\na: [")
    for unreadable in (broken, tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(CuprolithError, match=re.escape(str(unreadable))):
            is_training_file(unreadable)


TOP = """\
extends: below/middle.yaml
name: small
data:
  directory: elsewhere
training:
  model:
    r_max: 4.0
"""
MIDDLE = """\
extends: ../base.yaml
training:
  model: {r_max: 9.0, l_max: 2}
"""
BASE = """\
seed: 3
data: {source: rmd17, directory: rmd17, molecule: benzene}
training:
  max_epochs: 7
"""


@pytest.fixture
def chain(tmp_path):
    """Write three files that extend each other; return the first."""

    def write(top=TOP, middle=MIDDLE, base=BASE):
        (tmp_path / "below").mkdir(exist_ok=True)
        (tmp_path / "below" / "middle.yaml").write_text(middle)
        (tmp_path / "base.yaml").write_text(base)
        path = tmp_path / "top.yaml"
        path.write_text(top)
        return path

    return write


def refusal(path):
    with pytest.raises((TrainingFileError, CampaignError)) as caught:
        load_training_file(path)
    return str(caught.value)


def test_files_are_merged_key_by_key(chain):
    file = load_training_file(chain())
    assert (file.name, file.seed) == ("small", 3)
    assert (file.data.directory, file.data.molecule) == (Path("elsewhere"), "benzene")
    model = file.training.model
    assert (model.r_max, model.l_max, file.training.max_epochs) == (4.0, 2, 7)


def test_a_list_replaces_a_list(chain):
    base = BASE + "  variant: allegro-mlp\n  final_mlp: {widths: [8, 4], input_width: 5}\n"
    top = TOP + "  final_mlp: {widths: [2, 3]}\n"
    final_mlp = load_training_file(chain(top, base=base)).training.final_mlp
    assert (final_mlp.widths, final_mlp.input_width) == ((2, 3), 5)


def test_a_section_of_another_variant_is_an_unknown_key(chain):
    path = chain(TOP + "  qdi: {depth: 2}\n")
    message = refusal(path)
    assert f"{path}:8: training.qdi: unknown key" in message
    assert "valid keys here: atomic_energies, batch_size" in message
    allowed = chain(TOP + "  variant: allegro-qdi\n  qdi: {depth: 2}\n")
    assert load_training_file(allowed).training.qdi.depth == 2


def test_keys_of_a_model_are_those_of_its_variant(chain):
    variant = "  variant: nequip\n"
    path = chain(TOP + variant, middle=MIDDLE.replace("l_max: 2", "num_tensor_features: 2"))
    message = refusal(path)
    where = f"{path.parent / 'below' / 'middle.yaml'}:3"
    assert f"{where}: training.model.num_tensor_features" in message
    assert "did you mean `num_features`" in message
    model = load_training_file(chain(TOP + variant)).training.model
    assert (model.r_max, model.l_max, model.num_layers) == (4.0, 2, 4)


def test_an_unknown_variant_and_source_list_the_known(chain):
    path = chain(TOP + "  variant: alegro\n")
    message = refusal(path)
    assert "did you mean `allegro`? valid here: allegro, allegro-mlp" in message
    path = chain(TOP.replace("directory: elsewhere", "source: md22"))
    message = refusal(path)
    assert "valid here: dataset, extxyz, qm9, rmd17" in message


def test_an_error_names_the_file_and_line_it_stands_in(chain):
    path = chain(middle=MIDDLE.replace("l_max: 2", "l_maks: 2"))
    message = refusal(path)
    assert f"{path.parent / 'below' / 'middle.yaml'}:3: training.model.l_maks" in message
    assert "did you mean `l_max`" in message


def test_unknown_keys_of_the_data_are_those_of_its_source(chain):
    path = chain(TOP.replace("directory: elsewhere", "splits: 2"))
    message = refusal(path)
    assert f"{path}:4: data.splits: unknown key" in message
    assert "did you mean `split`" in message
    assert "n_train" in message


def test_all_problems_are_named_at_once(chain):
    path = chain(TOP + "  batch_size: 0\n  learning_rate: fast\n")
    message = refusal(path)
    assert "2 problems" in message
    assert f"{path}:8: training.batch_size" in message
    assert f"{path}:9: training.learning_rate" in message


def test_missing_and_circular_files(chain, tmp_path):
    message = refusal(chain(TOP.replace("middle", "nowhere")))
    assert "top.yaml:1: extends: no such file: below/nowhere.yaml" in message
    assert "circle" in refusal(chain(base=BASE + "extends: top.yaml\n"))
    assert "no such training file" in refusal(tmp_path / "absent.yaml")
    assert "not the name of a file" in refusal(chain("extends: [a, b]\n"))
    assert "is a mapping" in refusal(chain("- 1\n"))
    assert "top.yaml:2: not valid YAML" in refusal(chain("name: a\n\tb: 1\n"))


def test_limits(chain):
    file = load_training_file(chain())
    assert file.limited(None, None) == file
    limited = file.limited(2, "00:00:10:00").training
    assert (limited.max_epochs, limited.max_time) == (2, "00:00:10:00")
    with pytest.raises(TrainingFileError, match="--max-time ten minutes"):
        file.limited(None, "ten minutes")
