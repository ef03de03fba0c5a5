"""The embedded engines against GPAW r2SCAN on small cells (tests/data/gpaw_r2scan).

``pytest -s`` prints the table of docs/results/engines_against_gpaw.md.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from ase.units import GPa
from engine_agreement import engine_agreement

from training.dataset.extxyz import read_frames
from workflows.engine import engine_settings, make_engine
from workflows.labelling.document import Provenance, frames_of

DATA = Path(__file__).parents[1] / "data" / "gpaw_r2scan"
REFERENCE = read_frames(DATA / "cells.extxyz")


@pytest.fixture(scope="module")
def agreement():
    """Agreement of each embedded engine with GPAW, by family."""
    return {
        name: engine_agreement(REFERENCE, [_labelled(frame, name) for frame in REFERENCE])
        for name in ("diep-r2scan", "chgnet-r2scan")
    }


def _labelled(frame, engine_name):
    from pymatgen.core import Structure

    structure = Structure(frame.cell, frame.numbers, frame.positions, coords_are_cartesian=True)
    provenance = Provenance(frame.structure_id, frame.family, frame.miller_index, frame.parent_id)
    engine = make_engine(engine_settings(name=engine_name))
    (labelled,) = frames_of(engine.static.label(structure, provenance).as_dict())
    return labelled


def test_reference_covers_what_campaigns_label():
    assert len(REFERENCE) >= 20
    assert {frame.family for frame in REFERENCE} >= {
        "bulk", "slab", "vacancy", "adatom", "interface",
    }  # fmt: skip
    assert max(len(frame) for frame in REFERENCE) <= 12
    shares = [np.mean(frame.numbers == 3) for frame in REFERENCE]
    assert any(0 < share < 0.5 for share in shares)
    assert any(0.5 < share < 1 for share in shares)
    card = json.loads((DATA / "cells.json").read_text())
    assert card["cells"].keys() == {frame.structure_id for frame in REFERENCE}
    assert {frame.config_hash for frame in REFERENCE} == {card["config_hash"]}


def test_reference_is_sound():
    for frame in REFERENCE:
        assert frame.engine == "gpaw"
        # A plane-wave calculation has a small net force; that of a bad SCF is large.
        assert np.abs(frame.forces.sum(axis=0)).max() < 0.02 * len(frame), frame.structure_id
        np.testing.assert_allclose(frame.stress, frame.stress.T, atol=1e-8)


@pytest.mark.slow
def test_the_default_engine_is_the_nearer_one(agreement):
    diep, chgnet = agreement["diep-r2scan"], agreement["chgnet-r2scan"]
    print("\n" + _table(agreement))
    assert diep["all"].force_rmse < 0.5 * chgnet["all"].force_rmse
    for family in ("slab", "adatom", "interface"):
        assert diep[family].force_rmse < chgnet[family].force_rmse
    assert engine_settings().name == "diep-r2scan"


def test_the_default_engine_is_neither_soft_nor_stiff(agreement):
    assert agreement["diep-r2scan"]["all"].force_slope == pytest.approx(1, abs=0.1)


def _table(agreement):
    rows = [
        "| family | cells | force rms | engine | force RMSE (eV/Å) | slope | energy MAE (meV/atom) "
        "| stress RMSE (GPa) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {family} | {found.n_frames} | {found.reference_force_rms:.3f} | {name} | "
        f"{found.force_rmse:.3f} | {found.force_slope:.2f} | {1000 * found.energy_mae:.0f} | "
        f"{found.stress_rmse / GPa:.2f} |"
        for family in agreement["diep-r2scan"]
        for name, families in agreement.items()
        for found in [families[family]]
    ]
    return "\n".join(rows)
