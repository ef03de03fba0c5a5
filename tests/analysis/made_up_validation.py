"""Validations, properties and evaluations made up for tests of the verdict and the report."""

from __future__ import annotations

from analysis.evaluation import ElementErrors, Errors, Evaluation, GroupErrors, SplitErrors
from analysis.validation.property import Property, Tolerance
from analysis.validation.results import CurvePair, Validation, Value

PROPERTIES = {
    each.name: each
    for each in (
        Property(
            name="bulk_modulus", title="Bulk modulus", unit="GPa", cases=lambda _: (),
            tolerance=Tolerance(relative=0.15), group="crystals", about="From E(V).",
        ),
        Property(
            name="energy_volume", title="E(V)", unit="meV/atom", cases=lambda _: (),
            tolerance=Tolerance(absolute=5.0), group="crystals", about="Energies of scaled cells.",
            figure="curves", axes=("volume, Å³/atom", "energy, eV/atom"),
        ),
        Property(
            name="lattice_constant", title="Lattice constant", unit="Å", cases=lambda _: (),
            tolerance=Tolerance(relative=0.01), group="crystals", about="Of the relaxed crystal.",
        ),
        Property(
            name="surface_energy", title="Surface energy", unit="J/m²", cases=lambda _: (),
            tolerance=Tolerance(relative=0.05), group="surfaces", about="Of each slab.",
            figure="bars",
        ),
        Property(
            name="nve_drift", title="NVE drift", unit="meV/atom/ps", cases=lambda _: (),
            tolerance=Tolerance(absolute=0.1), group="dynamics", about="Of 1 ps.", exact=0.0,
            one_sided=True,
        ),
    )
}  # fmt: skip
"""By name, as the registry gives them."""


def value(name, case, number, reference, *, quantity="", source="labels", note=""):
    """Return a value as a validation has it, judged by the made-up property of that name."""
    judged = number is not None and reference is not None
    known = PROPERTIES.get(name)
    tolerance = known.tolerance if known else Tolerance(relative=0.1)
    passes = known.passes(number, reference) if known and judged else None
    return Value(
        property_name=name, case=case, quantity=quantity, unit=known.unit if known else "eV",
        value=number, reference=reference, error=number - reference if judged else None,
        tolerance=tolerance.of(reference) if judged else None,
        passed=passes if known or not judged else abs(number / reference - 1) <= 0.1,
        source=source, note=note,
    )  # fmt: skip


def curves(name, case, x, y, reference_y=(), *, curve="", source="emt"):
    """Return a pair of curves over the same x."""
    reference_x = list(x) if len(reference_y) else []
    return CurvePair(
        property_name=name, case=case, name=curve, source=source, x=list(x), y=list(y),
        reference_x=reference_x, reference_y=list(reference_y),
    )  # fmt: skip


def validation(*values, curves=()):
    """Return a validation of these values."""
    return Validation(
        potential="best.ckpt", potential_sha256="0" * 64, against="labels", seconds=12.5,
        values=list(values), curves=list(curves),
    )  # fmt: skip


def errors(mae):
    """Return errors of one size."""
    return Errors(mae=mae, rmse=1.2 * mae, largest=3 * mae)


def evaluation(families, *, split="test", train=None, energy=0.002):
    """Return an evaluation.

    Parameters
    ----------
    families
        By family, then element: force MAE of the model and of no force, eV/Å, of 10 atoms each.
    train
        Elements of the families of the training frames; by default those predicted.
    """

    def forces(pairs):
        model, zero = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
        return {
            "n_atoms": 10 * len(pairs),
            "forces": errors(model),
            "zero_force": errors(zero),
            "mean_force": errors(1.01 * zero),
        }

    def group(pairs):
        return GroupErrors(
            n_frames=3, energy=errors(energy), composition_linear=errors(0.05), **forces(pairs)
        )

    return Evaluation(
        n_train_frames=10,
        species_energies={},
        splits={
            split: SplitErrors(
                overall=group([pair for found in families.values() for pair in found.values()]),
                families={name: group(list(found.values())) for name, found in families.items()},
                elements={
                    name: {
                        symbol: ElementErrors(**forces([pair])) for symbol, pair in found.items()
                    }
                    for name, found in families.items()
                },
            )
        },
        train_families=train or {name: sorted(found) for name, found in families.items()},
    )
