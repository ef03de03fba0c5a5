"""The judge fits once for a dataset, and its absence does not stop the judgement of a training."""

import sys
from types import SimpleNamespace

import pytest

from analysis.kernel_baseline import judge
from analysis.kernel_baseline.record import read_kernel_baseline
from training.sources.dataset import DatasetSource


@pytest.fixture
def source(small_campaign):
    return DatasetSource(small_campaign.root / "dataset")


@pytest.fixture
def judged(source, tmp_path, monkeypatch):
    """Judge with few sparse environments; the record, and the number of fits so far."""
    fits = []

    def few(*args, **options):
        fits.append(args)
        return fit_kernel(*args, **options, n_sparse=12)

    fit_kernel = judge.fit_kernel
    monkeypatch.setattr(judge, "fit_kernel", few)

    def run(source=source, r_max=4.0):
        return judge.judge_by_kernel(source, r_max, 7, tmp_path / "kernel.json"), len(fits)

    return run


def test_fits_once_for_a_dataset(judged, tmp_path):
    first, _ = judged()
    assert first.fit.n_train_frames == first.fit.n_train_frames_in_split
    assert set(first.splits) == {"val", "test"}
    assert judged() == (first, 1)
    assert read_kernel_baseline(tmp_path / "kernel.json") == first
    assert judged(r_max=4.5)[1] == 2
    (tmp_path / "kernel.json").write_text("cut off")
    assert judged()[1] == 3
    content = (tmp_path / "kernel.json").read_text()
    (tmp_path / "kernel.json").write_text(
        content.replace('"n_train_frames": 4', '"n_train_frames": 3')
    )
    assert judged()[1] == 4


def test_a_large_split_is_sampled(judged, monkeypatch, source):
    n_frames = source.n_frames("train")
    monkeypatch.setattr(judge, "_MAX_ATOMS", source.card.splits["train"].atoms // 2)
    fit = judged()[0].fit
    assert 0.4 * n_frames < fit.n_train_frames < 0.6 * n_frames
    assert fit.n_train_frames_in_split == n_frames


def test_without_featomic_there_is_a_note(judged, monkeypatch):
    with monkeypatch.context() as context:
        context.setitem(sys.modules, "featomic", None)
        baseline, _ = judged()
    assert baseline.fit is None
    assert "featomic" in baseline.note
    assert judged()[0].fit is not None  # a failure is not remembered


def test_too_many_elements(judged, source):
    many = SimpleNamespace(card=source.card, symbols=tuple("HBCNOF"))
    assert "6 elements" in judged(many)[0].note


def test_only_large_structures(judged, monkeypatch):
    monkeypatch.setattr(judge, "_MAX_FRAME_ATOMS", 3)
    assert "at most 3 atoms" in judged()[0].note
