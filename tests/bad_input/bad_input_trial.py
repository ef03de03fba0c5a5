"""Running one case in a forked process, and judging what it said."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from bad_input_cases import Case
from bad_input_samples import CAMPAIGN

CPU_SECONDS = 20
_WALL_SECONDS = 120  # other processes may take the cores
_MEMORY = 12 * 2**30

_PLACE = re.compile(r":\d+\b|[a-z_]+(?:\.[\w-]+|\[\d+\])|--[a-z-]+|line \d+")


@dataclass(frozen=True)
class Outcome:
    """What came of a case; `fault` is empty if that is right."""

    code: int
    output: str
    seconds: float
    fault: str


def warm_up() -> None:
    """Plan a campaign, so that forks have what that imports."""
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        Path("given.yaml").write_text(CAMPAIGN, encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()):
            assert _code_of(["plan", "given.yaml"]) == 0
    gc.collect()
    gc.freeze()  # forks share what is not looked at


def run(case: Case, folder: Path) -> Outcome:
    """Give the command in `folder`, which is made and holds the case's files."""
    folder.mkdir(parents=True)
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)  # a cluster's settings are taken from a private file alone
    log = folder.with_suffix(".log")
    before = set(folder.parent.parent.iterdir())
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _give(case, folder, log)
    status, ended = 0, 0
    while not ended:
        ended, status = os.waitpid(child, os.WNOHANG)
        if not ended and time.monotonic() - started > _WALL_SECONDS:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            break
        if not ended:
            time.sleep(0.005)
    seconds = time.monotonic() - started
    output = log.read_text(encoding="utf-8", errors="replace")
    code = os.waitstatus_to_exitcode(status)
    fault = _fault(case, code, output)
    if set(folder.parent.parent.iterdir()) != before or (folder / "pwned").exists():
        fault = fault or "wrote outside its folder"
    return Outcome(code, output, seconds, fault)


def _give(case: Case, folder: Path, log: Path) -> None:
    """Be the command: never returns."""
    code = 99
    try:
        os.chdir(folder)
        file = os.open(log, os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(file, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(COLUMNS="400", TERM="dumb", JFREMOTE_PROJECTS_FOLDER=str(folder))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = _code_of(list(case.arguments))
    except BaseException:  # noqa: BLE001  (it is printed, and judged)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _code_of(arguments: list[str]) -> int:
    from workflows.cli.main import app

    try:
        app(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _fault(case: Case, code: int, output: str) -> str:
    """Say what is wrong with an outcome; "" if nothing is."""
    said = " ".join(output.split())
    if code < 0:
        name = signal.Signals(-code).name
        return "hang" if name in {"SIGXCPU", "SIGKILL"} else f"crash: {name}"
    if "internal error" in said or "Traceback" in said or code not in {0, 1, 2}:
        return "internal error"
    if code == 0:
        return "accepted wrongly" if case.verdict == "refuse" else ""
    return "refused wrongly" if case.verdict == "accept" else _fault_of_refusal(case, code, said)


def _fault_of_refusal(case: Case, code: int, said: str) -> str:
    # The parser of command lines (2) names the option, and the help that explains it.
    remedy = "Usage" in said if code == 2 else "→" in said and not said.endswith("→")
    if not remedy:
        return "refusal without remedy"
    if case.named and not re.search(case.named, said):
        return f"refusal does not name {case.named}"
    return "" if not case.named or _PLACE.search(said) else "refusal names neither line nor key"
