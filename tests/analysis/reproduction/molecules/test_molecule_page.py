"""The page and the numbers, from made-up results."""

import json

import numpy as np
import pytest

from analysis.reproduction.molecules.figures import TestSet
from analysis.reproduction.molecules.page import LEAST_SQUARES, MoleculePage, verdict, write_page
from analysis.reproduction.molecules.published import (
    PublishedMolecules,
    PublishedRow,
    PublishedTable,
)
from analysis.reproduction.molecules.results import (
    MoleculeResults,
    SeedScore,
    SystemFacts,
    row_of,
)

FACTS = SystemFacts(
    name="lih", label="LiH", functional="FCI", n_train=43, n_val=10, n_test=81,
    variance_energy=1.5, variance_forces=8.0,
)  # fmt: skip
PUBLISHED = PublishedMolecules(
    source="Le et al. 2023",
    tables={
        "lih": PublishedTable(
            name="Table I",
            rows=(PublishedRow(model="siVQLM", mse_energy_test=1.89e-6, mse_forces_test=3.14e-4),),
        )
    },
)


def score(seed, energy, forces=1e-4):
    return SeedScore(
        seed=seed, mse_energy_train=energy / 2, mse_energy_test=energy, mse_forces_train=forces,
        mse_forces_test=forces, seconds=12.0, nve_drift=0.25,
    )  # fmt: skip


def row(model, *energies, optimizer="levenberg-marquardt", noise=0.0):
    scores = [score(seed, energy) for seed, energy in enumerate(energies)]
    given = {"system": "lih", "labels": "E", "n_parameters": 67}
    return row_of(scores, model=model, optimizer=optimizer, noise=noise, **given)


def page(*rows, n_runs=2):
    energies = np.linspace(-210.0, -207.0, 5)
    distances, forces = np.linspace(1, 3, 5), np.zeros(5)
    test_set = TestSet(distances, energies, forces, {"siVQLM": (energies + 0.01, forces)})
    results = MoleculeResults(systems=(FACTS,), rows=rows)
    return MoleculePage(results, PUBLISHED, {"lih": test_set}, n_runs, "cuprolith reproduce …")


def test_a_row_is_the_mean_over_seeds_with_its_spread():
    found = row("siVQLM", 1e-8, 3e-8)
    assert (found.seeds, found.mse_energy_test) == (2, pytest.approx(2e-8))
    assert found.mse_energy_test_std == pytest.approx(2**0.5 * 1e-8)
    assert row("siVQLM", 1e-8).mse_energy_test_std is None


def test_page_and_numbers_are_written_with_the_published_ones_beside(tmp_path):
    rows = [row("siVQLM", 1e-8, 3e-8), row("siVQLM", 2e-3, noise=0.05)]
    html = write_page(page(*rows), tmp_path).read_text()
    for text in ("1.89·10⁻⁶", "2.00·10⁻⁸ ± 1.41·10⁻⁸", "variance of the test labels", "Table I"):
        assert text in html
    written = json.loads((tmp_path / "molecules.json").read_bytes())["rows"]
    keys = {"system", "model", "optimizer", "labels", "seeds", "mse_energy_test"}
    assert all(keys | {"mse_forces_test", "seconds"} <= set(each) for each in written)


def test_the_verdict_compares_circuits_with_the_polynomial():
    polynomial = row("symmetric polynomial", 1e-9, optimizer=LEAST_SQUARES)
    finished = verdict(page(row("siVQLM", 2e-8, 2e-8), polynomial))
    assert finished.kind == "good"
    assert "20 times the squared energy error of a symmetric polynomial" in finished.sentence
    assert verdict(page(row("siVQLM", 2e-8), polynomial)).kind == "open"
