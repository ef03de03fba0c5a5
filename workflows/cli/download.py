"""``cuprolith download``: download a public dataset."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from cuprolith.errors import CuprolithError
from cuprolith.progress import ProgressBar, progress_bar, progress_on
from workflows.stage_commands.console import console, errors_shown, made
from workflows.stage_commands.options import DebugOption

_MEGABYTE = 1_000_000

NameArgument = Annotated[str, typer.Argument(help="The dataset, such as rmd17 or qm9.")]
ToOption = Annotated[
    Path | None, typer.Option("--to", help="Folder to download to; default: data/<name>.")
]


def download(name: NameArgument, to: ToOption = None, debug: DebugOption = False) -> None:
    """Download a public dataset and verify its checksums.

    Existing files are kept; interrupted downloads resume.
    """
    with errors_shown(debug=debug), progress_on(console):
        from training.frame_sources.download import DownloadError, download_dataset

        folder = to or Path("data") / name
        try:
            with ExitStack() as stack:
                download_dataset(name, folder, _Bars(stack).show)
        except DownloadError as error:
            raise CuprolithError(str(error)) from error
        made(folder, f"{name} is complete")


class _Bars:
    """One bar after another, in megabytes."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._bar: ProgressBar | None = None
        self._file = ""
        self._done = 0

    def show(self, file: str, done: int, total: int) -> None:
        """Show the progress that `download_dataset` reports."""
        if self._bar is None or file != self._file:
            self._stack.close()
            bar = progress_bar(f"{file}, MB", total=-(-total // _MEGABYTE))
            self._bar, self._file, self._done = self._stack.enter_context(bar), file, 0
        step = done // _MEGABYTE - self._done
        self._done += step
        self._bar.advance(step)
