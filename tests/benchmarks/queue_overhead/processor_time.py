"""Processor time of daemons, shells and the whole machine, seconds."""

from __future__ import annotations

import re
from pathlib import Path

import psutil

_MINUTES = re.compile(r"(\d+)m([\d.]+)s")


def of_tree(pid: int | None) -> float:
    """What a process, those it has started and those that they have waited for have taken."""
    if pid is None:
        return 0.0
    process = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:4]) for each in [process, *process.children(recursive=True)])


def of_shells(path: Path) -> float:
    """Sum of what bash's `times` has appended to a file."""
    if not path.exists():
        return 0.0
    found = _MINUTES.findall(path.read_text())
    return sum(60 * int(minutes) + float(seconds) for minutes, seconds in found)


def of_machine() -> float:
    """All that was not idle since it was started."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq
