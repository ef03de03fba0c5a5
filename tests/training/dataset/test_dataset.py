import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, bulk, fcc111
from frame_samples import emt_frame, random_frame

from training.dataset.builder import DatasetError, build_dataset, load_card, verify_dataset
from training.dataset.energy_outliers import ENERGY_OFF
from training.dataset.extxyz import read_frames
from training.dataset.frames import Frame
from training.settings import DatasetSettings, QuarantineSettings

FILES = ("train.extxyz", "val.extxyz", "test.extxyz", "quarantine.extxyz", "dataset.json")


def run_of(atoms, structure_id: str, n_steps: int, seed: int = 0, **provenance) -> list[Frame]:
    """Steps with EMT labels that wander away from the start."""
    rng = np.random.default_rng([seed, len(atoms)])
    frames = []
    for step in range(n_steps):
        fields = {
            "structure_id": structure_id,
            "trajectory_id": f"{structure_id}/run",
            "step": step,
        }
        frames.append(emt_frame(atoms, **fields | provenance))
        atoms = atoms.copy()
        atoms.positions += rng.normal(size=(len(atoms), 3)) * 0.03
    return frames


def campaign() -> list[list[Frame]]:
    return [list(run) for run in _campaign()]


@cache
def _campaign() -> list[list[Frame]]:
    """Bulks, slabs and their children, with something for every rule."""
    runs = []
    for element, a in (("Cu", 3.6), ("Ni", 3.5), ("Al", 4.05)):
        for i, strain in enumerate((-0.02, 0.0, 0.03)):
            atoms = bulk(element, "fcc", a * (1 + strain), cubic=True)
            runs.append(run_of(atoms, f"bulk-{element}-{i}", 5, seed=i))
        slab = fcc111(element, (1, 1, 3), a=a, vacuum=5, periodic=True)
        parent = f"slab-{element}"
        runs.append(run_of(slab, parent, 8, family="slab", miller_index="1 1 1"))
        slab = slab.repeat((2, 1, 1))
        add_adsorbate(slab, "Cu", 2.0, "fcc")
        runs.append(run_of(slab, f"adatom-{element}", 6, family="adatom", parent_id=parent))
    exploded = replace(runs[0][-1], step=9, forces=runs[0][-1].forces + 80)
    runs[0].append(exploded)
    runs[1][2] = replace(runs[1][2], converged=False)
    copy = [replace(frame, structure_id="bulk-Cu-9", trajectory_id="x") for frame in runs[0]]
    return [*runs, copy]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign") / "dataset"
    card = build_dataset(campaign(), DatasetSettings(), folder, seed=7)
    return folder, card


def contents(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}


def frames_by_split(folder: Path) -> dict[str, list[Frame]]:
    return {split: read_frames(folder / f"{split}.extxyz") for split in ("train", "val", "test")}


def test_exactly_the_promised_files(built):
    folder, card = built
    assert set(contents(folder)) == set(FILES)
    assert load_card(folder) == card == load_card(folder / "dataset.json")
    assert verify_dataset(folder) == []


def test_counts_on_the_card_are_those_of_the_files(built):
    folder, card = built
    everything = []
    for split, frames in frames_by_split(folder).items():
        part = card.splits[split]
        assert part.frames == len(frames) == sum(group.frames for group in part.groups)
        assert part.atoms == sum(map(len, frames))
        assert part.families == Counter(frame.family for frame in frames)
        data = (folder / part.file).read_bytes()
        assert part.sha256 == hashlib.sha256(data).hexdigest()
        energies = np.array([frame.energy / len(frame) for frame in frames])
        norms = np.concatenate([np.linalg.norm(frame.forces, axis=1) for frame in frames])
        for found, values in ((part.energy_per_atom, energies), (part.force_norm, norms)):
            expected = [values.min(), values.mean(), values.max(), np.sqrt((values**2).mean())]
            assert [found.min, found.mean, found.max, found.rms] == pytest.approx(expected, 1e-12)
        everything += frames
    assert card.frames.kept == len(everything)
    assert card.families == Counter(frame.family for frame in everything)
    assert card.systems == Counter(
        "-".join(sorted(set(frame.to_atoms().get_chemical_symbols()))) for frame in everything
    )
    assert card.elements == ("Al", "Cu", "Ni")
    (source,) = card.sources
    assert (source.engine, source.frames) == ("emt", len(everything))


def test_every_frame_seen_is_accounted_for(built):
    folder, card = built
    given = {(frame.trajectory_id, frame.step): frame for run in campaign() for frame in run}
    assert card.frames.seen == len(given)
    assert card.trajectories == len(campaign())
    quarantined = read_frames(folder / "quarantine.extxyz")
    kept = list(itertools.chain(*frames_by_split(folder).values()))
    for frame in kept + quarantined:
        assert given[frame.trajectory_id, frame.step] == frame, "written as given, to the last bit"
    dropped = [name for group in card.near_duplicates for name in group.dropped]
    n_accounted = len(kept) + len(quarantined) + len(dropped) + card.frames.thinned
    assert n_accounted == len(given)
    names = {f"{frame.trajectory_id}:{frame.step}" for frame in kept}
    assert {group.kept for group in card.near_duplicates} <= names
    assert not names & set(dropped)


def test_copies_are_dropped_with_an_audit(built):
    """Run x repeats the run of bulk-Cu-0, step by step."""
    folder, card = built
    audit = {name: group.kept for group in card.near_duplicates for name in group.dropped}
    for step in range(5):
        assert audit[f"x:{step}"] == f"bulk-Cu-0/run:{step}"
    kept = itertools.chain(*frames_by_split(folder).values())
    assert "x" not in {frame.trajectory_id for frame in kept}


def test_quarantine_gives_reasons(built):
    folder, card = built
    reasons = {
        (atoms.info["trajectory_id"], atoms.info["step"]): atoms.info["quarantine_reason"]
        for atoms in ase.io.iread(folder / "quarantine.extxyz")
    }
    assert set(reasons) == {("bulk-Cu-0/run", 9), ("x", 9), ("bulk-Cu-1/run", 2)}
    assert reasons["x", 9].startswith("force too large: ")
    assert reasons["bulk-Cu-1/run", 2].startswith("not converged")
    assert card.quarantine.reasons == {"force too large": 2, "not converged": 1}
    assert card.frames.quarantined == card.quarantine.frames == 3
    assert all(isinstance(reason, str) for reason in reasons.values())


def test_no_relative_is_in_another_split(built):
    folder, _ = built
    where: dict[tuple[str, str], str] = {}
    for split, frames in frames_by_split(folder).items():
        for frame in frames:
            keys = {("s", frame.structure_id), ("t", frame.trajectory_id), ("s", frame.parent_id)}
            for key in keys - {("s", "")}:
                assert where.setdefault(key, split) == split


def test_quarantined_relatives_still_hold_a_family_together(tmp_path):
    """Grandchild and grandparent are related through frames that are all in quarantine."""
    runs = campaign()
    child = next(run for run in runs if run[0].structure_id == "adatom-Cu")
    child[:] = [replace(frame, converged=False) for frame in child]
    atoms = bulk("Cu", "fcc", 3.7, cubic=True)
    runs.append(run_of(atoms, "grandchild", 4, seed=5, parent_id="adatom-Cu"))
    card = build_dataset(runs, DatasetSettings(), tmp_path, 0)
    groups = [group for split in card.splits.values() for group in split.groups]
    assert ("grandchild", "slab-Cu") in [group.structure_ids for group in groups]


def test_frames_are_sorted(built):
    folder, _ = built
    for frames in frames_by_split(folder).values():
        order = [(frame.structure_id, frame.trajectory_id, frame.step) for frame in frames]
        assert order == sorted(order)


@pytest.mark.parametrize("seed", range(3))
def test_order_of_trajectories_does_not_matter(built, tmp_path, seed):
    runs = campaign()
    np.random.default_rng(seed).shuffle(runs)
    build_dataset(runs, DatasetSettings(), tmp_path, seed=7)
    assert contents(tmp_path) == contents(built[0])


def test_another_seed_splits_differently_and_nothing_else(built, tmp_path):
    cards = [
        build_dataset(campaign(), DatasetSettings(), tmp_path / str(seed), seed)
        for seed in range(3)
    ]
    assert {card.frames for card in cards} == {built[1].frames}
    assert len({card.splits["test"].sha256 for card in cards}) > 1


def test_trajectories_are_read_one_at_a_time(tmp_path):
    running = []

    def steps(run):
        running.append(run[0].trajectory_id)
        assert len(running) == 1
        yield from run
        running.remove(run[0].trajectory_id)

    card = build_dataset((steps(run) for run in campaign()), DatasetSettings(), tmp_path, 0)
    assert card.frames.kept


def test_what_only_train_has_is_on_the_card(built):
    """Each slab is one group with its adatom; Al is in no other."""
    _, card = built
    (warning,) = card.warnings
    assert "neither val nor test has " in warning
    assert "Al, Cu, Ni of family adatom" in warning
    trained = {name for group in card.splits["train"].groups for name in group.structure_ids}
    assert {"slab-Al", "adatom-Al"} <= trained


def test_runs_that_continue_each_other_without_a_link_stay_together(tmp_path):
    """One run in three, the pieces under names of their own; the first frame follows a step later.

    The last frame before a cut is set aside, as where a run was stopped before it converged.
    """
    runs = campaign()[:9]
    atoms = bulk("Ni", "fcc", 3.6, cubic=True)
    atoms.rattle(0.1, seed=5)
    whole = []
    for step in range(24):
        whole.append(emt_frame(atoms, step=step % 8))
        atoms = atoms.copy()
        atoms.positions += np.random.default_rng(step).normal(size=(4, 3)) * 0.02
    pieces = [
        [replace(f, structure_id=f"md-{i}", trajectory_id=f"md-{i}") for f in whole[j:k]]
        for i, (j, k) in enumerate([(0, 8), (8, 16), (16, 24)])
    ]
    pieces[0][-1] = replace(pieces[0][-1], converged=False)
    card = build_dataset([*runs, *pieces], DatasetSettings(), tmp_path, 0)
    groups = [group for split in card.splits.values() for group in split.groups]
    assert ("md-0", "md-1", "md-2") in [group.structure_ids for group in groups]
    assert card.continued_runs == {"md-1:0": "md-0:7", "md-2:0": "md-1:7"}


def test_one_crystal_in_other_cells_is_one_frame_and_one_group(tmp_path):
    """What else such runs hold stays together, too."""
    crystal = bulk("Ni", "fcc", 3.7)
    runs = campaign()[:9]
    for i, atoms in enumerate((crystal, bulk("Ni", "fcc", 3.7, cubic=True), crystal.repeat(2))):
        runs.append(run_of(atoms, f"cell-{i}", 3, seed=i))
    card = build_dataset(runs, DatasetSettings(), tmp_path, 0)
    audit = {group.kept: group.dropped for group in card.near_duplicates}
    assert set(audit["cell-0/run:0"]) >= {"cell-1/run:0", "cell-2/run:0"}
    groups = [group for split in card.splits.values() for group in split.groups]
    assert ("cell-0", "cell-1", "cell-2") in [group.structure_ids for group in groups]


def test_an_isolated_atom_of_each_element_is_trained_on(tmp_path):
    """Whatever its family is called."""
    runs = campaign()[:9]
    for element in ("Cu", "Ni", "Al"):
        for side in (12.0, 13.0, 14.0):
            atoms = Atoms(element, cell=[side] * 3, pbc=True)
            runs.append(run_of(atoms, f"{element}-{side:g}", 1))
    for seed in range(5):
        build_dataset(runs, DatasetSettings(), tmp_path, seed)
        alone = [f for f in read_frames(tmp_path / "train.extxyz") if f.volume > 1000]
        assert {int(frame.numbers[0]) for frame in alone} == {13, 28, 29}


def test_mixed_labels_are_refused_with_counts_and_key(tmp_path):
    runs = campaign()
    runs[3] = [replace(frame, engine="vasp", config_hash="0012") for frame in runs[3]]
    with pytest.raises(DatasetError) as error:
        build_dataset(runs, DatasetSettings(), tmp_path, 0)
    for part in (
        "8 frames by engine vasp",
        "settings 0012",
        "dataset.allow_mixed",
        "different zeros",
    ):
        assert part in str(error.value)
    assert contents(tmp_path) == {}

    card = build_dataset(runs, DatasetSettings(allow_mixed=True), tmp_path, 0)
    assert [(source.engine, source.frames) for source in card.sources][1] == ("vasp", 8)
    assert "never comparable" in card.warnings[0]
    assert verify_dataset(tmp_path) == []


@pytest.mark.parametrize("key", ["functional", "config_hash"])
def test_other_settings_of_one_engine_are_a_mix_too(tmp_path, key):
    runs = campaign()
    runs[3] = [replace(frame, **{key: "other"}) for frame in runs[3]]
    with pytest.raises(DatasetError, match="labels of 2 different sources") as error:
        build_dataset(runs, DatasetSettings(), tmp_path, 0)
    assert "zeros" not in str(error.value)


@pytest.mark.parametrize(
    ("runs", "settings", "message"),
    [
        ([], {}, "nothing is labelled yet"),
        ([[], []], {}, "nothing is labelled yet"),
        (campaign()[:2], {}, "label at least 3 structures"),
        (campaign()[:4] + campaign()[:1], {}, "bulk-Cu-0/run .* is given twice"),
        (
            campaign()[:4],
            {"quarantine": QuarantineSettings(min_distance=4.0)},
            r"all \d+ frames would be quarantined: atoms too close \(\d+\).* dataset.quarantine",
        ),
    ],
)
def test_what_cannot_become_a_dataset_leaves_the_earlier_one(tmp_path, runs, settings, message):
    build_dataset(campaign(), DatasetSettings(), tmp_path, 0)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=message):
        build_dataset(runs, DatasetSettings(**settings), tmp_path, 0)
    assert contents(tmp_path) == before


def test_engine_failing_midway_leaves_the_earlier_dataset(tmp_path):
    build_dataset(campaign(), DatasetSettings(), tmp_path, 0)
    before = contents(tmp_path)

    def failing():
        yield from campaign()[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_dataset(failing(), DatasetSettings(), tmp_path, 0)
    assert contents(tmp_path) == before


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_dataset import campaign
from training.dataset.builder import build_dataset
from training.settings import DatasetSettings
runs = campaign()
print("ready", flush=True)
for seed in range(10**6):
    build_dataset(runs, DatasetSettings(), Path(sys.argv[1]), seed)
"""


@pytest.mark.slow
def test_killed_at_any_moment_leaves_a_whole_dataset_or_none(tmp_path):
    for delay in np.random.default_rng(0).uniform(0.0, 0.3, 3):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), str(Path(__file__).parents[1])],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        child.stdout.readline()
        time.sleep(delay)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        if (tmp_path / "dataset.json").exists():
            assert verify_dataset(tmp_path) == []
    build_dataset(campaign(), DatasetSettings(), tmp_path, 0)
    assert set(contents(tmp_path)) == set(FILES), "what killed builds left is cleaned up"


@pytest.mark.parametrize("n_commits", range(5))
def test_stopped_between_two_files_leaves_none(tmp_path, monkeypatch, n_commits):
    """The moments a kill hits too rarely to be tested by killing."""
    from cuprolith.staged_file import StagedFile

    build_dataset(campaign(), DatasetSettings(), tmp_path, 0)
    committed = []
    commit = StagedFile.commit

    def stopping(file):
        if len(committed) == n_commits:
            raise KeyboardInterrupt
        committed.append(file.path.name)
        commit(file)

    monkeypatch.setattr(StagedFile, "commit", stopping)
    with pytest.raises(KeyboardInterrupt):
        build_dataset(campaign(), DatasetSettings(), tmp_path, 1)
    assert not (tmp_path / "dataset.json").exists()
    (problem,) = verify_dataset(tmp_path)
    assert "collect the dataset first" in problem


def changed(folder: Path, built, name: str, change) -> list[str]:
    """Copy the dataset, change one file, and return what is found."""
    folder.mkdir(exist_ok=True)
    for file, data in contents(built[0]).items():
        (folder / file).write_bytes(data)
    if change is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(change((folder / name).read_bytes()))
    return verify_dataset(folder)


def test_verification_finds_what_was_changed(built, tmp_path):
    digit = changed(tmp_path, built, "val.extxyz", lambda data: data.replace(b".1", b".2", 1))
    assert len(digit) == 1
    assert "val.extxyz was changed: its sha256" in digit[0]

    def without_last_frame(data: bytes) -> bytes:
        frames = read_frames(tmp_path / "train.extxyz")
        return data[: data.rindex(b"\n%d\n" % len(frames[-1])) + 1]

    fewer = changed(tmp_path, built, "train.extxyz", without_last_frame)
    assert any("frames are" in problem for problem in fewer)
    assert any("atoms are" in problem for problem in fewer)
    cut = changed(tmp_path, built, "test.extxyz", lambda data: data[:-20])
    assert any("the file ends inside a frame" in problem for problem in cut)
    (missing,) = changed(tmp_path, built, "quarantine.extxyz", None)
    assert "quarantine.extxyz does not exist" in missing
    (no_card,) = changed(tmp_path, built, "dataset.json", None)
    assert "does not exist: collect the dataset first" in no_card
    (garbled,) = changed(tmp_path, built, "dataset.json", lambda data: data[:100])
    assert "is not a dataset card" in garbled


def test_verification_finds_relatives_in_two_splits(built, tmp_path):
    """A card that agrees with its files does not hide a leak."""
    folder, _ = built
    for file, data in contents(folder).items():
        (tmp_path / file).write_bytes(data)
    (tmp_path / "test.extxyz").write_bytes((folder / "val.extxyz").read_bytes())
    card = json.loads((folder / "dataset.json").read_bytes())
    card["frames"]["seen"] += card["splits"]["val"]["frames"] - card["splits"]["test"]["frames"]
    card["frames"]["kept"] += card["splits"]["val"]["frames"] - card["splits"]["test"]["frames"]
    card["splits"]["test"] = card["splits"]["val"] | {"file": "test.extxyz"}
    (tmp_path / "dataset.json").write_text(json.dumps(card))
    problems = verify_dataset(tmp_path)
    assert len(problems) == 2
    assert "structure or parent ids are in both val and test" in problems[0]
    assert "trajectory ids are in both val and test" in problems[1]


def test_verification_finds_counts_that_do_not_add_up(built, tmp_path):
    def miscounted(data: bytes) -> bytes:
        card = json.loads(data)
        for key in ("thinned", "quarantined", "near_duplicates", "kept"):
            card["frames"][key] += 1
        return json.dumps(card).encode()

    problems = changed(tmp_path, built, "dataset.json", miscounted)
    assert len(problems) == 4
    assert all(problem.startswith("dataset.json: ") for problem in problems)


def test_card_of_another_version_is_refused(built, tmp_path):
    card = json.loads((built[0] / "dataset.json").read_bytes())
    card["schema_version"] = 99
    (tmp_path / "dataset.json").write_text(json.dumps(card))
    with pytest.raises(DatasetError, match="schema_version"):
        load_card(tmp_path)


def test_card_states_rules_settings_and_no_time_or_place(built, tmp_path):
    folder, card = built
    assert card.settings == DatasetSettings()
    assert set(card.rules) == {"thinning", "quarantine", "near_duplicates", "split"}
    assert "0.05 Å" in card.rules["thinning"]
    assert "50 eV/Å" in card.rules["quarantine"]
    text = (folder / "dataset.json").read_text()
    assert str(folder) not in text
    assert time.strftime("%Y-%m-%d") not in text


def test_index_stays_small(tmp_path):
    """Memory per frame, the search for near-duplicates included; the frame itself has 7 kB."""
    import tracemalloc

    def runs(n_runs: int):
        for run in range(n_runs):
            rng = np.random.default_rng(run)
            numbers = rng.choice([3, 29], 100)
            ids = {"structure_id": f"s{run}", "trajectory_id": f"t{run}", "parent_id": ""}
            grid = np.stack(np.meshgrid(*[np.arange(5.0)] * 3), -1).reshape(-1, 3)[:100] * 2.0
            yield (
                replace(random_frame(rng, 100, numbers=numbers, positions=grid), step=step, **ids)
                for step in range(10)
            )

    def peak(n_runs: int) -> int:
        tracemalloc.start()
        card = build_dataset(runs(n_runs), DatasetSettings(), tmp_path, 0)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert card.frames.kept == 10 * n_runs
        return most

    peak(3)
    assert (peak(40) - peak(10)) / 300 < 3000


def test_too_few_groups_are_refused_or_go_to_train(tmp_path):
    runs = [campaign()[1]]
    with pytest.raises(ValueError, match="cannot be split"):
        build_dataset(runs, DatasetSettings(), tmp_path, 0)
    card = build_dataset(runs, DatasetSettings(), tmp_path, 0, unsplit_if_few=True)
    assert card.splits.keys() == {"train"}
    assert card.splits["train"].frames == card.frames.kept > 0
    assert card.warnings[0].startswith("not split, all frames are in train")
    assert verify_dataset(tmp_path) == []


def test_an_energy_far_off_is_set_aside_with_its_reason(tmp_path):
    runs = campaign()
    runs[1][3] = replace(runs[1][3], energy=runs[1][3].energy + 711.0)
    card = build_dataset(runs, DatasetSettings(), tmp_path, 0)
    assert card.quarantine.reasons[ENERGY_OFF] == 1
    text = (tmp_path / "quarantine.extxyz").read_text()
    assert text.count("energy far off: ") == 1
    energies = {frame.energy for frame in read_frames(tmp_path / "quarantine.extxyz")}
    assert runs[1][3].energy in energies
    assert verify_dataset(tmp_path) == []
