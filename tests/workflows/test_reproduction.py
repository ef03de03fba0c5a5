import re
from pathlib import Path

import pytest
from paper_samples import VARIANTS, store_run, write_inputs, write_rmd17

from cuprolith.errors import CuprolithError
from workflows import reproduction
from workflows.reproduction import MatrixSettings, dry_run, reproduce_tables


@pytest.fixture
def matrix(tmp_path):
    """Settings of a matrix of two datasets, one of them without data."""
    write_rmd17(tmp_path / "data" / "rmd17", "benzene")

    def make(**changes):
        return MatrixSettings(
            inputs=write_inputs(tmp_path / "inputs"),
            data_root=tmp_path / "data",
            out=tmp_path / "out",
            **{"datasets": ("aspirin", "benzene"), "n_seeds": 2} | changes,
        )

    return make


@pytest.fixture
def trained(monkeypatch):
    """Instead of training, leave what a training leaves; record who was asked for."""
    asked = []

    def stand_in(file, source, folder, seed, on_epoch=None):
        asked.append((file.name, seed))
        if file.name == "benzene-allegro-mlp":
            raise CuprolithError("nequip-train was killed", where=str(folder))
        if not folder.exists():
            store_run(folder, [0.5, 0.0123])

    monkeypatch.setattr(reproduction, "run_training", stand_in)
    monkeypatch.setattr(reproduction, "visible_gpus", list)
    return asked


@pytest.mark.slow
def test_a_bad_cell_and_missing_data_do_not_stop_the_rest(matrix, trained):
    summary = reproduce_tables(matrix(), "cuprolith reproduce tables")
    assert trained == [(f"benzene-{variant}", seed) for seed in (0, 1) for variant in VARIANTS]
    assert "4 of 12 runs finished" in str(summary)
    data, *killed = summary.failures
    assert "rmd17_aspirin_train_01.npz" in data
    assert "cuprolith download rmd17" in data
    assert killed == [
        f"benzene-allegro-mlp, seed {seed}: nequip-train was killed" for seed in (0, 1)
    ]


def test_the_page_appears_before_the_first_run_ends_and_grows(matrix, trained, monkeypatch):
    pages = []
    settings = matrix(datasets=("benzene",), variants=("allegro",))
    stand_in = reproduction.run_training

    def look(*arguments):
        pages.append((settings.out / "tables.md").read_text())
        stand_in(*arguments)

    monkeypatch.setattr(reproduction, "run_training", look)
    reproduce_tables(settings, "command")
    pages.append((settings.out / "tables.md").read_text())
    assert ["12.3 (1)" in page for page in pages] == [False, True, False]
    assert "12.30 (2)" in pages[-1] or "12.3 (2)" in pages[-1]


def test_limits_make_short_runs_and_are_in_the_commands(matrix, trained):
    settings = matrix(
        datasets=("benzene",), variants=("allegro",), n_seeds=1, max_epochs=2,
        max_time="00:01:00:00",
    )  # fmt: skip
    common = settings.inputs / "common.yaml"
    common.write_text(common.read_text().replace("max_epochs: 2", "max_epochs: 3000"))
    summary = reproduce_tables(settings, "command")
    assert "1 of them SHORT" in str(summary)
    text = (settings.out / "tables.md").read_text()
    assert "Short runs: not the paper's experiment" in text
    assert "12.3 (1) †" in text
    (command,) = re.findall(r"cuprolith train .*", text)
    assert command == (
        f"cuprolith train {settings.inputs}/benzene_allegro.yaml --seed 0 "
        f"--out {settings.out}/benzene-allegro --data {settings.data_root} --max-epochs 2 "
        "--max-time 00:01:00:00"
    )


@pytest.mark.slow
def test_on_several_gpus_the_pool_trains(matrix, trained, monkeypatch):
    given = {}

    def pool(job, cells, places):
        given.update(job=job, places=places)
        for cell in cells:
            store_run(cell.plan.folder, [0.4])
            yield cell, None

    monkeypatch.setattr(reproduction, "visible_gpus", lambda: ["0", "1"])
    monkeypatch.setattr(reproduction, "run_in_processes", pool)
    summary = reproduce_tables(matrix(datasets=("benzene",)), "command")
    assert "6 of 6 runs finished" in str(summary)
    assert given["places"] == [
        {"CUDA_VISIBLE_DEVICES": "0"},
        {"CUDA_VISIBLE_DEVICES": "1"},
    ]
    assert not trained


def test_a_dry_run_says_what_would_run(matrix, trained):
    settings = matrix(n_seeds=1, variants=("allegro",))
    rows, problems = dry_run(settings)
    assert rows == [
        ("aspirin-allegro, seed 0", "data missing", "", "4", "2", ""),
        ("benzene-allegro, seed 0", "to do", "12", "4", "2", "6"),
    ]
    assert "rmd17_aspirin" in problems[0]
    assert not settings.out.exists()
    reproduce_tables(settings, "command")
    assert dry_run(settings)[0][1][1] == "finished"


def test_wrong_names_and_missing_files_are_refused(matrix):
    with pytest.raises(CuprolithError, match="--only: unknown asprin"):
        matrix(datasets=("asprin",))
    with pytest.raises(CuprolithError, match="--variants: unknown mlp"):
        matrix(variants=("mlp",))
    settings = MatrixSettings(inputs=Path("nowhere"), data_root=Path(), out=Path())
    with pytest.raises(CuprolithError, match="nowhere"):
        reproduce_tables(settings, "command")


def test_a_wrong_table_of_results_is_refused(matrix):
    settings = matrix()
    results = settings.inputs / "results.yaml"
    results.write_text(results.read_text().replace("allegro-mlp: 9.0", "mlp: 9.0"))
    with pytest.raises(CuprolithError, match="mlp"):
        dry_run(settings)
