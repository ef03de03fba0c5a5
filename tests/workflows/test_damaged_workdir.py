"""What is finished stays finished: kills, copies, and damage to the files of a workdir.

The campaign has no training here. With one, and with a study, each file is damaged in each way by
``python tests/workflows/damaged_workdir.py FOLDER``.
"""

import json
import multiprocessing
import os
import random
import shutil
import subprocess
from collections import Counter
from contextlib import suppress

import pytest

from tests.damage import cut, empty, flip, remove
from tests.workflows import damaged_workdir
from tests.workflows.damaged_workdir import CAMPAIGN, begin, give
from workflows.jobs.job_log import read_job_log
from workflows.labelling.label_plan import label_folder
from workflows.workdir import Workdir

N_JOBS = 12
N_KILLS = 20


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of a campaign that is labelled and collected in ``w``."""
    folder = tmp_path_factory.mktemp("finished")
    campaign = begin(folder, CAMPAIGN)
    for verb in ("generate", "label", "collect"):
        outcome = give(verb, campaign, "--workdir", folder / "w")
        assert outcome.code == 0, outcome.output
    assert sum(1 for _ in read_job_log(folder / "w/labels/log.jsonl")) == 2 * N_JOBS
    return folder


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")


def again(folder, copy, verbs=("generate", "label", "collect")):
    """Give the verbs again; what they say and compute, and how the last of them ended."""
    said, computed = "", []
    for verb in verbs:
        outcome = give(verb, folder / "tiny.yaml", "--workdir", copy)
        assert "internal error" not in outcome.output, outcome.output
        said += outcome.output
        computed += outcome.computed
        if outcome.code:
            break
    return " ".join(said.split()), computed, outcome.code


def dataset(workdir):
    return {path.name: path.read_bytes() for path in (workdir / "dataset").iterdir()}


# ---------------------------------------------------------------- copies


@pytest.mark.slow
def test_the_documented_files_are_all_that_there_is(finished):
    """Nothing beside the results holds what they lack."""
    names = {path.name for path in (finished / "w/labels").iterdir()}
    assert names == {"results", "labels.json", "log.jsonl", "runs"}
    assert not list((finished / "w/labels").rglob("*.partial"))


COPIES = {
    "cp -r": 'cp -r "$1/w" "$2/w"',
    "rsync without dates": 'rsync -r "$1/w" "$2/"',
    "tar without dates": 'tar -cf "$2/w.tar" -C "$1" w && tar -xmf "$2/w.tar" -C "$2"',
    "results alone": 'mkdir -p "$2/w/labels" && cp -r "$1/w/labels/results" "$2/w/labels"',
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_keeps_all_labels(finished, tmp_path, how):
    program = how.partition(" ")[0]
    if program in ("cp", "rsync", "tar") and shutil.which(program) is None:
        pytest.skip(f"no {program} here")
    subprocess.run(["sh", "-ec", COPIES[how], "sh", finished, tmp_path], check=True)
    said, computed, code = again(finished, tmp_path / "w")
    assert code == 0, said
    assert set(computed) <= {"lattice constants"}  # their cache is a file of its own
    assert dataset(tmp_path / "w") == dataset(finished / "w")


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize(
    ("relative", "harm", "says"),
    [
        ("campaign.yaml", cut, "damaged: it was cut or changed since it was written; it is put"),
        ("campaign.yaml", flip, "it is put back"),
        ("campaign.yaml", remove, ""),
        ("environment.json", cut, ""),
        ("crystals", cut, ""),
        ("crystals", remove, ""),
        ("structures/structures.json", flip, ""),
        ("labels/log.jsonl", flip, ""),
        ("timings.json", flip, ""),
        ("timings.json", empty, ""),
        ("dataset/dataset.json", cut, ""),
    ],
)
def test_what_is_damaged_is_made_again_and_nothing_else(finished, tmp_path, relative, harm, says):
    copy = tmp_path / "w"
    shutil.copytree(finished / "w", copy)
    path = copy / relative
    path = path if path.is_file() else next(path.rglob("*.vasp"))
    harm(path)
    said, computed, code = again(finished, copy)
    assert (computed, code) == ([], 0), said
    assert says in said
    assert dataset(copy) == dataset(finished / "w")
    assert (copy / "campaign.yaml").read_bytes() == (finished / "w/campaign.yaml").read_bytes()


def test_a_damaged_cache_of_lattice_constants_is_not_believed(finished, tmp_path):
    copy = tmp_path / "w"
    shutil.copytree(finished / "w", copy)
    path = copy / "structures/lattice_constants.json"
    path.write_text(path.read_text().replace("3.5", "3.6"))
    said, computed, code = again(finished, copy)
    assert (computed, code) == (["lattice constants"], 0)
    assert "lattice_constants.json is damaged; the crystals that it lost are relaxed" in said
    assert dataset(copy) == dataset(finished / "w")


def result_of(workdir, name):
    """Path of what a job gave."""
    return label_folder(Workdir(workdir)).path_of_result(uuid_of(workdir, name))


@pytest.mark.slow
@pytest.mark.parametrize("harm", [cut, flip, empty])
def test_damaged_labels_are_all_that_is_lost(finished, tmp_path, harm):
    copy = tmp_path / "w"
    shutil.copytree(finished / "w", copy)
    names = random.Random(3).sample(sorted(finished_jobs(copy)), 4)
    for name in names:
        harm(result_of(copy, name))
    said, computed, code = again(finished, copy)
    assert code == 0, said
    assert sorted(computed) == sorted(names)
    assert said.count("is damaged; the job runs again, all others are kept") == len(names)
    assert dataset(copy) == dataset(finished / "w")
    assert again(finished, copy)[1] == []


def test_a_damaged_label_is_named_and_computed_alone(finished, tmp_path):
    """That of a slab, which others were built from: they stay."""
    copy = tmp_path / "w"
    shutil.copytree(finished / "w", copy)
    rows = json.loads((copy / "labels/labels.json").read_text())["trajectories"]
    slab = next(row["structure_id"] for row in rows if row["family"] == "slab")
    path = result_of(copy, f"relax {slab}")
    content = bytearray(path.read_bytes())
    content[-50] ^= 1  # within the trajectory
    path.write_bytes(content)
    said, computed, code = again(finished, copy, ["collect"])
    assert (computed, code) == ([], 1)
    assert f"{path}: the label of relax {slab} is damaged" in said
    assert "→ run `cuprolith label" in said
    said, computed, code = again(finished, copy)
    assert (computed, code) == ([f"relax {slab}"], 0)
    assert f"{path}: the result of 'relax {slab}' is damaged; the job runs again" in said
    assert dataset(copy) == dataset(finished / "w")


def finished_jobs(workdir):
    entries = read_job_log(workdir / "labels/log.jsonl")
    return {entry["name"] for entry in entries if entry["event"] == "finished"}


def uuid_of(workdir, name):
    entries = read_job_log(workdir / "labels/log.jsonl")
    return next(entry["uuid"] for entry in entries if entry["name"] == name)


@pytest.mark.slow
def test_labels_that_are_gone_are_not_computed_again_in_silence(finished, tmp_path):
    copy = tmp_path / "w"
    shutil.copytree(finished / "w", copy)
    shutil.rmtree(copy / "labels/results")
    said, computed, code = again(finished, copy)
    assert (len(computed), code) == (N_JOBS, 0)
    assert said.count("warning: the result of 'relax") == 1
    assert "stop now and restore it" in said


def test_structures_that_were_changed_are_not_labelled(finished, tmp_path):
    copy = tmp_path / "w"
    shutil.copytree(finished / "w", copy)
    path = copy / "structures/structures.extxyz"
    text = path.read_text()
    path.write_text(text[: text.rindex("\n", 0, len(text) // 2) + 1])
    said, _, code = again(finished, copy, ["label"])
    assert code == 1
    assert "structures.extxyz: cut or changed since it was written" in said
    assert "→ run `cuprolith generate" in said
    assert again(finished, copy)[1:] == ([], 0)


def test_another_campaign_does_not_take_the_place_of_a_damaged_one(finished, tmp_path):
    copy = tmp_path / "w"
    shutil.copytree(finished / "w", copy)
    cut(copy / "campaign.yaml")
    begin(tmp_path, CAMPAIGN.replace("seed: 4", "seed: 5"))
    for harm in (cut, remove):
        harm(copy / "campaign.yaml")
        said, _, code = again(tmp_path, copy, ["label"])
        assert code == 1
        assert "campaign.yaml" in said
        assert "--update" in said


# ---------------------------------------------------------------- a full disk


@pytest.fixture
def disk(tmp_path):
    """A folder with room for 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no mounts here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["generate", "label", "report", "run"])
def test_a_full_disk_is_named_and_the_same_command_continues(finished, disk, verb):
    """At the very start, as the label store is made, and while the report is written."""
    workdir = disk / "w"
    if verb != "generate":
        shutil.copytree(finished / "w", workdir)
    if verb == "label":
        shutil.rmtree(workdir / "labels/results")
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(4096)):
            pass
    said, _, code = again(finished, workdir, [verb])
    assert code == 1
    assert "no space left on the disk (No space left" in said
    assert said.count("→") == 1
    assert "→ free some space, then run the same command again: it resumes" in said
    ballast.unlink()
    if verb == "run":
        return  # to the training
    said, computed, code = again(finished, workdir, [verb])
    assert code == 0, said
    assert len(computed) == (N_JOBS if verb == "label" else verb == "generate")


# ---------------------------------------------------------------- kill -9


def give_forked(arguments):
    """In a process that is killed; its output is nobody's."""
    damaged_workdir.give(*arguments)


@pytest.mark.slow
def test_killed_at_twenty_moments_it_ends_as_if_undisturbed(finished, tmp_path):
    """The same dataset to the byte, and no label computed twice."""
    campaign, workdir = finished / "tiny.yaml", tmp_path / "w"
    # Processes that have loaded what they need are forked from a server, and run at once.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.workflows.damaged_workdir", "workflows.pipeline"])
    rng = random.Random(11)
    log = workdir / "labels/log.jsonl"
    kills = 0
    while kills < N_KILLS:
        verb = "generate" if not (workdir / "structures/structures.json").exists() else "label"
        arguments = (verb, campaign, "--workdir", workdir)
        process = context.Process(target=give_forked, args=(arguments,))
        process.start()
        process.join(rng.uniform(0.1, 0.8))
        kills += process.exitcode is None
        process.kill()
        process.join()
        if process.exitcode == 0 and verb == "label":
            break
    assert kills > N_KILLS / 2
    said, _, code = again(finished, workdir)
    assert code == 0, said
    assert dataset(workdir) == dataset(finished / "w")
    events = Counter((entry["name"], entry["event"]) for entry in read_job_log(log))
    done = {name for name, event in events if event == "finished"}
    assert len(done) == N_JOBS
    assert all(events[name, "finished"] == 1 for name in done)
    assert sum(events[name, "started"] - 1 for name in done) <= kills
