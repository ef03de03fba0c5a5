"""Stage *report*: one HTML file that opens offline."""

from __future__ import annotations

import time
from dataclasses import dataclass

from analysis.report import render_report
from workflows.workdir import Workdir


@dataclass(frozen=True)
class ReportSummary:
    """What was written."""

    mebibytes: float

    def __str__(self) -> str:
        """One line for the terminal."""
        return f"report, {self.mebibytes:.1f} MiB, opens offline"


def report(workdir: Workdir) -> ReportSummary:
    """Write ``report/index.html`` from whatever stages have run."""
    started = time.perf_counter()
    path = render_report(workdir.root)
    workdir.record_seconds("report", time.perf_counter() - started)
    return ReportSummary(path.stat().st_size / 2**20)
