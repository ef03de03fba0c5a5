"""`cuprolith collect --from DIR --out DATASET_DIR`: every frame kept or set aside with a reason."""

import json
import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from typer.testing import CliRunner

from training.dataset.builder import load_card, verify_dataset
from training.dataset.extxyz import iter_frames
from training.errors import TrainingError
from training.sources.dataset import DatasetSource
from workflows.cli.main import app

sys.path.append(str(Path(__file__).parents[1] / "engines" / "vasp"))
from vasp_files import outcar, random_run, vasprun_xml, write_run


@pytest.fixture
def collect(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def give(*arguments):
        given = arguments or ("--from", "runs", "--out", "dataset")
        return CliRunner().invoke(app, ["collect", *given])

    return give


@pytest.fixture
def runs(tmp_path):
    """Four sound runs."""
    for seed, name in enumerate(["vasprun.xml", "vasprun.xml.gz", "OUTCAR", "OUTCAR.gz"]):
        write_run(tmp_path / "runs" / f"r{seed}", random_run(4, seed=seed, spread=0.15), name)
    return tmp_path / "runs"


def frames(folder):
    files = ("train.extxyz", "val.extxyz", "test.extxyz")
    return [frame for file in files for frame in iter_frames(folder / file)]


def reasons(folder):
    entries = json.loads((folder / "collection.json").read_text())
    return entries["problems"], {run["path"]: run["drift"] for run in entries["runs"]}


def provenance(folder, **fields):
    known = {"structure_id": "s", "family": "interface", "trajectory_id": "s/melt"} | fields
    (folder / "cuprolith.json").write_text(json.dumps(known))


def test_other_files_beside_vasp_runs_are_named(collect, runs):
    (runs / "mine.xyz").write_text("1\nenergy=1.0\nCu 0 0 0\n")
    result = collect()
    assert result.exit_code == 0, result.output
    assert "not read beside VASP runs: 1 file such as runs/mine.xyz" in result.output


def test_a_tree_becomes_a_dataset(collect, runs, tmp_path):
    result = collect()
    assert result.exit_code == 0, result.output
    assert "16 frames of 4 runs" in result.output
    card = load_card(tmp_path / "dataset")
    assert verify_dataset(tmp_path / "dataset") == []
    assert (card.frames.seen, card.frames.kept) == (16, 16)
    (source,) = card.sources
    assert (source.engine, source.functional) == ("vasp", "r2SCAN")
    run = random_run(4, seed=0, spread=0.15)
    mine = [frame for frame in frames(tmp_path / "dataset") if frame.energy == run.steps[1].free]
    assert len(mine) == 1
    np.testing.assert_array_equal(mine[0].forces, run.steps[1].forces)
    assert mine[0].energy_sigma0 == run.steps[1].sigma0
    assert mine[0].family == "unknown"


def test_moved_tree_gives_the_same_dataset(collect, runs, tmp_path):
    assert collect().exit_code == 0
    (tmp_path / "elsewhere").mkdir()
    for index, folder in enumerate(sorted(runs.iterdir(), reverse=True)):
        folder.rename(tmp_path / "elsewhere" / f"x{index}")
    assert collect("--from", "elsewhere", "--out", "again").exit_code == 0
    for name in ("dataset.json", "train.extxyz", "val.extxyz", "test.extxyz"):
        assert (tmp_path / "again" / name).read_bytes() == (
            tmp_path / "dataset" / name
        ).read_bytes()


def test_bad_files_are_listed_and_the_rest_is_kept(collect, runs, tmp_path):
    text = vasprun_xml(random_run(5, seed=7, spread=0.15))
    cut = text[: text.rindex(b"<scstep>")]
    for name, contcar in (("r0", b""), ("r1", b"Cu\n1.0\n1 0 0\n0 1"), ("r2", b"\x00\xff")):
        (runs / name / "CONTCAR").write_bytes(contcar)
    bad = {"cut": cut, "empty": b"", "nonsense": b"\x00\xff" * 50, "copy": None}
    for name, content in bad.items():
        (runs / name).mkdir()
        source = (runs / "r0" / "vasprun.xml").read_bytes()
        (runs / name / "vasprun.xml").write_bytes(source if content is None else content)
    (runs / "orphan").mkdir()
    write_run(runs / "orphan", random_run(2, seed=9))
    (runs / "orphan" / "cuprolith.json").write_text("{")
    result = collect()
    assert result.exit_code == 0, result.output
    assert "damaged or unread files: 5" in result.output
    problems, _ = reasons(tmp_path / "dataset")
    assert problems.keys() == {"cut", "empty", "nonsense", "r0", "orphan"}
    assert problems["cut"] == "vasprun.xml is cut; complete steps, all kept: 4"
    assert problems["r0"] == "left out: a copy of the run in copy"
    assert "is damaged" in problems["orphan"]
    for path in problems:
        assert f"{path}: " in result.output
    assert load_card(tmp_path / "dataset").frames.seen == 20


def test_unconverged_and_drifted_frames_are_quarantined(collect, runs, tmp_path):
    stuck = random_run(3, seed=5, spread=0.15)
    stuck.steps[1].n_scf = 60
    stuck.steps[2].forces[0, 0] = np.nan
    write_run(runs / "stuck", stuck)
    incar = {"ENCUT": 400.0, "METAGGA": "R2SCAN", "LASPH": True, "EDIFF": 1e-5}
    write_run(runs / "coarse", random_run(3, seed=6, spread=0.15, incar=incar))
    result = collect()
    assert result.exit_code == 0, result.output
    assert "coarse: ENCUT 400 vs 520" in result.output
    assert reasons(tmp_path / "dataset")[1]["coarse"] == ["ENCUT 400 vs 520"]
    aside = list(iter_frames(tmp_path / "dataset" / "quarantine.extxyz"))
    text = (tmp_path / "dataset" / "quarantine.extxyz").read_text()
    assert text.count("flawed label: ENCUT 400 vs 520") == 3
    (kept_hash,) = {frame.config_hash for frame in frames(tmp_path / "dataset")}
    assert sorted(frame.config_hash == kept_hash for frame in aside) == [False] * 3 + [True] * 2


def test_segments_of_a_trajectory_stay_together_without_repeated_steps(collect, runs, tmp_path):
    whole = random_run(9, seed=11, spread=0.15)
    for name, first, last in (("b1", 0, 5), ("a2", 4, 9)):
        part = random_run(1, seed=11)
        part.steps = whole.steps[first:last]
        write_run(runs / name, part)
        provenance(runs / name, first_step=first)
    assert collect().exit_code == 0
    mine = [frame for frame in frames(tmp_path / "dataset") if frame.structure_id == "s"]
    assert sorted(frame.step for frame in mine) == list(range(9))
    by_step = {frame.step: frame.energy for frame in mine}
    assert [by_step[step] for step in range(9)] == [step.free for step in whole.steps]
    assert {frame.family for frame in mine} == {"interface"}


def test_a_double_relaxation_stays_in_one_split(collect, runs, tmp_path):
    for suffix, seed in ((".relax1", 21), (".relax2", 22)):
        write_run(runs / "double", random_run(3, seed=seed, spread=0.15), f"vasprun.xml{suffix}")
    assert collect().exit_code == 0
    card = load_card(tmp_path / "dataset")
    groups = [group for split in card.splits.values() for group in split.groups]
    assert sorted(len(group.structure_ids) for group in groups) == [1, 1, 1, 1, 2]


def test_a_run_that_goes_on_from_another_stays_in_its_split(collect, runs, tmp_path):
    first, second = random_run(3, seed=21, spread=0.15), random_run(3, seed=22, spread=0.15)
    second.numbers = first.numbers
    write_run(runs / "relax", first)
    write_run(runs / "static", second)
    start = second.steps[0]
    shifted = start.positions + start.cell[0]  # CONTCAR is not wrapped as vasprun.xml is
    final = Atoms(first.numbers, shifted, cell=start.cell, pbc=True)
    ase.io.write(runs / "relax" / "CONTCAR", final, format="vasp")
    assert collect().exit_code == 0
    card = load_card(tmp_path / "dataset")
    groups = [group for split in card.splits.values() for group in split.groups]
    assert sorted(len(group.structure_ids) for group in groups) == [1, 1, 1, 1, 2]


def test_a_rehearsal_says_so_and_is_not_mixed_in(collect, runs, tmp_path):
    played = "cuprolith-rehearsal 0.1"
    for seed in range(3):
        run = random_run(2, seed=30 + seed, spread=0.15, subversion=played)
        write_run(tmp_path / "played" / f"p{seed}", run)
    assert collect("--from", "played", "--out", "d").exit_code == 0
    assert {frame.engine for frame in frames(tmp_path / "d")} == {"rehearsal"}
    (tmp_path / "played").rename(runs / "played")
    result = collect()
    assert result.exit_code == 1
    assert "a rehearsal (" in result.output
    assert not (tmp_path / "dataset").exists()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--from", "nowhere", "--out", "d"), ("nowhere", "no such directory")),
        (("--from", ".", "--out", "d"), ("no VASP run",)),
        (("--from", "."), ("--out is missing",)),
        (("--out", "d"), ("--from is missing",)),
        (("--from", ".", "--out", "d", "--workdir", "w"), ("cannot be combined with a campaign",)),
    ],
)
def test_bad_arguments(collect, arguments, parts):
    result = collect(*arguments)
    assert result.exit_code == 1
    assert "→" in result.output
    for part in parts:
        assert part in result.output


def test_a_single_run_is_collected_without_a_split(collect, runs, tmp_path):
    assert collect().exit_code == 0
    write_run(tmp_path / "one", random_run(3, seed=20, spread=0.15))
    result = collect("--from", "one", "--out", "dataset")
    assert result.exit_code == 0, result.output
    assert "3 frames of 1 run (3 train)" in result.output
    assert "warning: not split, all frames are in train" in result.output
    assert "1 unrelated group" in result.output
    assert verify_dataset(tmp_path / "dataset") == []
    assert not (tmp_path / "dataset" / "val.extxyz").exists(), "of the dataset before"
    card = load_card(tmp_path / "dataset")
    assert card.splits.keys() == {"train"}
    with pytest.raises(TrainingError, match="the val split has no frames"):
        DatasetSource(tmp_path / "dataset").verified_hashes(stress=False)


def test_too_few_structures_says_what_was_set_aside(collect, tmp_path):
    incar = {"METAGGA": "R2SCAN", "LASPH": True}
    for name, cutoff in (("a", 520.0), ("b", 520.0), ("c", 400.0)):
        run = random_run(2, seed=ord(name), incar=incar | {"ENCUT": cutoff})
        write_run(tmp_path / "runs" / name, run)
    result = collect()
    assert result.exit_code == 0, result.output
    assert "2 unrelated groups" in result.output
    assert "c: ENCUT 400 vs 520" in result.output


def test_charged_and_nonselfconsistent_runs_are_set_aside(collect, runs, tmp_path):
    neutral = {"NELECT": 66.0}
    for seed in range(4):
        write_run(runs / f"r{seed}", random_run(4, seed=seed, spread=0.15, parameters=neutral))
    write_run(runs / "plus", random_run(2, seed=5, parameters={"NELECT": 65.0}))
    write_run(runs / "bands", random_run(2, seed=6, parameters=neutral | {"ICHARG": 11}))
    assert collect().exit_code == 0
    drift = reasons(tmp_path / "dataset")[1]
    assert drift["plus"] == ["charge 1 vs 0"]
    assert drift["bands"][0].startswith("ICHARG 11: the charge density was kept fixed")
    assert load_card(tmp_path / "dataset").quarantine.reasons == {"flawed label": 4}


def test_runs_joined_in_one_outcar_are_two_runs_of_one_split(collect, runs, tmp_path):
    joined = [random_run(2, seed=seed, spread=0.15) for seed in (31, 32, 33)]
    texts = [outcar(run) for run in joined]
    texts[0] = texts[0][: texts[0].index(b"TOTAL-FORCE")]  # killed before its first label
    (runs / "joined").mkdir()
    (runs / "joined" / "OUTCAR").write_bytes(b"".join(texts))
    result = collect()
    assert result.exit_code == 0, result.output
    problems, drift = reasons(tmp_path / "dataset")
    assert problems.keys() == {"joined"}
    assert {path for path in drift if "joined" in path} == {
        "joined (run 2 in OUTCAR)",
        "joined (run 3 in OUTCAR)",
    }
    energies = {frame.energy for frame in frames(tmp_path / "dataset")}
    assert energies >= {step.free for run in joined[1:] for step in run.steps}
    card = load_card(tmp_path / "dataset")
    groups = [group for split in card.splits.values() for group in split.groups]
    assert sorted(len(group.structure_ids) for group in groups) == [1, 1, 1, 1, 2]


def test_suffixes_are_read_or_listed(collect, runs, tmp_path):
    names = ("vasprun.xml.orig", "vasprun.xml.static.xz", "OUTCAR.1.bz2")
    for seed, name in enumerate(names, start=40):
        write_run(runs / name, random_run(2, seed=seed, spread=0.15), name)
    (runs / "old_OUTCAR").write_bytes(b"")
    (runs / "zst").mkdir()
    (runs / "zst" / "OUTCAR.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    result = collect()
    assert result.exit_code == 0, result.output
    assert "of 7 runs" in result.output
    assert "old_OUTCAR: not read" in result.output
    assert "zst: OUTCAR.zst: compressed with zstd" in result.output


def test_an_energy_far_off_is_quarantined_with_the_number(collect, runs, tmp_path):
    run = random_run(6, seed=50, spread=0.15)
    run.steps[2].free += 711.0
    write_run(runs / "wrong", run)
    result = collect()
    assert result.exit_code == 0, result.output
    assert "quarantined: energy far off (1)" in result.output
    (frame,) = iter_frames(tmp_path / "dataset" / "quarantine.extxyz")
    assert frame.energy == run.steps[2].free
    comment = (tmp_path / "dataset" / "quarantine.extxyz").read_text().splitlines()[1]
    assert 'quarantine_reason="_JSON' in comment
    assert "from its trajectory's median" in comment
    atoms = ase.io.read(tmp_path / "dataset" / "quarantine.extxyz")
    assert atoms.info["quarantine_reason"].startswith("energy far off: ")
    assert verify_dataset(tmp_path / "dataset") == []


def test_nothing_usable_says_why(collect, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "OUTCAR").write_text("nothing\n")
    result = collect()
    assert result.exit_code == 1
    assert "ends before its first electronic step" in result.output
