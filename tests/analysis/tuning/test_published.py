"""What is shown beside studies is what the project's own copies of the paper's tables say."""

from pathlib import Path

import pytest

from analysis.reproduction.published import load_published
from analysis.tuning.published import paper_dataset, published_point
from training.frame_sources.settings import (
    DatasetSourceSettings,
    QM9SourceSettings,
    RMD17SourceSettings,
)
from training.settings import TrainingSettings
from workflows.inputs.training_file import load_training_file

HERE = Path()
INPUTS = Path(__file__).parents[3] / "inputs/paper"
DATASETS = ("aspirin", "benzene", "qm9", "culi")
VARIANTS = ("allegro", "allegro-mlp", "allegro-qdi")


def at(settings: TrainingSettings, dotted: str):
    value = settings
    for part in dotted.split("."):
        value = value[int(part)] if part.isdigit() else getattr(value, part)
    return value


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("variant", VARIANTS)
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
    assert paper_dataset(RMD17SourceSettings(directory=HERE, molecule="benzene")) == "benzene"
    assert paper_dataset(RMD17SourceSettings(directory=HERE, molecule="ethanol")) is None
    assert paper_dataset(QM9SourceSettings(directory=HERE)) == "qm9"
    collected = DatasetSourceSettings(directory=HERE)
    assert paper_dataset(collected, ("Cu", "Li")) == "culi"
    assert paper_dataset(collected, ("Cu",)) is None
    assert paper_dataset(collected, ("C", "H", "O")) is None
