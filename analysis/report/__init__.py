"""The HTML report: one file, opens offline."""

from analysis.report.render import render_report

__all__ = ["render_report"]
