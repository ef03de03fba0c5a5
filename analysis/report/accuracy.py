"""Section *Accuracy*: errors on frames the model has not seen, next to baselines."""

from __future__ import annotations

from analysis.evaluation import UNSEEN_SPLITS, ElementErrors, Evaluation, GroupErrors
from analysis.parity import ParityPoints
from analysis.report import figures
from analysis.report.content import Figure, Missing, Section, Table, count, number, plural
from analysis.report.kernel_table import add_kernel
from analysis.report.measure import Measured, Parity
from analysis.validation.verdict import gaps
from cuprolith.words import listed


def accuracy_section(measured: Measured, command: str) -> Section:
    """Make the section for all trained variants; `command` is what trains and predicts."""
    section = Section("accuracy", "Accuracy")
    if not measured.evaluations:
        section.missing = Missing("There are no predictions to evaluate yet.", command)
        return section
    section.lead = (
        "Model and baselines on the same frames. Zero force says that no atom is pushed; mean "
        "force gives each atom the mean force of its species in the training set; the "
        "composition-linear energy adds up energies of the species, fitted to the training set. A "
        "model is behind (✗) where its error is no smaller than that of the best of them. The "
        "kernel ridge is a cheap model, fitted to the same frames; a training that does not beat "
        "it is not worth its time."
    )
    for variant, evaluation in measured.evaluations.items():
        section.tables += _tables(variant, evaluation)
        section.details += _details(variant, evaluation)
        section.notes += _gap_notes(variant, evaluation, named=len(measured.evaluations) > 1)
        judged = main_split(evaluation)
        section.figures += _parity_figures(variant, judged, measured.parity[variant][judged])
    add_kernel(section, measured.kernel, measured.evaluations)
    return section


def main_split(evaluation: Evaluation) -> str:
    """Return the split to show first: test, else val, else any."""
    known = [name for name in UNSEEN_SPLITS if name in evaluation.splits]
    return known[0] if known else next(iter(evaluation.splits))


def _tables(variant: str, evaluation: Evaluation) -> list[Table]:
    judged = main_split(evaluation)
    splits = {name: errors.overall for name, errors in evaluation.splits.items()}
    stressed = _stressed(evaluation)
    by_split = _group_table(f"{_title(variant)}: errors by split", "split", splits, stressed)
    return [by_split, *_split_tables(variant, judged, evaluation)]


def _details(variant: str, evaluation: Evaluation) -> list[tuple[str, str | Table]]:
    """Return the tables of the other splits that were not trained on."""
    judged = main_split(evaluation)
    return [
        (f"{_title(variant)}: {split} split, {what}", table)
        for split in UNSEEN_SPLITS
        if split in evaluation.splits and split != judged
        for what, table in zip(
            ("by family", "by family and element"),
            _split_tables(variant, split, evaluation),
            strict=False,
        )
    ]


def _split_tables(variant: str, split: str, evaluation: Evaluation) -> list[Table]:
    """Return errors by family, and by family and element where these are known."""
    errors = evaluation.splits[split]
    families = {**errors.families, "all": errors.overall}
    caption = f"{_title(variant)}: errors by family on the {split} split"
    tables = [_group_table(caption, "family", families, _stressed(evaluation), total=True)]
    rows = [
        [family, symbol, count(found.n_atoms), *_force_cells(found), number(found.forces.rmse)]
        for family, elements in {**errors.elements, "all": errors.overall_elements}.items()
        for symbol, found in elements.items()
    ]
    if rows:
        caption = (
            f"{_title(variant)}: force errors by family and element on the {split} split "
            "(eV/Å per component; baselines are MAE)"
        )
        header = ("family", "element", "atoms", *_FORCE_HEADER, "force RMSE")
        tables.append(Table(caption, header, rows, range(2, 8), families=True, marks={6}))
    return tables


def _group_table(
    caption: str, first: str, groups: dict[str, GroupErrors], stressed: bool, *, total: bool = False
) -> Table:
    header = [first, "frames", "atoms", *_FORCE_HEADER, "force RMSE", "energy MAE", "composition",
              "energy RMSE"]  # fmt: skip
    header += ["stress MAE", "zero stress"] if stressed else []
    units = "forces in eV/Å per component, energies in meV/atom; baselines are MAE"
    if stressed:
        units = units.replace("; ", ", stresses in meV/Å³ per component; ")
    rows = [[name, *_cells(errors, stressed)] for name, errors in groups.items()]
    numeric = range(1, len(header))
    return Table(f"{caption} ({units})", header, rows, numeric, total=total,
                 families=first == "family", marks={6})  # fmt: skip


_FORCE_HEADER = ("force MAE", "zero force", "mean force", "of baseline")


def _force_cells(errors: GroupErrors | ElementErrors) -> list[str]:
    ratio = "" if errors.forces_vanish else f" {number(100 * errors.force_ratio, 2)} %"
    mark = "✗" if errors.forces_behind else "✓"
    return [
        number(errors.forces.mae),
        number(errors.zero_force.mae),
        number(errors.mean_force.mae),
        "–" if errors.forces_vanish and not errors.forces_behind else f"{mark}{ratio}",
    ]


def _cells(errors: GroupErrors, stressed: bool) -> list[str]:
    stresses = (errors.stress, errors.zero_stress) if stressed else ()
    return [
        count(errors.n_frames),
        count(errors.n_atoms),
        *_force_cells(errors),
        number(errors.forces.rmse),
        number(1000 * errors.energy.mae),
        number(1000 * errors.composition_linear.mae),
        number(1000 * errors.energy.rmse),
        *("–" if found is None else number(1000 * found.mae) for found in stresses),
    ]


def _stressed(evaluation: Evaluation) -> bool:
    return any(errors.overall.stress for errors in evaluation.splits.values())


def _gap_notes(variant: str, evaluation: Evaluation, *, named: bool) -> list[str]:
    """Say what each split lacks that was trained on or predicted."""
    prefix = f"{_title(variant)}: missing" if named else "Missing"
    return [
        f"{prefix} in the {split} split: {listed(names)}. It does not say how good the model is "
        "there."
        for split in UNSEEN_SPLITS
        if split in evaluation.splits and (names := gaps(evaluation, [split]))
    ]


def _parity_figures(variant: str, split: str, parity: Parity) -> list[Figure]:
    shown = (
        ("forces", "force components", parity.forces, "component", "force component, eV/Å"),
        ("energies", "energy per atom beyond the composition-linear baseline", parity.energies,
         "frame", "energy, eV/atom"),
        ("stresses", "stress components", parity.stresses, "component", "stress component, meV/Å³"),
    )  # fmt: skip
    return [
        Figure(
            f"parity-{name}-{variant}",
            f"{_title(variant)}, {split} split: {what}. {_shown(points, noun)}",
            figures.parity(points, quantity=quantity),
            height=430,
        )
        for name, what, points, noun, quantity in shown
        if points.n_total
    ]


def _shown(points: ParityPoints, noun: str) -> str:
    total, shown = points.n_total, len(points.reference)
    if shown == total:
        return f"All {plural(total, noun)}."
    return f"{count(shown)} of {plural(total, noun)}, drawn at random with a fixed seed."


def _title(variant: str) -> str:
    return variant[:1].upper() + variant[1:]
