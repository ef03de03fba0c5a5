"""What is shown beside studies is what the project's own copies of the paper's tables say."""

from pathlib import Path

import pytest

from analysis.reproduction.published import load_published
from analysis.tuning.published import published_point
from training.settings import TrainingSettings
from training.sources.dataset import DatasetSourceSettings
from training.sources.qm9 import QM9SourceSettings
from training.sources.rmd17 import RMD17SourceSettings
from training.variant import VARIANTS
from workflows.inputs.training_file import load_training_file

HERE = Path()
INPUTS = Path(__file__).parents[3] / "inputs/paper"
DATASETS = ("aspirin", "benzene", "qm9", "culi")
PUBLISHED = tuple(variant.name for variant in VARIANTS if variant.published)


def at(settings: TrainingSettings, dotted: str):
    value = settings
    for part in dotted.split("."):
        value = value[int(part)] if part.isdigit() else getattr(value, part)
    return value


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("variant", PUBLISHED)
def test_points_are_those_of_the_training_files_and_of_table_iv(dataset, variant):
    point = published_point(dataset, variant)
    file = load_training_file(INPUTS / f"{dataset}_{variant.replace('-', '_')}.yaml")
    assert {name: at(file.training, name) for name in point.parameters} == dict(point.parameters)
    assert point.epochs == file.training.max_epochs
    errors = load_published(INPUTS / "results.yaml").forces_mae.get(dataset)
    if errors is None:
        assert point.accuracy is None
    else:
        assert 1000 * point.accuracy == pytest.approx(errors[variant])


def test_data_is_the_papers_only_where_it_is():
    assert RMD17SourceSettings(directory=HERE, molecule="benzene").paper_dataset(()) == "benzene"
    assert RMD17SourceSettings(directory=HERE, molecule="ethanol").paper_dataset(()) is None
    assert QM9SourceSettings(directory=HERE).paper_dataset(()) == "qm9"
    collected = DatasetSourceSettings(directory=HERE)
    assert collected.paper_dataset(("Cu", "Li")) == "culi"
    assert collected.paper_dataset(("Cu",)) is None
    assert collected.paper_dataset(("C", "H", "O")) is None


def test_variants_of_others_have_no_point():
    assert PUBLISHED == ("allegro", "allegro-mlp", "allegro-qdi")
    assert published_point("culi", "nequip") is None
