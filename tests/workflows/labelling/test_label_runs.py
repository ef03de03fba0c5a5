import pytest
from ase.build import bulk

from workflows.engine import engine_settings, make_engine
from workflows.engine_settings import MeltQuenchSettings
from workflows.labelling.label_runs import label_runs, structure_flows
from workflows.structures.structure_files import StructureRecord

SETTINGS = engine_settings(
    melt_quench=MeltQuenchSettings(cooling_rate=5900, hold_steps=10, segment_steps=20)
)


def record(structure_id, family):
    return StructureRecord(structure_id, family, "", "", bulk("Cu", cubic=True))


RECORDS = [record("slab-1", "slab"), record("interface-1", "interface"), record("bulk-1", "bulk")]


@pytest.fixture
def engine():
    return make_engine(SETTINGS)


def ids(records, settings, engine, seed=0):
    return {
        (run.record.structure_id, run.task): run.job_uuids
        for run in label_runs(records, settings, engine, seed)
    }


def test_every_structure_is_relaxed_and_interfaces_are_quenched(engine):
    assert set(ids(RECORDS, SETTINGS, engine)) == {
        ("slab-1", "relax"),
        ("interface-1", "relax"),
        ("interface-1", "melt_quench"),
        ("bulk-1", "relax"),
    }


def test_ids_do_not_depend_on_order_or_company(engine):
    everything = ids(RECORDS, SETTINGS, engine)
    assert ids(RECORDS[::-1], SETTINGS, engine) == everything
    assert ids(RECORDS[:1], SETTINGS, engine).items() <= everything.items()


def test_ids_follow_the_settings_that_change_the_run(engine):
    everything = ids(RECORDS, SETTINGS, engine)
    other_fmax = SETTINGS.model_copy(
        update={"relax": SETTINGS.relax.model_copy(update={"fmax": 0.1})}
    )
    assert not set(ids(RECORDS, other_fmax, engine).values()) & set(everything.values())
    other_seed = ids(RECORDS, SETTINGS, engine, seed=1)
    changed = {key for key in everything if everything[key] != other_seed[key]}
    assert changed == {("interface-1", "melt_quench")}


def test_flow_starts_with_the_first_job_of_each_run(engine):
    runs = list(label_runs(RECORDS, SETTINGS, engine, 0))
    flows = list(structure_flows(runs, engine, 0))
    assert [flow.name for flow in flows] == ["slab-1", "interface-1", "bulk-1"]
    assert [job.uuid for flow in flows for job in flow.jobs] == [run.job_uuids[0] for run in runs]


def test_ids_are_unique(engine):
    uuids = [uuid for uuids in ids(RECORDS, SETTINGS, engine).values() for uuid in uuids]
    assert len(set(uuids)) == len(uuids)
