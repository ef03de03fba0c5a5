"""Search spaces: the paper's hold the paper's points, a person's are checked before use."""

import itertools
from pathlib import Path

import pytest
import yaml

from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
)
from training.tuning.search_spaces import (
    SearchSpaceError,
    applied,
    check_study,
    search_space,
)
from training.tuning.settings import LimitSettings, TuningSettings
from training.variant import VARIANTS
from training.variants.allegro import AllegroTraining
from training.variants.allegro_mlp import AllegroMLPTraining

PAPER = Path(__file__).parents[3] / "inputs" / "paper"
PAPER_SPACES = {"allegro": 6, "allegro-mlp": 9, "allegro-qdi": 9}
# Hyper-parameters that the paper optimises and does not print.
UNPRINTED = {"final_mlp.input_width"}


def rows():
    """Return the rows of Tables I to III: the training sections of the paper's files."""
    for variant, dataset in itertools.product(PAPER_SPACES, ("aspirin", "benzene", "qm9", "culi")):
        path = PAPER / f"{dataset}_{variant.replace('-', '_')}.yaml"
        yield pytest.param(yaml.safe_load(path.read_text())["training"], id=path.stem)


def value_of(section, name):
    for key in name.split("."):
        section = section[int(key) if key.isdecimal() else key]
    return section


def holds(parameter, value):
    if isinstance(parameter, OrdinalParameter):
        return value in parameter.values
    return parameter.low <= value <= parameter.high


@pytest.mark.parametrize("row", rows())
def test_paper_spaces_hold_the_rows_of_the_papers_tables(row):
    space = VARIANTS[row["variant"]].search_space
    assert len(space) == PAPER_SPACES[row["variant"]]
    for name, parameter in space.items():
        if name not in UNPRINTED:
            assert holds(parameter, value_of(row, name)), name


@pytest.mark.parametrize("variant", VARIANTS.entries)
def test_a_variant_s_space_passes_the_checks_that_a_persons_does(variant):
    space = dict(VARIANTS[variant].search_space)
    assert search_space(variant, TuningSettings()) == space
    assert search_space(variant, TuningSettings(search_space=space)) == space


def test_applied_exchanges_values_by_dotted_name():
    training = AllegroMLPTraining(max_epochs=7)
    changed = applied(
        training,
        {"model.r_max": 6.5, "final_mlp.widths.1": 64, "learning_rate": 0.002, "batch_size": 3},
    )
    assert changed.model.r_max == 6.5
    assert changed.final_mlp.widths == (training.final_mlp.widths[0], 64)
    assert (changed.learning_rate, changed.batch_size) == (0.002, 3)
    back = {"model.r_max": 5.0, "final_mlp.widths.1": 16, "learning_rate": 0.02, "batch_size": 5}
    assert applied(changed, back) == training


def test_applied_validates():
    with pytest.raises(SearchSpaceError, match=r"model\.r_max: .* greater than 0 \(got -1\.0\)"):
        applied(AllegroTraining(), {"model.r_max": -1.0})
    with pytest.raises(SearchSpaceError, match="all weights of the loss are 0"):
        applied(AllegroTraining(), {"energy_weight": 0.0, "force_weight": 0.0})


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"r_max": FloatParameter(low=4, high=6)}, "did you mean `model.r_max`"),
        ({"model.rmax": FloatParameter(low=4, high=6)}, "did you mean `model.r_max`"),
        ({"model.l_max": IntParameter(low=1, high=5)}, r"model\.l_max: .* \(got 5\)"),
        ({"model.num_layers": IntParameter(low=0, high=2)}, r"num_layers: .* \(got 0\)"),
        ({"batch_size": FloatParameter(low=1, high=8)}, "batch_size: .* valid integer"),
        ({"dtype": CategoricalParameter(choices=("float32", "float16"))}, "got 'float16'"),
        ({"batch_size": OrdinalParameter(values=(1, 2.5, 4))}, r"batch_size: .* \(got 2\.5\)"),
        ({"qdi.depth": IntParameter(low=1, high=2)}, "allegro does not use it, allegro-qdi does"),
        ({"variant": CategoricalParameter(choices=("allegro",))}, "same for all trials"),
    ],
)
def test_impossible_spaces_are_refused(space, message):
    with pytest.raises(SearchSpaceError, match=message):
        search_space("allegro", TuningSettings(search_space=space))


def test_a_list_is_searched_by_its_members():
    space = {"final_mlp.widths": IntParameter(low=4, high=6)}
    with pytest.raises(SearchSpaceError, match=r"did you mean `final_mlp\.widths\.[01]`"):
        search_space("allegro-mlp", TuningSettings(search_space=space))


def test_stability_without_forces_is_refused():
    tuning = TuningSettings(limits=LimitSettings(energy_drift=0.001))
    check_study(AllegroTraining(), tuning, has_forces=True)
    with pytest.raises(SearchSpaceError, match="needs forces"):
        check_study(AllegroTraining(), tuning, has_forces=False)
