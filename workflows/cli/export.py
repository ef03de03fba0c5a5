"""``cuprolith export``: a dataset in the layout in which datasets are published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cuprolith.errors import CuprolithError
from workflows.stage_commands.console import errors_shown, made
from workflows.stage_commands.options import DebugOption
from workflows.workdir import Workdir

DatasetArgument = Annotated[
    Path, typer.Argument(help="Folder of a dataset, or workdir of a campaign.")
]
OutArgument = Annotated[Path, typer.Argument(help="Folder to write.")]
NameOption = Annotated[
    str | None, typer.Option("--name", help="Title; default: the name of the folder written.")
]
LicenceOption = Annotated[
    str, typer.Option("--licence", "--license", help="SPDX identifier, such as CC-BY-4.0.")
]
AuthorsOption = Annotated[
    list[str] | None, typer.Option("--authors", help="Name of an author; give it once for each.")
]
DoiOption = Annotated[str, typer.Option("--doi", help="DOI of the data or its publication.")]
DescriptionOption = Annotated[
    str, typer.Option("--description", help="What the data are for, and how they were made.")
]


def export(
    dataset: DatasetArgument,
    out: OutArgument,
    name: NameOption = None,
    licence: LicenceOption = "unknown",
    authors: AuthorsOption = None,
    doi: DoiOption = "",
    description: DescriptionOption = "",
    debug: DebugOption = False,
) -> None:
    """Export a dataset to publish it, with a card as Hugging Face and ColabFit have them.

    Extended XYZ by split, README.md, property definitions and checksums.
    """
    with errors_shown(debug=debug):
        from training.dataset.card import DatasetError
        from training.dataset.export import Publication, export_dataset

        in_workdir = Workdir(dataset)
        folder = in_workdir.dataset if in_workdir.dataset_card.is_file() else dataset
        publication = Publication(
            name or out.resolve().name, licence, tuple(authors or ()), doi, description
        )
        if out.resolve() == folder.resolve():
            raise CuprolithError("the dataset itself", str(out), "name another folder to write")
        try:
            exported = export_dataset(folder, out, publication)
        except DatasetError as error:
            raise CuprolithError(str(error)) from error
        made(out, exported)
