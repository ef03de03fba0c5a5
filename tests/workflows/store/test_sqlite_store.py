import atexit
import json
import math
import os
import pickle
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from jobflow import Flow, JobStore, OutputReference, job, run_locally
from maggma.core import StoreError
from maggma.core.validator import Validator
from maggma.stores import MemoryStore
from rich.console import Console

from cuprolith.errors import CuprolithError
from workflows.jobs.disk_space import is_disk_full
from workflows.progress import progress_on
from workflows.store import document_codec
from workflows.store.sqlite_database import SqliteDatabase
from workflows.store.sqlite_store import SqliteStore, job_store


@pytest.fixture
def store(tmp_path):
    with SqliteStore(tmp_path / "store.sqlite", key="k", searchable_fields=["tag"]) as opened:
        yield opened


def without_id(document):
    return {key: value for key, value in document.items() if key != "_id"}


# ---------------------------------------------------------------- the same answers as MemoryStore

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, -0.0, 2.0, math.inf, math.nan]),
    st.sampled_from(["", "a", "ab", "Å", "1", "a\0b"]),
)
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.sampled_from(["x", "y"]), SCALARS, max_size=2),
    st.lists(st.dictionaries(st.sampled_from(["x", "y"]), SCALARS, max_size=2), max_size=2),
)
FIELDS = st.sampled_from(["a", "b", "b.x", "k", "missing"])
DOCUMENTS = st.lists(
    st.fixed_dictionaries({"k": st.integers(0, 6)}, optional={"a": VALUES, "b": VALUES}),
    min_size=1,
    max_size=8,
)


def values_in(document):
    """Yield all values of a document, and what lists and objects in it are made of."""
    parts = document.values() if isinstance(document, dict) else document
    for part in parts:
        yield part
        if isinstance(part, dict | list):
            yield from values_in(part)


@st.composite
def criteria_for(draw, documents, depth=2):
    field = draw(FIELDS)
    # values that occur, so that there is something to find
    value = draw(st.one_of(st.sampled_from(list(values_in(documents))), VALUES))
    ordered = draw(st.one_of(st.integers(-3, 3), st.sampled_from(["", "a", 0.5])))
    simple = st.sampled_from(
        [
            {},
            {field: value},
            {field: {"$eq": value}},
            {field: {"$in": [value, draw(SCALARS)]}},
            {field: {"$in": draw(st.lists(st.sampled_from(["a", "ab", 1, 2, "Å"])))}},
            {field: {"$in": ["a", 1, 2], "$gt": ordered}},
            {field: {"$nin": [value, 1]}},
            {field: {"$ne": value}},
            {field: {"$gt": ordered}},
            {field: {"$lte": ordered}},
            {field: {"$exists": draw(st.booleans())}},
            {field: {"$not": {"$gt": ordered}}},
            {field: {"$size": 1}},
            {"a": {"$regex": "^a"}},
        ]
    )
    if depth and draw(st.booleans()):
        operator = draw(st.sampled_from(["$and", "$or", "$nor"]))
        parts = [draw(criteria_for(documents, depth - 1)) for _ in range(2)]
        return {operator: parts, **draw(simple)}
    return draw(simple)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Return a function that fills a SQLite store and a MemoryStore with the same documents."""
    folder = tmp_path_factory.mktemp("equivalence")
    stores = {}

    def filled(documents, searchable):
        name = "-".join(searchable) or "none"
        if name not in stores:
            mine = SqliteStore(folder / f"{name}.sqlite", key="k", searchable_fields=searchable)
            mine.connect()
            mine._collection.database.execute("PRAGMA synchronous=OFF")
            stores[name] = mine
        mine = stores[name]
        mine.remove_docs({})
        reference = MemoryStore(key="k")
        reference.connect(force_reset=True)
        for document in documents:
            mine.update(document)
            # Copies down to the numbers: mongomock finds a NaN in a list only where it is the
            # very same object as in the query, and what a program asks for never is.
            reference.update(pickle.loads(pickle.dumps(document)))
        return mine, reference

    yield filled
    for store in stores.values():
        store.close()


def outcome(question):
    try:
        return question()
    except Exception as error:  # noqa: BLE001
        return type(error)


def canonical(answer):
    # the order of fields is that of the search columns where no body is read
    return repr([sorted(without_id(document).items()) for document in answer])


@settings(max_examples=150, deadline=None)
@given(
    DOCUMENTS.flatmap(
        lambda documents: st.tuples(
            st.just(documents), st.lists(criteria_for(documents), min_size=1, max_size=4)
        )
    ),
    st.sampled_from([[], ["a"], ["a", "b.x"], ["b", "a"]]),
    st.dictionaries(FIELDS, st.sampled_from([1, -1]), max_size=2),
    st.integers(0, 3),
    st.integers(0, 3),
)
@example(
    asked=([{"k": 0, "a": [math.nan]}], [{"a": [math.nan]}]),
    searchable=[],
    sort={},
    skip=0,
    limit=0,
)
def test_queries_answer_as_memory_store(pair, asked, searchable, sort, skip, limit):
    documents, queries = asked
    mine, reference = pair(documents, searchable)
    for criteria in queries:
        for options in ({}, {"sort": sort}, {"sort": sort, "skip": skip, "limit": limit}):
            expected = outcome(lambda: list(reference.query(criteria, **options)))  # noqa: B023
            # what mongomock refuses (say, an unorderable pair) has no reference answer
            assume(not isinstance(expected, type))
            assert canonical(mine.query(criteria, **options)) == canonical(expected)
        assert mine.count(criteria) == reference.count(criteria)
        first, expected_first = mine.query_one(criteria), reference.query_one(criteria)
        assert repr(first) == repr(expected_first and without_id(expected_first))
    doomed = queries[0]
    reference.remove_docs(doomed)
    mine.remove_docs(doomed)
    assert canonical(mine.query()) == canonical(reference.query())


EVERY_KIND = [None, False, True, 0, 1, 1.0, 0.5, -0.0, 2**53, 2**53 + 1, math.nan, math.inf]
EVERY_KIND += ["", "0", "1", "a", "Å", [], [1], ["a", [1]], [None], {}, {"x": 1}, [{"x": 1}]]


@pytest.mark.parametrize("field", ["a", "a.x"])
def test_equality_on_indexed_fields_finds_all_that_memory_store_finds(pair, field):
    documents = [{"k": k, "a": value} for k, value in enumerate(EVERY_KIND)]
    documents += [{"k": -1}, {"k": -2, "a": {"x": "a"}}, {"k": -3, "a": [{"x": "a"}, 1]}]
    mine, reference = pair(documents, [field])
    for value in EVERY_KIND:
        for criterion in (value, {"$eq": value}, {"$in": [value]}, {"$in": [value, "a", 1]}):
            found = list(mine.query({field: criterion}))
            assert canonical(found) == canonical(reference.query({field: criterion}))


PROJECTIONS = st.one_of(
    st.none(),
    st.lists(st.sampled_from(["a", "k", "b.x", "missing", "_id"]), max_size=3),
    st.dictionaries(st.sampled_from(["a", "k", "b.x"]), st.just(1), max_size=3),
    st.dictionaries(st.sampled_from(["a", "k", "_id"]), st.just(0), max_size=3),
)
# mongomock, unlike MongoDB, fails on lists of scalars below a dotted projection
PROJECTABLE = st.lists(
    st.fixed_dictionaries(
        {"k": st.integers(0, 6)},
        optional={
            "a": VALUES,
            "b": st.one_of(
                st.dictionaries(st.sampled_from(["x", "y"]), VALUES, max_size=2),
                st.lists(st.dictionaries(st.sampled_from(["x", "y"]), VALUES, max_size=2)),
            ),
        },
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=100, deadline=None)
@given(PROJECTABLE, PROJECTIONS, st.sampled_from([[], ["a"]]))
def test_projections_answer_as_memory_store(pair, documents, properties, searchable):
    mine, reference = pair(documents, searchable)
    for criteria in ({}, {"k": 3}, {"a": 1}):
        expected = outcome(lambda: list(reference.query(criteria, properties)))  # noqa: B023
        assume(not isinstance(expected, type))
        assert canonical(mine.query(criteria, properties)) == canonical(expected)


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS, FIELDS, st.sampled_from([[], ["a", "b.x"]]))
def test_distinct_and_groups_answer_as_memory_store(pair, documents, field, searchable):
    mine, reference = pair(documents, searchable)

    def distinct(store):
        return sorted({repr(value) for value in store.distinct(field, {"k": {"$gt": 0}})})

    def groups(store):
        return [
            (repr(keys), canonical(group))
            for keys, group in store.groupby([field, "k"], properties=["k", "a"])
        ]

    for question in (distinct, groups):
        expected = outcome(lambda: question(reference))  # noqa: B023
        if not isinstance(expected, type):
            assert question(mine) == expected


def test_time_stamps_answer_as_memory_store(tmp_path):
    stores = [
        SqliteStore(tmp_path / "s.sqlite", key="k", searchable_fields=["last_updated"]),
        MemoryStore(key="k"),
    ]
    older, newer = datetime(2026, 1, 1, 12, 0, 0, 123456), datetime(2026, 3, 1)
    answers = []
    for tested in stores:
        tested.connect()
        assert tested.last_updated == datetime.min
        tested.update([{"k": 1, "last_updated": older}, {"k": 2, "last_updated": newer}])
        target = MemoryStore("target", key="k")
        target.connect()
        target.update(
            [{"k": 1, "last_updated": newer + timedelta(1)}, {"k": 3, "last_updated": older}]
        )
        aware = older.replace(tzinfo=timezone(timedelta(hours=2))) + timedelta(hours=2)
        answers.append(
            (
                tested.last_updated,
                tested.newer_in(target),
                sorted(tested.newer_in(target, exhaustive=True)),
                tested.count({"last_updated": {"$gt": older}}),
                tested.count({"last_updated": aware}),
                tested.query_one({"k": 1})["last_updated"],
            )
        )
    assert answers[0] == answers[1]
    assert answers[0][0] == newer
    stores[0].close()


# ------------------------------------------------------------------------------- what is stored


def test_documents_come_back_bit_for_bit(store, tmp_path):
    rng = np.random.default_rng(3)
    floats = rng.integers(0, 2**64, 4000, dtype=np.uint64).view(np.float64).tolist()
    finite = [value for value in floats if math.isfinite(value)]
    special = [-0.0, 5e-324, math.nan, math.inf, -math.inf, 1.7976931348623157e308]
    documents = {
        "finite": {"v": finite, "text": "γ-Å\u2028\0", "half": "\ud800"},
        "special": {"v": finite + special, "n": None},
        "large int": {"v": [2**63 - 1, -(2**63)], "n": 2**70},
    }
    for key, content in documents.items():
        store.update({"k": key, **content})
    store.close()
    store.connect()
    for key, content in documents.items():
        found = store.query_one({"k": key})
        assert np.array(found["v"]).tobytes() == np.array(content["v"]).tobytes()
        assert repr(without_v(found)) == repr(without_v({"k": key, **content}))


def without_v(document):
    return {key: value for key, value in document.items() if key != "v"}


def test_dates_bytes_and_arrays_are_kept_as_mongo_does(store):
    reference = MemoryStore(key="k")
    reference.connect()
    document = {
        "k": 1,
        "when": datetime(1999, 12, 31, 23, 59, 59, 999999),
        "raw": b"\x00\xff",
        "array": np.arange(6).reshape(2, 3) / 7,
        "tuple": (1, 2),
        7: "key that is no string",
    }
    store.update(document)
    reference.update(document)
    assert store.query_one() == without_id(reference.query_one())


def test_large_documents_are_compressed(store, tmp_path):
    forces = np.random.default_rng(0).normal(size=(300, 100, 3)).tolist()
    store.update({"k": 1, "forces": forces})
    store.close()
    size = (tmp_path / "store.sqlite").stat().st_size
    assert size < 0.6 * len(json.dumps(forces))
    store.connect()
    assert store.query_one({"k": 1})["forces"] == forces


def test_update_replaces_in_place_and_needs_its_key(store):
    store.update([{"k": 1, "tag": "old"}, {"k": 2, "tag": "other"}])
    store.update({"k": 1, "tag": "new"})
    assert list(store.query()) == [{"k": 1, "tag": "new"}, {"k": 2, "tag": "other"}]
    store.update({"k": 3, "tag": "new", "extra": 1}, key="tag")
    store.update({"k": 3, "tag": "new", "extra": 2}, key=["k", "tag"])
    assert list(store.query({"tag": "new"})) == [{"k": 3, "tag": "new", "extra": 2}]
    with pytest.raises(KeyError, match="k"):
        store.update([{"k": 9}, {"tag": "no key"}])
    assert store.count({"k": 9}) == 0  # all or none


def test_validator(tmp_path):
    class Positive(Validator):
        def __init__(self, strict):
            self._strict = strict

        strict = property(lambda self: self._strict)

        def is_valid(self, doc):
            return doc["k"] > 0

        def validation_errors(self, doc):
            return [f"{doc['k']} is not positive"]

    with SqliteStore(tmp_path / "a.sqlite", key="k", validator=Positive(strict=True)) as strict:
        with pytest.raises(ValueError, match="-1 is not positive"):
            strict.update([{"k": 1}, {"k": -1}])
        assert strict.count() == 0
    with SqliteStore(tmp_path / "b.sqlite", key="k", validator=Positive(strict=False)) as lenient:
        lenient.update([{"k": 1}, {"k": -1}])
        assert list(lenient.query()) == [{"k": 1}]


# ---------------------------------------------------------------------------- cost and indexes


def steps(store, action):
    """Count SQLite's virtual-machine steps, which do not depend on the machine."""
    counted = [0]

    def count():
        counted[0] += 1

    connection = store._collection.database._connection
    connection.set_progress_handler(count, 1)
    try:
        action()
    finally:
        connection.set_progress_handler(None, 1)
    return counted[0]


def test_key_lookups_and_updates_do_not_scan(tmp_path):
    costs = {}
    for size in (20, 2000):
        store = SqliteStore(tmp_path / f"{size}.sqlite", "outputs", searchable_fields=["index"])
        store.connect()
        store.update([{"uuid": f"u{i}", "index": 1, "output": i} for i in range(size)])
        costs[size] = [
            steps(store, action)
            for action in (
                lambda: store.query_one({"uuid": "u7", "index": 1}),  # noqa: B023
                lambda: store.query_one({"uuid": "u7"}, ["index"], sort={"index": -1}),  # noqa: B023
                lambda: list(store.query({"uuid": {"$in": ["u3", "u4", "none"]}})),  # noqa: B023
                lambda: store.update({"uuid": "u9", "index": 1}, key=["uuid", "index"]),  # noqa: B023
                lambda: store.update({"uuid": "new", "index": 1}, key=["uuid", "index"]),  # noqa: B023
                lambda: store.remove_docs({"uuid": "u5", "index": 1}),  # noqa: B023
            )
        ]
        store.close()
    assert np.all(np.array(costs[2000]) < 1.5 * np.array(costs[20]) + 20)


def test_listing_keys_reads_no_bodies(store, monkeypatch):
    store.update([{"k": i, "tag": f"t{i % 3}", "output": [0.5] * 1000} for i in range(30)])

    def refuse(*_):
        raise AssertionError("a body was read")

    monkeypatch.setattr("workflows.store.collection.decode_document", refuse)
    assert len(list(store.query({}, ["k"], sort={"k": -1}, limit=7))) == 7
    assert store.count({"tag": "t1", "k": {"$gt": 20}}) == 3
    assert store.distinct("tag") == ["t0", "t1", "t2"]


def test_index_made_late_covers_what_is_there(store):
    store.update([{"k": i, "late": {"deep": i % 4}} for i in range(40)])
    assert store.ensure_index("late.deep")
    assert store.ensure_index("late.deep")
    store.update({"k": 100, "late": {"deep": 3}})
    expected = [i for i in range(40) if i % 4 == 3]
    assert [found["k"] for found in store.query({"late.deep": 3})] == [*expected, 100]


def test_column_added_by_another_connection_is_filled(store):
    other_connection = SqliteDatabase(Path(store.path))
    store.update({"k": 1, "new": "x"})
    from workflows.store.collection import Collection

    other = Collection(other_connection, "documents", ["k", "new"])
    store.update({"k": 2, "new": "x"})
    rows = [other.body(row) for row in other.candidates({"new": "x"})]
    assert [document["k"] for document in rows] == [1, 2]
    other_connection._connection.close()


# ----------------------------------------------------------------- transactions, kills, full disk


def test_stores_of_one_file_commit_together(tmp_path):
    path = tmp_path / "both.sqlite"
    with SqliteStore(path, "docs", key="k") as docs, SqliteStore(path, "data", key="k") as data:
        with pytest.raises(RuntimeError, match="stop"), docs.transaction():
            docs.update({"k": 1})
            data.update({"k": 1})
            raise RuntimeError("stop")
        assert docs.count() == data.count() == 0
        with docs.transaction():
            docs.update({"k": 2})
            with pytest.raises(KeyError):
                data.update([{"k": 2}, {}])
            data.update({"k": 3})
        assert [d["k"] for d in docs.query()] == [2]
        assert [d["k"] for d in data.query()] == [3]


def test_uncommitted_writes_are_not_seen_by_others(tmp_path):
    path = tmp_path / "shared.sqlite"
    with SqliteStore(path, key="k") as store:
        reader = SqliteDatabase(path)  # a connection of its own, as another process has
        with store.transaction():
            store.update({"k": 1})
            assert reader.execute("SELECT count(*) FROM documents").fetchone() == (0,)
        assert reader.execute("SELECT count(*) FROM documents").fetchone() == (1,)
        reader._connection.close()


WRITER = """
import sys
from workflows.store.sqlite_store import SqliteStore
docs = SqliteStore(sys.argv[1], "docs", key="k")
data = SqliteStore(sys.argv[1], "data", key="k")
docs.connect(); data.connect()
number = docs.count()
while True:
    with docs.transaction():
        docs.update({"k": number, "text": "x" * (number % 3000)})
        data.update({"k": number, "numbers": [number * 0.1] * (number % 500)})
    print(number, flush=True)
    number += 1
"""


@pytest.mark.slow
def test_kill_loses_nothing_committed_and_nothing_is_half_there(tmp_path):
    path = tmp_path / "killed.sqlite"
    rng = np.random.default_rng(5)
    committed = -1
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WRITER, path],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            text=True,
        ) as writer:
            committed = max(committed, int(writer.stdout.readline()))
            time.sleep(rng.uniform(0.05, 0.3))
            writer.send_signal(signal.SIGKILL)
            committed = max([committed, *map(int, writer.stdout.read().split("\n")[:-1])])
        with SqliteStore(path, "docs", key="k") as docs, SqliteStore(path, "data", key="k") as data:
            found = [document["k"] for document in docs.query()]
            assert found == list(range(len(found)))
            assert committed < len(found) <= committed + 2
            assert [document["k"] for document in data.query()] == found
            (verdict,) = docs._collection.database.execute("PRAGMA integrity_check").fetchone()
            assert verdict == "ok"
    assert committed > 10


def test_full_disk_leaves_a_sound_store(store):
    database = store._collection.database
    store.update([{"k": i} for i in range(50)])
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count={pages + 4}")
    noise = np.random.default_rng(0).bytes(100_000).hex()
    with pytest.raises(sqlite3.OperationalError) as caught:
        store.update([{"k": 1000, "small": 1}, {"k": 1001, "noise": noise}])
    assert is_disk_full(caught.value)
    assert [document["k"] for document in store.query()] == list(range(50))
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.execute("PRAGMA max_page_count=1000000")
    store.update({"k": 1001, "noise": noise})
    assert store.query_one({"k": 1001})["noise"] == noise


# ------------------------------------------------------------------------ life cycle and jobflow


def test_round_trip_of_the_store_itself(tmp_path):
    store = SqliteStore(tmp_path / "s.sqlite", "outputs", searchable_fields=["index"])
    with store:
        store.update({"uuid": "u", "index": 1})
    copies = [
        SqliteStore.from_dict(json.loads(json.dumps(store.as_dict()))),
        pickle.loads(pickle.dumps(store)),
    ]
    for copied in copies:
        assert copied == store
        assert hash(copied) == hash(store)
        with copied:
            assert copied.query_one() == {"uuid": "u", "index": 1}
    assert store != SqliteStore(tmp_path / "s.sqlite", "other")


def test_stores_share_a_connection_until_the_last_closes(tmp_path):
    path = tmp_path / "s.sqlite"
    first, second = SqliteStore(path, key="k"), SqliteStore(path, key="k")
    first.connect()
    first.connect()
    second.connect()
    assert first._collection.database is second._collection.database
    first.close()
    first.close()
    second.update({"k": 1})
    second.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.sqlite"]  # log folded in
    with pytest.raises(StoreError, match="connect"):
        second.count()


def test_working_directory_may_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = SqliteStore("s.sqlite", key="k")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with store:
        store.update({"k": 1})
    assert (tmp_path / "s.sqlite").exists()


def test_files_that_are_no_store_are_refused(tmp_path):
    text = tmp_path / "text.sqlite"
    text.write_text("not a database at all, but long enough to look like one " * 20)
    with pytest.raises(CuprolithError, match=r"text\.sqlite: cannot open the database"):
        SqliteStore(text).connect()
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE documents (x)")
    connection.close()
    with pytest.raises(CuprolithError, match="another kind"):
        SqliteStore(foreign).connect()
    (tmp_path / "folder").mkdir()
    with pytest.raises(CuprolithError, match="cannot open"):
        SqliteStore(tmp_path / "folder").connect()
    assert not [path for _, path in SqliteDatabase._opened if path.startswith(str(tmp_path))]


@pytest.mark.parametrize("name", ["sqlite_master", "a b", "a.b", ""])
def test_collection_names_are_checked(tmp_path, name):
    with pytest.raises(ValueError, match="collection name"):
        SqliteStore(tmp_path / "s.sqlite", name).connect()


@pytest.mark.parametrize("properties", [{"a": 1, "b": 0}, {"a": {"$slice": 2}}])
def test_projections_that_make_no_sense_are_refused(store, properties):
    with pytest.raises(ValueError, match="projection"):
        list(store.query({}, properties))


@job
def double(x):
    return {"value": 2 * x, "history": [x, 2 * x]}


@job(data="frames")
def with_frames(x):
    return {"energy": x, "frames": [[x, i] for i in range(20)]}


@job
def last_frame(document):
    return document["frames"][-1]


def test_jobflow_runs_on_it(tmp_path):
    first, framed = double(3), with_frames(1.5)
    second = double(first.output["value"])
    last = last_frame(framed.output)
    flow = Flow([first, second, framed, last])
    store = job_store(tmp_path / "jobs.sqlite")
    run_locally(flow, store=store, log=False, ensure_success=True)
    assert store.get_output(second.uuid) == {"value": 12, "history": [6, 12]}
    assert store.get_output(last.uuid) == [1.5, 19]
    assert OutputReference(second.uuid)["history"][1].resolve(store) == 12
    unloaded = store.query_one({"uuid": framed.uuid})["output"]["frames"]
    assert set(unloaded) >= {"blob_uuid", "store"}
    loaded = store.get_output(framed.uuid, load=True)
    assert loaded == {"energy": 1.5, "frames": [[1.5, i] for i in range(20)]}
    copied = JobStore.from_dict(json.loads(json.dumps(store.as_dict())))
    store.close()
    with copied:
        assert copied.get_output(framed.uuid, load=True) == loaded
        assert copied.count() == 4
        copied.remove_docs({"uuid": framed.uuid})
        assert copied.additional_stores["data"].count() == 0


def test_job_store_from_jobflows_settings_file(tmp_path):
    path = str(tmp_path / "jobs.sqlite")
    spec = {
        "docs_store": {"type": "SqliteStore", "path": path, "collection_name": "outputs"},
        "additional_stores": {
            "data": {"type": "SqliteStore", "path": path, "collection_name": "data"}
        },
    }
    flow = with_frames(2.0)
    store = JobStore.from_dict_spec(spec)
    run_locally(flow, store=store, log=False, ensure_success=True)
    store.close()
    with job_store(path) as same:
        assert same.get_output(flow.uuid, load=True)["frames"][3] == [2.0, 3]


# ---------------------------------------------------------------- damage and copies


def test_the_file_alone_holds_all_that_is_committed(tmp_path):
    """Copied while it is open, as a backup does, or after a kill."""
    path = tmp_path / "store.sqlite"
    with SqliteStore(path, key="k") as store:
        for k in range(3):
            store.update({"k": k, "forces": [0.1 * k] * 1000})
            assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
            copy = tmp_path / "copy" / path.name
            copy.parent.mkdir()
            shutil.copyfile(path, copy)
            with SqliteStore(copy, key="k") as copied:
                assert copied.count() == k + 1
            shutil.rmtree(copy.parent)


def test_a_write_ahead_log_of_an_earlier_version_is_taken_in(tmp_path):
    path = tmp_path / "store.sqlite"
    with SqliteStore(path, key="k") as store:
        store.update({"k": 1})
        store._collection.database.execute("PRAGMA journal_mode=WAL")
        store.update({"k": 2})
        (tmp_path / "copy").mkdir()
        for file in tmp_path.glob("store.sqlite*"):
            shutil.copyfile(file, tmp_path / "copy" / file.name)
    assert (tmp_path / "copy" / "store.sqlite-wal").stat().st_size
    with SqliteStore(tmp_path / "copy" / path.name, key="k") as copied:
        assert copied.count() == 2
        assert not (tmp_path / "copy" / "store.sqlite-wal").exists()


@cache
def labelled_documents():
    """A file of eighty documents, small and large, and the documents."""
    path = Path(tempfile.mkdtemp()) / "store.sqlite"
    atexit.register(shutil.rmtree, path.parent)
    rng = np.random.default_rng(5)
    documents = [
        {"k": f"job-{k}", "energy": float(rng.normal()), "forces": rng.normal(size=n).tolist()}
        for k in range(80)
        for n in [(0, 20, 700)[k % 3]]
    ]
    with SqliteStore(path, key="k") as store:
        store.update(documents)
    return path, documents


@pytest.fixture
def labelled():
    return labelled_documents()


def survivors(path, documents):
    """Documents that are read from a file, all as they were written; and how many are damaged."""
    found, damaged = [], 0
    with SqliteStore(path, key="k") as store:
        for document in documents:
            criteria = {"k": document["k"]}
            if store.damaged(criteria):
                damaged += 1
                with pytest.raises(CuprolithError, match=r"store\.sqlite: document .* is damaged"):
                    store.query_one(criteria)
            elif (read := store.query_one(criteria)) is not None:
                assert without_id(read) == document
                found.append(read)
    return found, damaged


@settings(max_examples=30, report_multiple_bugs=False)
@given(st.floats(0, 1, exclude_max=True), st.booleans(), st.integers(1, 255))
def test_a_damaged_byte_never_changes_a_document_and_loses_few(where, in_header, bits):
    """Wherever it is: in a document, in the tree of a table or an index, in SQLite's header."""
    path, documents = labelled_documents()
    content = bytearray(path.read_bytes())
    place = int(where * (100 if in_header else len(content)))
    content[place] ^= bits
    with tempfile.TemporaryDirectory() as folder:
        harmed = Path(folder) / path.name
        harmed.write_bytes(content)
        try:
            found, _ = survivors(harmed, documents)
        except CuprolithError as error:
            assert place in range(60, 64), error
            assert "of another kind or a newer version" in str(error)
            assert harmed.read_bytes() == content
        else:
            # A page of 4 KiB holds some thirty of the small ones.
            assert len(found) >= len(documents) - 40


def test_what_a_cut_database_still_holds_is_kept(labelled, tmp_path, capsys):
    path, documents = labelled
    harmed = tmp_path / path.name
    content = path.read_bytes()
    harmed.write_bytes(content[: len(content) * 2 // 3])
    with progress_on(Console(width=1000)):
        found, damaged = survivors(harmed, documents)
    assert 10 < len(found) < 75
    assert damaged == 0
    said = capsys.readouterr().out
    assert f"{harmed}: cannot open the database" in said
    assert f"moved to store.sqlite.damaged; the {len(found)} documents" in said
    kept = tmp_path / "store.sqlite.damaged"
    assert kept.stat().st_size == len(content) * 2 // 3
    assert sorted(tmp_path.iterdir()) == [harmed, kept]
    again, _ = survivors(harmed, documents)
    assert again == found


def test_documents_without_a_checksum_are_read():
    """Those of schema version 1."""
    document = {"k": "old", "forces": [0.5] * 500}
    flags, data = document_codec.encode_document(document, "outputs")
    old = data.removesuffix(b"outputs" + data[-5:])
    assert document_codec.decode_document(flags & ~4, old) == document
    with pytest.raises(document_codec.DamagedDocumentError):
        document_codec.decode_document(flags & ~4, old[:-5])
