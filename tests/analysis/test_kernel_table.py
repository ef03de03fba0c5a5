"""The report sets the kernel model beside the trained one, and says which is better."""

import pytest

from analysis.evaluation import Errors
from analysis.kernel_baseline.record import KernelBaseline, KernelErrors, KernelFit, KernelSplit
from analysis.report import render_report
from tests.analysis.report_page import Page


@pytest.fixture
def campaign(make_campaign, make_training, tmp_path):
    campaign = make_campaign(tmp_path / "judged")
    make_training(campaign)
    return campaign


def errors(mae):
    return Errors(mae=mae, rmse=2 * mae, largest=3 * mae)


def page_with_kernel(campaign, force_mae, energy_mae, *, note="", of_slabs=None, **changed):
    """The page beside a kernel model with these errors (eV/Å, eV/atom)."""
    group = KernelErrors(
        n_frames=6, n_atoms=96, energy=errors(energy_mae), forces=errors(force_mae)
    )
    slabs = group if of_slabs is None else group.model_copy(update={"forces": errors(of_slabs)})
    split = KernelSplit(n_frames_in_split=6, overall=group, families={"slab": slabs})
    fit = KernelFit(n_train_frames=40, n_train_frames_in_split=48, n_sparse={"Cu": 9}, r_max=5,
                    ridge=1e-6, seed=7, seconds=2, milliseconds_per_atom=0.25)  # fmt: skip
    hashes = {name: card.sha256 for name, card in campaign.card.splits.items()}
    KernelBaseline(
        made_from={**hashes, **changed},
        fit=None if note else fit,
        splits={} if note else {"test": split},
        note=note,
    ).write(campaign.root / "training/kernel_baseline.json")
    return Page(render_report(campaign.root))


def test_a_kernel_that_is_better_is_named(campaign):
    page = page_with_kernel(campaign, 0.001, 0.5)
    assert page.headline.startswith("Does not beat the kernel baseline")
    assert "It does not beat the kernel baseline (force MAE" in page.text
    assert "against 1.00 meV/Å)" in page.text
    table = page.table("Kernel ridge beside the trained models on the test split")
    assert table["all"]["kernel ridge, forces"] == "1.00"
    assert table["all"]["kernel ridge, energies"] == "500"
    assert float(table["all"]["allegro, energies"]) < 50
    assert "40 of 48 train frames" in page.text


def test_a_model_that_is_better_is_named(campaign):
    page = page_with_kernel(campaign, 9.0, 9.0)
    assert "it beats a kernel ridge that was fitted to the same frames, and in each" in page.text
    assert "not beat the kernel" not in page.text


def test_families_in_which_the_kernel_is_better_are_named(campaign):
    page = page_with_kernel(campaign, 9.0, 9.0, of_slabs=0.001)
    assert (
        "it beats a kernel ridge that was fitted to the same frames, but not in forces of slab."
        in (page.text)
    )


def test_why_there_is_no_kernel(campaign):
    page = page_with_kernel(campaign, 1, 1, note="featomic cannot be imported")
    assert "No kernel model was fitted for comparison: featomic cannot be imported." in page.text


def test_a_kernel_of_another_dataset_is_not_shown(campaign):
    page = page_with_kernel(campaign, 0.001, 0.001, train="of other frames")
    assert "kernel baseline" not in page.text
