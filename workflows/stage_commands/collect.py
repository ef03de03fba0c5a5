"""``cuprolith collect --from DIR --out DATASET_DIR``: a dataset from VASP outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cuprolith.errors import CuprolithError
from cuprolith.progress import progress_on
from workflows.stage_commands.console import console, errors_shown, made
from workflows.stage_commands.options import (
    CampaignArgument,
    DebugOption,
    UpdateOption,
    WorkdirOption,
)

FromOption = Annotated[
    Path | None,
    typer.Option(
        "--from", help="Top of a tree of VASP runs (vasprun.xml or OUTCAR, compressed or not)."
    ),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder of the dataset.")]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of the split; default 0.")
]


def with_outputs(collect_labels: Callable[..., None]) -> Callable[..., None]:
    """Return the command that collects a campaign's labels or, with ``--from``, VASP outputs."""

    def command(
        campaign: CampaignArgument = None,
        workdir: WorkdirOption = None,
        root: FromOption = None,
        out: OutOption = None,
        seed: SeedOption = None,
        update: UpdateOption = False,
        debug: DebugOption = False,
    ) -> None:
        if root is None and out is None and seed is None:
            collect_labels(campaign, workdir, update, debug)
            return
        with errors_shown(debug=debug), progress_on(console):
            if campaign is not None or workdir is not None or update:
                raise CuprolithError(
                    "--from, --out and --seed cannot be combined with a campaign or workdir",
                    remedy="give a campaign or --workdir, or --from and --out",
                )
            _collect_outputs(root, out, seed or 0)

    return command


def _collect_outputs(root: Path | None, out: Path | None, seed: int) -> None:
    if root is None or out is None:
        raise CuprolithError(
            f"{'--from' if root is None else '--out'} is missing",
            remedy="cuprolith collect --from DIR --out DATASET_DIR",
        )
    from workflows.engines.vasp.collect_outputs import collect_outputs

    made(out, collect_outputs(root, out, seed))
