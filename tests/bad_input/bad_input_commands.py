"""Faults of command lines."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bad_input_cases import Case
from bad_input_samples import CAMPAIGN, STUDY, TRAINING

_FILES = {
    "c.yaml": CAMPAIGN.encode(),
    "t.yaml": TRAINING.encode(),
    "s.yaml": STUDY.encode(),
    "file": b"text",
    "folder/x": b"",
    "broken.yaml": b"data: 1\na: [",
}
_NUMBERS = ["-1", "0", "1.5", "abc", "1e9", "nan", "inf", "", " ", "99999999999999999999", "0x10"]
_TIMES = ["1h", "10", "-1:00:00:00", "00:99", "abc", "", "::::", "00:00:01:00:00", "inf"]
_VERBS = ["run", "plan", "generate", "label", "collect", "train", "validate", "report"]
_NO_FILES = ["absent.yaml", "folder", "file", "", " ", "x" * 300, "/dev/null", "a\0b", "\ud800",
             "broken.yaml", "c.yaml/x", "/proc/self/mem", "/dev/full", "../../absent", "-",
             "a\x1b[31m"]  # fmt: skip


def cases(rng: random.Random) -> Iterator[Case]:
    """Yield cases without end."""
    while True:
        yield from (fault(rng) for fault in (_no_file, _number, _time, _conflict, _place))


def _case(fault: str, *arguments: str, named: str = "") -> Case:
    return Case(f"command line: {fault}", arguments, _FILES, named=named)


def _no_file(rng: random.Random) -> Case:
    verb, file = rng.choice(_VERBS), rng.choice(_NO_FILES)
    return _case("file", verb, file)


def _number(rng: random.Random) -> Case:
    number = rng.choice(_NUMBERS)
    option = rng.choice(["--seed", "--max-epochs", "--generations", "--offspring", "--workers"])
    if option == "--seed" and number == "0":
        number = "-1"
    if option in {"--seed", "--max-epochs"} and rng.random() < 0.5:
        return _case("number", "train", "t.yaml", option, number)
    if rng.random() < 0.2:
        return _case("number", "reproduce", "tables", "--dry-run", "--seeds", number)
    return _case("number", "tune", "s.yaml", "--dry-run", option, number)


def _time(rng: random.Random) -> Case:
    return _case("time", "tune", "s.yaml", "--dry-run", "--max-time", rng.choice(_TIMES))


def _place(rng: random.Random) -> Case:
    place = rng.choice(["file", "file/x", "", " ", "/proc/x", "/dev/null", "x" * 300, "a\0b"])
    verb = rng.choice(["generate", "run", "label", "report"])
    form = rng.choice([("-w", place), (f"--workdir={place}",)])
    return _case("workdir", verb, "c.yaml", *form)


def _conflict(rng: random.Random) -> Case:
    choices = [
        ("nothing",),
        ("plan", "--nothing"),
        ("plan", "c.yaml", "c.yaml"),
        ("plan",),
        ("plan", "-w", "absent"),
        ("plan", "t.yaml"),
        ("generate", "-w", "folder"),
        ("train", "c.yaml", "--out", "x"),
        ("train", "c.yaml", "--seed", "1"),
        ("train", "t.yaml", "--workdir", "x"),
        ("train", "t.yaml", "--update"),
        ("train", "t.yaml", "--data", "absent"),
        ("train", "t.yaml", "--data", "file"),
        ("train", "t.yaml", "--data", "folder"),
        ("tune", "c.yaml", "--dry-run"),
        ("tune", "c.yaml", "--out", "x", "--dry-run"),
        ("tune", "s.yaml", "--workdir", "x"),
        ("choose", "absent", "-o", "x.yaml", "--knee"),
        ("choose", "folder", "-o", "x.yaml", "--knee"),
        ("choose", "folder", "-o", "x.yaml"),
        ("choose", "folder", "-o", "x.yaml", "--knee", "--trial", "1"),
        ("choose", "folder", "-o", "x.yaml", "--trial", "-1"),
        ("choose", "folder", "-o", "x.yaml", "--best", "looks"),
        ("collect", "--from", "absent", "--out", "x"),
        ("collect", "--from", "file", "--out", "x"),
        ("collect", "--from", "folder"),
        ("collect", "--out", "x"),
        ("collect", "c.yaml", "--from", "folder", "--out", "x"),
        ("collect", "--from", "folder", "--out", "file"),
        ("collect", "--from", "folder", "--out", "x", "--seed", "-1"),
        ("compile",),
        ("compile", "absent"),
        ("compile", "folder"),
        ("compile", "folder", "--target", "nothing"),
        ("compile", "folder", "-w", "folder"),
        ("package", "file"),
        ("download", "nothing"),
        ("hpc", "init", "slurm", "-p", "../x"),
        ("hpc", "init", "slurm", "-p", "a b"),
        ("hpc", "init"),
        ("hpc", "init", "none"),
        ("hpc", "init", "../slurm"),
        ("hpc", "write", "-p", "absent"),
        ("hpc", "write", "-p", "../x", "--dry-run"),
        ("hpc", "write", "-p", "file", "--dry-run"),
        ("hpc", "script", "cpu", "-p", "absent"),
        ("reproduce", "tables", "--dry-run", "--only", "nothing"),
        ("reproduce", "tables", "--dry-run", "--variants", "../x"),
        ("reproduce", "tables", "--dry-run", "--inputs", "absent"),
        ("reproduce", "tables", "--dry-run", "--inputs", "file"),
    ]
    return _case("options", *rng.choice(choices))
