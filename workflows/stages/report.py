"""Stage *report*: one HTML file that opens offline."""

from __future__ import annotations

import time
from dataclasses import dataclass

from workflows.stage import Stage, stage_commands
from workflows.workdir import Workdir


@dataclass(frozen=True)
class ReportSummary:
    """Result of the stage."""

    mebibytes: float

    def __str__(self) -> str:
        """One line for the terminal."""
        return f"report, {self.mebibytes:.1f} MiB, opens offline"


def report(workdir: Workdir) -> ReportSummary:
    """Write ``report/index.html`` from whatever stages have run."""
    from analysis.report import render_report

    started = time.perf_counter()
    path = render_report(workdir.root, stage_commands())
    workdir.record_seconds("report", time.perf_counter() - started)
    return ReportSummary(path.stat().st_size / 2**20)


STAGE = Stage(
    name="report",
    follows="judge",
    run=report,
    output=lambda workdir, _: workdir.report_html,
    help="Write report/index.html, one file that opens offline.",
    after_failures=True,
)
