"""``cuprolith collect --from PATH --out DATASET_DIR``: a dataset from VASP runs or other files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cuprolith.errors import CuprolithError
from cuprolith.progress import progress_on
from cuprolith.words import plural
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
        "--from",
        help="Top of a tree of VASP runs (vasprun.xml or OUTCAR, compressed or not); or a file, or "
        "folder of files, that ASE reads with energies and forces, such as extended XYZ.",
    ),
]
SettingsOption = Annotated[
    Path | None,
    typer.Option("--settings", help="YAML with names and units of the labels in your own files."),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder of the dataset.")]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of the split; default 0.")
]

_OTHERS = (".xyz", ".extxyz", ".traj", ".db")


def with_outputs(collect_labels: Callable[..., None]) -> Callable[..., None]:
    """Return the command that collects a campaign's labels or, with ``--from``, VASP outputs."""

    def command(
        campaign: CampaignArgument = None,
        workdir: WorkdirOption = None,
        root: FromOption = None,
        out: OutOption = None,
        settings: SettingsOption = None,
        seed: SeedOption = None,
        update: UpdateOption = False,
        debug: DebugOption = False,
    ) -> None:
        if root is None and out is None and seed is None and settings is None:
            collect_labels(campaign, workdir, update, debug)
            return
        with errors_shown(debug=debug), progress_on(console):
            if campaign is not None or workdir is not None or update:
                raise CuprolithError(
                    "--from, --out, --settings and --seed cannot be combined with a campaign or "
                    "workdir",
                    remedy="give a campaign or --workdir, or --from and --out",
                )
            _collect_outputs(root, out, settings, seed or 0)

    return command


def _collect_outputs(root: Path | None, out: Path | None, settings: Path | None, seed: int) -> None:
    if root is None or out is None:
        raise CuprolithError(
            f"{'--from' if root is None else '--out'} is missing",
            remedy="cuprolith collect --from PATH --out DATASET_DIR",
        )
    if _is_of_vasp(root):
        if settings is not None:
            raise CuprolithError(
                "--settings is for your own files; these are VASP runs, whose units are known",
                str(root),
                "leave it out, or name the file or folder to read with --from",
            )
        from workflows.engines.vasp.collect_outputs import collect_outputs

        made(out, collect_outputs(root, out, seed))
        _name_others(root)
        return
    _collect_files(root, out, settings, seed)


def _is_of_vasp(root: Path) -> bool:
    """Whether a path is to be read as a tree of VASP runs; also where there is nothing to read."""
    from training.sources.extxyz.files import holds_labels
    from workflows.engines.vasp.run_tree import find_runs

    if root.is_file():
        return False
    if not root.is_dir():
        return True
    found = find_runs(root)
    return bool(found.runs or found.unread) or not holds_labels(root)


def _name_others(root: Path) -> None:
    """Say which files with labels beside VASP runs were left alone."""
    others = sorted(path for path in root.rglob("*") if path.suffix in _OTHERS)
    if others:
        console.print(
            f"not read beside VASP runs: {plural(len(others), 'file')} such as {others[0]}; "
            "collect it on its own if it holds labels",
            markup=False,
        )


def _collect_files(root: Path, out: Path, settings: Path | None, seed: int) -> None:
    from training.errors import TrainingError
    from training.sources.extxyz.collecting import collect_files
    from workflows.inputs.label_file import LabelFileSettings, load_label_file

    given = LabelFileSettings() if settings is None else load_label_file(settings)
    try:
        collected = collect_files(root, out, seed, given.labels, given.dataset)
    except TrainingError as error:
        raise CuprolithError(
            str(error), remedy="state names and units in a file given with --settings"
        ) from error
    made(out, collected)
