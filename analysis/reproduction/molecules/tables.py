"""Tables of mean squared errors beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.report.content import Table, duration, number
from analysis.reproduction.molecules.published import PublishedMolecules
from analysis.reproduction.molecules.results import MoleculeResults, Row, SystemFacts

_HEADER = (
    "model", "labels", "optimizer", "weights", "energy, eV²", "forces, eV²/Å²", "seeds",
    "time", "NVE drift, meV/atom/ps",
)  # fmt: skip
_NUMERIC = (3, 4, 5, 6, 8)


def system_table(
    results: MoleculeResults, facts: SystemFacts, published: PublishedMolecules
) -> Table:
    """Return the rows of one system: the publication's, ours, and what a constant would have."""
    table = published.tables.get(facts.name)
    theirs = [
        [f"published: {row.model}", "–", "–", "–", _small(row.mse_energy_test),
         _small(row.mse_forces_test), "–", "–", "–"]
        for row in (table.rows if table else ())
    ]  # fmt: skip
    constant = [
        "variance of the test labels", "–", "–", "0", _small(facts.variance_energy),
        _small(facts.variance_forces), "–", "–", "–",
    ]  # fmt: skip
    name = f", beside {table.name}" if table else ""
    return Table(
        f"{facts.label}{name}: mean squared errors on {facts.n_test} test frames",
        _HEADER,
        [*theirs, *map(_cells, results.of(facts.name)), constant],
        _NUMERIC,
    )


def noise_table(results: MoleculeResults, system: str) -> Table:
    """Return errors of all models of a system over the noise of their labels."""
    rows = sorted(
        (row for row in results.rows if row.system == system),
        key=lambda row: (row.model, row.noise),
    )
    noisy = {row.model for row in rows if row.noise}
    return Table(
        "Noise on the energies that are trained on",
        ("model", "noise, eV", "energy, eV²", "forces, eV²/Å²", "seeds"),
        [
            [row.model, f"{row.noise:g}", *_errors(row), str(row.seeds)]
            for row in rows
            if row.model in noisy
        ],
        (1, 2, 3, 4),
    )


def data_table(facts: Sequence[SystemFacts]) -> Table:
    """Return what the models were trained on."""
    return Table(
        "Data",
        ("system", "labels by", "train", "val", "test", "variance of energies, eV²",
         "of forces, eV²/Å²"),
        [
            [each.label, each.functional, str(each.n_train), str(each.n_val), str(each.n_test),
             _small(each.variance_energy), _small(each.variance_forces)]
            for each in facts
        ],
        range(2, 7),
    )  # fmt: skip


def _cells(row: Row) -> list[str]:
    return [
        row.model,
        row.labels,
        row.optimizer,
        str(row.n_parameters),
        *_errors(row),
        str(row.seeds),
        duration(row.seconds),
        number(row.nve_drift, 2),
    ]


def _errors(row: Row) -> list[str]:
    return [
        _spread(row.mse_energy_test, row.mse_energy_test_std),
        _spread(row.mse_forces_test, row.mse_forces_test_std),
    ]


def _spread(mean: float, spread: float | None) -> str:
    return _small(mean) if spread is None else f"{_small(mean)} ± {_small(spread)}"


def _small(value: float) -> str:
    """Write 1.9e-06 as ``1.9·10⁻⁶``."""
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    if abs(int(exponent)) <= 1:
        return f"{value:.3g}"
    return f"{mantissa}·10{str(int(exponent)).translate(_SUPERSCRIPT)}"


_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
