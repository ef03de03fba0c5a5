"""``cuprolith circuits``: what quantum circuits are worth."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cuprolith.errors import CuprolithError
from cuprolith.lock import workdir_lock
from cuprolith.progress import progress_on
from cuprolith.words import plural
from workflows.stage_commands.console import console, errors_shown, made
from workflows.stage_commands.options import DebugOption

if TYPE_CHECKING:
    from analysis.circuits.definition import CircuitFile

FilesArgument = Annotated[
    list[Path], typer.Argument(help="Circuit files; inputs/circuits/ has examples.")
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the page and the pictures.")]
DEFAULT_OUT = Path("results/circuits")


def circuits(
    files: FilesArgument, out: OutOption = DEFAULT_OUT, debug: DebugOption = False
) -> None:
    """Analyse quantum circuits: redundancy, Fisher information, Fourier terms, entanglement.

    Writes circuits.json, pictures and a page; circuits that are done are not analysed again.
    """
    with errors_shown(debug=debug), progress_on(console):
        _check_packages()
        loaded = _loaded(files)
        from analysis.circuits.run import analyse_circuits

        out.mkdir(parents=True, exist_ok=True)
        with workdir_lock(out):
            page = analyse_circuits(loaded, out, shlex.join(["cuprolith", *sys.argv[1:]]))
        made(page, f"{plural(len(loaded), 'circuit')} analysed")


def _check_packages() -> None:
    missing = [name for name in ("pyzx", "pennylane") if find_spec(name) is None]
    if missing:
        raise CuprolithError(
            f"{' and '.join(missing)} not installed",
            remedy="install what the analysis needs: pip install 'cuprolith[circuits]'",
        )


def _loaded(files: Sequence[Path]) -> list[CircuitFile]:
    from workflows.inputs.circuit_file import load_circuit_file

    loaded: dict[str, CircuitFile] = {}
    for path in files:
        file = load_circuit_file(path)
        if file.name in loaded:
            raise CuprolithError(
                f"two circuits have the name {file.name!r}",
                where=str(path),
                remedy="give them different names: they are folders of --out",
            )
        loaded[file.name] = file
    return list(loaded.values())
