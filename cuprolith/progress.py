"""Progress of long work: a rich display on a terminal, plain lines in a log, nothing in tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class ProgressBar(Protocol):
    """A bar with a total, the amount done, and a text about the present step."""

    def advance(self, amount: float, now: str = "") -> None:
        """Add to what is done."""

    def say(self, now: str) -> None:
        """Show what is being done."""

    def resume_at(self, done: float) -> None:
        """Start where an earlier run of the same work stopped."""


class SilentBar:
    """A bar that shows nothing."""

    def advance(self, amount: float, now: str = "") -> None:
        """Ignore."""

    def say(self, now: str) -> None:
        """Ignore."""

    def resume_at(self, done: float) -> None:
        """Ignore."""


class TerminalBar:
    """A bar on a terminal."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, amount: float, now: str = "") -> None:
        """Add to what is done."""
        self._progress.update(self._task, advance=amount)
        if now:
            self.say(now)

    def say(self, now: str) -> None:
        """Show what is being done."""
        self._progress.update(self._task, now=now)

    def resume_at(self, done: float) -> None:
        """Start there; the speed counts only later work."""
        self._progress.reset(self._task, completed=int(done))


class LineBar:
    """A bar for logs and pipes: a line at most every few seconds."""

    INTERVAL = 10.0

    def __init__(
        self, console: Console, title: str, total: float, *, in_bytes: bool = False
    ) -> None:
        self._console = console
        self._in_bytes = in_bytes
        self._title = title
        self._total = total
        self._done = 0.0
        self._last = time.monotonic()
        self._now = ""

    def advance(self, amount: float, now: str = "") -> None:
        """Add to what is done."""
        self._done += amount
        self.say(now)

    def say(self, now: str) -> None:
        """Print a line if the last one is old enough."""
        self._now = now or self._now
        if time.monotonic() - self._last < self.INTERVAL:
            return
        self._last = time.monotonic()
        share = "/".join(map(self._number, (self._done, self._total)))
        self._console.print(f"  {self._title} {share} {self._now}", highlight=False)

    def resume_at(self, done: float) -> None:
        """Start there."""
        self._done = done

    def _number(self, amount: float) -> str:
        return decimal(int(amount)) if self._in_bytes else f"{amount:g}"


_CONSOLE: ContextVar[Console | None] = ContextVar("progress_console", default=None)


@contextmanager
def progress_on(console: Console) -> Iterator[None]:
    """Show the bars opened inside this block on `console`."""
    token = _CONSOLE.set(console)
    try:
        yield
    finally:
        _CONSOLE.reset(token)


@contextmanager
def progress_bar(title: str, total: float, *, in_bytes: bool = False) -> Iterator[ProgressBar]:
    """Open a bar where :func:`progress_on` says; silent elsewhere.

    Parameters
    ----------
    in_bytes
        Whether `total` counts bytes.
    """
    console = _CONSOLE.get()
    if console is None:
        yield SilentBar()
    elif not console.is_terminal:
        yield LineBar(console, title, total, in_bytes=in_bytes)
    else:
        columns = (
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=30),
            *((DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(),)),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[now]}"),
        )
        with Progress(*columns, console=console, transient=True) as progress:
            yield TerminalBar(progress, progress.add_task(title, total=total, now=""))


def announce(text: str) -> None:
    """Print a line where :func:`progress_on` says; nothing elsewhere."""
    console = _CONSOLE.get()
    if console is not None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)
