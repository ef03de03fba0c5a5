from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.training.sources.public_files import small_molecules, write_qm9, write_rmd17
from training.dataset.builder import DatasetError
from training.frame_sources.settings import open_source, source_settings
from training.sources.dataset import DatasetSource
from training.sources.qm9 import QM9Source
from training.sources.rmd17 import RMD17Source


def opened(folder, **section):
    return open_source(source_settings(section), relative_to=folder)


def test_each_section_opens_its_source(tmp_path, emt_dataset):
    write_rmd17(tmp_path / "rmd17")
    write_qm9(tmp_path / "qm9", small_molecules(2), failed=[1])
    rmd17 = opened(
        tmp_path, source="rmd17", directory="rmd17", molecule="benzene", n_train=12, n_val=8
    )
    assert isinstance(rmd17, RMD17Source)
    assert rmd17.n_frames("val") == 8
    qm9 = opened(tmp_path, source="qm9", directory="qm9", n_train=3, n_val=1, seed=4)
    assert isinstance(qm9, QM9Source)
    assert (qm9.n_frames("train"), qm9.n_frames("test")) == (3, 1)
    dataset = opened(tmp_path, source="dataset", directory=str(emt_dataset))
    assert isinstance(dataset, DatasetSource)
    assert dataset.symbols == ("Al", "Cu")


def test_a_source_s_own_section_opens_the_same_source(tmp_path):
    write_rmd17(tmp_path / "data")
    source = RMD17Source(tmp_path / "data", "benzene", n_train=12, n_val=8)
    again = open_source(source_settings(source.settings()), relative_to=Path("/elsewhere"))
    assert again.verified_hashes(stress=False) == source.verified_hashes(stress=False)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"source": "md22", "directory": "x"}, ()),
        ({"source": "rmd17", "directory": "x", "molecule": "water"}, ("rmd17", "molecule")),
        (
            {"source": "rmd17", "directory": "x", "molecule": "uracil", "split": 6},
            ("rmd17", "split"),
        ),
        ({"source": "qm9", "directory": "x", "molecule": "aspirin"}, ("qm9", "molecule")),
        ({"source": "dataset"}, ("dataset", "directory")),
    ],
)
def test_what_a_source_does_not_know_is_refused(section, key):
    with pytest.raises(ValidationError) as raised:
        source_settings(section)
    assert raised.value.errors()[0]["loc"] == key


def test_a_folder_without_a_dataset(tmp_path):
    with pytest.raises(DatasetError):
        opened(tmp_path, source="dataset", directory=".")
