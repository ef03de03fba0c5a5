"""Structures built from relaxed slabs, and what happens where a slab is unusable."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import pytest
from jobflow import Maker, job
from pymatgen.core import Structure

from cuprolith.errors import CuprolithError
from generators.catalogue import build_catalogue
from generators.crystals import prototype_structure
from generators.settings import CrystalSettings
from generators.structures_settings import StructuresSettings
from workflows.engine import Engine, engine_settings, make_engine
from workflows.engine_settings import RelaxSettings
from workflows.jobs.job_folder import JobFolder
from workflows.jobs.runner import run_flows
from workflows.labelling.document import Provenance
from workflows.labelling.label_metadata import BUILDS
from workflows.labelling.label_runs import label_runs, structure_flows
from workflows.labelling.relaxed_parents import fallen_apart, relaxed_displacements, start_structure
from workflows.structures.structure_files import StructureRecord, record_of

CRYSTALS = {
    "Cu": CrystalSettings(prototype="fcc", a=3.575),
    "Li": CrystalSettings(prototype="bcc", a=3.456),
}
CUT = {"miller_indices": [(1, 0, 0)], "min_thickness": 8.0, "vacuum": 6.0}
STRUCTURES = {
    "slabs": [{"crystal": "Cu", **CUT}, {"crystal": "Li", **CUT}],
    "vacancies": [{"supercell": (2, 2), "crystals": ["Cu"]}],
    "adatoms": [{"supercell": (2, 2), "species": ["Li"], "sites": ["hollow"], "crystals": ["Cu"]}],
    "interfaces": [
        {
            "substrate": "Cu",
            "film": "Li",
            "substrate_miller": (1, 0, 0),
            "film_miller": (1, 0, 0),
            "substrate_thickness": 8.0,
            "film_thickness": 8.0,
        }
    ],
}
SETTINGS = engine_settings(relax=RelaxSettings(fmax=0.02, max_steps=25))


@pytest.fixture(scope="module")
def records() -> dict[str, StructureRecord]:
    """By family; slabs by crystal."""
    crystals = {name: prototype_structure(name, crystal) for name, crystal in CRYSTALS.items()}
    candidates = build_catalogue(crystals, StructuresSettings.model_validate(STRUCTURES)).candidates
    found = {c.family: record_of(c) for c in candidates if c.family != "slab"}
    slabs = {c.parameters["crystal"]: record_of(c) for c in candidates if c.family == "slab"}
    return slabs | found


def shifted(structure: Structure, moves: np.ndarray) -> Structure:
    return Structure(
        structure.lattice,
        structure.species,
        structure.cart_coords + moves,
        coords_are_cartesian=True,
        site_properties=structure.site_properties,
    )


# --- the real thing: slabs relaxed by the embedded engine


@pytest.fixture(scope="module")
def relaxed(records) -> dict[str, Structure]:
    """The slabs after their relaxation, by crystal."""
    relax = make_engine(SETTINGS).relax
    return {
        name: Structure.from_dict(
            relax.label(
                records[name].to_structure(), Provenance("x", "slab", "1 0 0", "")
            ).structure
        )
        for name in CRYSTALS
    }


def started(record: StructureRecord, records, relaxed) -> Structure:
    displacements = {
        records[name].structure_id: relaxed_displacements(
            records[name].to_structure(), relaxed[name]
        )
        for name in CRYSTALS
    }
    return start_structure(record.to_structure(), record.parent_mapping, displacements)


def layer_spacings(structure: Structure, symbol: str, n_layers: int) -> np.ndarray:
    """Distances of neighbouring layers of one element, from the bottom, Å."""
    z = [site.z for site in structure if site.specie.symbol == symbol]
    return np.diff([layer.mean() for layer in np.array_split(np.sort(z), n_layers)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "name"), [("interface", "Cu"), ("interface", "Li"), ("adatom", "Cu")]
)
def test_interlayer_distances_are_the_relaxed_slabs(records, relaxed, family, name):
    start = started(records[family], records, relaxed)
    if family == "adatom":
        start.remove_sites([len(start) - 1])
    slab = relaxed[name]
    wanted = layer_spacings(slab, name, len(slab))  # one atom per layer
    assert np.abs(np.diff(wanted)).max() > 0.005  # the faces have relaxed
    assert layer_spacings(start, name, len(slab)) == pytest.approx(wanted, abs=1e-6)


def test_vacancy_starts_with_the_relaxed_layers(records, relaxed):
    start = started(records["vacancy_2x2"], records, relaxed)
    slab = relaxed["Cu"]
    parents = np.array(records["vacancy_2x2"].parent_mapping[0].atoms)
    heights = [start.cart_coords[parents == atom, 2].mean() for atom in range(len(slab))]
    assert np.diff(heights) == pytest.approx(np.diff(slab.cart_coords[:, 2]), abs=1e-6)
    for atom in range(len(slab)):
        assert np.ptp(start.cart_coords[parents == atom, 2]) < 1e-6


def test_adatom_keeps_its_height_above_the_relaxed_surface(records, relaxed):
    z = started(records["adatom"], records, relaxed).cart_coords[:, 2]
    ideal = records["adatom"].atoms.positions[:, 2]
    top = np.flatnonzero(ideal[:-1] > ideal[:-1].max() - 0.1)
    assert abs(z[top].mean() - ideal[top].mean()) > 0.005
    assert z[-1] - z[top].mean() == pytest.approx(ideal[-1] - ideal[top].mean(), abs=1e-6)


# --- displacements and slabs that fell apart


def test_displacements_know_no_images_and_no_drift(records):
    ideal = records["Cu"].to_structure()
    rng = np.random.default_rng(0)
    moves = rng.normal(scale=0.1, size=(len(ideal), 3))
    moves[~np.array(records["Cu"].free_mask)] = 0
    lattice = ideal.lattice.matrix
    images = rng.integers(-2, 3, size=(len(ideal), 3)) @ lattice
    after = shifted(ideal, moves + images + [0.2, -0.1, 0.3])
    assert relaxed_displacements(ideal, after) == pytest.approx(moves, abs=1e-9)


def test_other_atoms_are_refused(records):
    copper, lithium = records["Cu"].to_structure(), records["Li"].to_structure()
    with pytest.raises(CuprolithError, match="order"):
        relaxed_displacements(copper, lithium)
    assert "order" in fallen_apart(copper, lithium)


def test_sound_slabs(records, relaxed):
    for name in CRYSTALS:
        assert fallen_apart(records[name].to_structure(), relaxed[name]) == ""


def broken(ideal: Structure, how: str) -> Structure:
    moves = np.zeros((len(ideal), 3))
    z = ideal.cart_coords[:, 2]
    if how == "fused":
        bond = min(ideal.get_neighbors(ideal[-1], 2.7), key=lambda atom: atom.z)
        moves[-1] = (bond.coords - ideal[-1].coords) / 2
    elif how == "left":
        moves[-1, 2] = 3.2
    elif how == "thickness":
        moves[:, 2] = 0.25 * (z - z.mean())
    elif how == "slid":  # the outermost plane as a whole
        moves[z > z.max() - 0.1] = [1.27, 0.0, 0.3]
    elif how == "not numbers":
        moves[0, 0] = np.nan
    return shifted(ideal, moves)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("fused", "from another one"),
        ("left", "has left"),
        ("thickness", "thickness"),
        ("slid", "over half a bond"),
        ("not numbers", "not numbers"),
    ],
)
def test_why_a_slab_is_none_any_more(records, how, reason):
    wide = records["Cu"].to_structure() * (2, 2, 1)
    assert reason in fallen_apart(wide, broken(wide, how))


def test_adatom_may_wander_but_not_desorb(records):
    ideal = records["adatom"].to_structure()
    moves = np.zeros((len(ideal), 3))
    moves[-1] = [1.26, 0.0, 0.6]
    traits = {"keeps_shape": False, "adatom": True}
    assert fallen_apart(ideal, shifted(ideal, moves), **traits) == ""
    moves[-1] = [0.0, 0.0, 3.0]
    assert "adatom has desorbed" in fallen_apart(
        ideal, shifted(ideal, moves), keeps_shape=False, adatom=True
    )


# --- flows: order, failures, resumption


@dataclass
class StretchMaker(Maker):
    """Stands for an engine: moves the topmost atom outwards, or fails for some structures."""

    name: str = "stretch"
    outwards: float = 0.05
    failing: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    @job
    def make(self, structure: Structure, provenance: Provenance) -> dict:
        """Move the topmost atom."""
        return self.label(structure, provenance)

    def label(self, structure: Structure, provenance: Provenance) -> dict:
        """Do the work of `make`."""
        CALLS.append(provenance.structure_id)
        if provenance.structure_id in self.failing:
            raise RuntimeError("SCF does not converge")
        moves = np.zeros((len(structure), 3))
        moves[np.argmax(structure.cart_coords[:, 2]), 2] = self.outwards
        after = shifted(structure, moves)
        return {"structure": after.as_dict(), "stopped_because": "", "start": structure.as_dict()}


CALLS: list[str] = []


@pytest.fixture
def engine() -> Engine:
    CALLS.clear()
    return replace(make_engine(SETTINGS), relax=StretchMaker(), config_hash="stretch")


@pytest.fixture
def store(tmp_path):
    return JobFolder(tmp_path / "labels", tmp_path / "runs")


def run(records, engine, store, n_flows=None):
    runs = list(label_runs(records.values(), SETTINGS, engine, 0))
    flows = islice(structure_flows(runs, engine, 0), n_flows)
    summary = run_flows(flows, store)
    return {run.record.structure_id: run for run in runs}, summary


def output(store, uuid):
    result = store.result(uuid)
    return result and store.output(uuid)


def test_children_start_from_the_slabs_the_engine_relaxed(records, engine, store):
    runs, summary = run(dict(reversed(records.items())), engine, store)
    assert summary.failed == 0
    copper, vacancy = records["Cu"], records["vacancy_2x2"]
    assert CALLS.index(copper.structure_id) < CALLS.index(vacancy.structure_id)
    start = Structure.from_dict(output(store, runs[vacancy.structure_id].job_uuids[0])["start"])
    rise = start.cart_coords[:, 2] - vacancy.atoms.positions[:, 2]
    top = np.array(vacancy.parent_mapping[0].atoms) == len(copper.atoms) - 1
    assert rise[top] == pytest.approx(0.05)
    assert np.abs(rise[~top]).max() < 1e-9
    flags = start.site_properties["selective_dynamics"]
    assert [all(flag) for flag in flags] == vacancy.free_mask


def test_runs_are_named_after_their_parents(records, engine):
    ids = {r.record.family: r.run_id for r in label_runs(records.values(), SETTINGS, engine, 0)}
    orphans = {key: record for key, record in records.items() if key != "Cu"}
    alone = {r.record.family: r.run_id for r in label_runs(orphans.values(), SETTINGS, engine, 0)}
    assert all(ids[family] != alone[family] for family in ("vacancy_2x2", "adatom", "interface"))


def test_a_structure_without_parents_is_relaxed_as_it_is(records, engine, store):
    runs, summary = run({"vacancy": records["vacancy_2x2"]}, engine, store)
    [only] = runs.values()
    assert (summary.finished, only.parents) == (1, ())
    start = Structure.from_dict(output(store, only.job_uuids[0])["start"])
    assert start.cart_coords == pytest.approx(only.record.atoms.positions)


def test_nothing_is_done_twice(records, engine, store):
    run(records, engine, store, n_flows=3)
    assert len(CALLS) == 3
    _, summary = run(records, engine, store)
    assert len(CALLS) == len(set(CALLS)) == len(records)
    assert summary.skipped == 4  # two slabs, a start and its relaxation
    assert run(records, engine, store)[1].finished == 0


def test_only_children_of_a_failed_slab_wait_for_it(records, engine, store):
    copper, lithium = records["Cu"].structure_id, records["Li"].structure_id
    failing = replace(engine, relax=StretchMaker(failing=[copper]))
    runs, summary = run(records, failing, store)
    assert set(CALLS) == {copper, lithium}
    assert [failure.metadata["structure_id"] for failure in summary.failures] == [copper]
    reason = output(store, runs[records["interface"].structure_id].start_uuid)["skipped"]
    assert reason == f"{copper}: its relaxation has failed"
    CALLS.clear()
    runs, summary = run(records, engine, store)  # the engine is mended
    assert set(CALLS) == set(runs) - {lithium}
    assert summary.failed == summary.not_run == 0
    assert all(output(store, run.job_uuids[0]) for run in runs.values())


def test_children_of_a_slab_that_fell_apart_are_skipped(records, engine, store):
    exploding = replace(engine, relax=StretchMaker(outwards=4.0))
    runs, summary = run(records, exploding, store)
    assert set(CALLS) == {records["Cu"].structure_id, records["Li"].structure_id}
    assert (summary.failed, summary.not_run) == (0, 3)
    reason = output(store, runs[records["adatom"].structure_id].start_uuid)["skipped"]
    assert "it fell apart: its thickness" in reason


def test_building_a_start_is_no_label(records, engine):
    runs = list(label_runs(records.values(), SETTINGS, engine, 0))
    jobs = [job for flow in structure_flows(runs, engine, 0) for job in flow.jobs]
    assert sum(not job.metadata.get(BUILDS, False) for job in jobs) == len(runs)
