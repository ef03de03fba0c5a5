"""The terminal: one console, and readable errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

from cuprolith.disk_space import DiskFullError, is_disk_full
from cuprolith.errors import CuprolithError

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False)


@contextmanager
def errors_shown(*, debug: bool) -> Iterator[None]:
    """Show an error as message, place and remedy, and exit non-zero; no traceback unless `debug`.

    Exit codes: 1 for an error that the message explains, 70 for a bug, 130 for Ctrl-C.
    """
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt:
        error_console.print("[yellow]stopped[/]; run the same command again to resume")
        raise typer.Exit(130) from None
    except Exception as error:
        if debug:
            raise
        if isinstance(error, CuprolithError | OSError) or is_disk_full(error):
            error_console.print(f"[bold red]error[/] {escape(_explained(error))}")
            raise typer.Exit(1) from None
        error_console.print(
            f"[bold red]internal error[/] {type(error).__name__}: {escape(str(error))}\n"
            "  → run the same command with --debug and report the traceback"
        )
        raise typer.Exit(70) from None


def _explained(error: Exception) -> str:
    if is_disk_full(error) and not isinstance(error, DiskFullError):
        error = DiskFullError(
            f"no space left on the disk ({error.args[-1] if error.args else error})"
        )
    if isinstance(error, CuprolithError):
        return str(error)
    return f"{error}\n  → check the path and its permissions"


def made(path: object, what: object) -> None:
    """Print what a command made, and where."""
    console.print(f"[green]✓[/] {escape(str(what))}\n  [dim]{escape(str(path))}[/]")


def say(text: str) -> None:
    """Print marked-up text without breaking its lines."""
    console.print(text, soft_wrap=True)
