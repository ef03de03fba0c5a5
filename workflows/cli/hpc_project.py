"""Which project the verbs of ``cuprolith hpc`` work on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cuprolith.errors import CuprolithError

if TYPE_CHECKING:
    from workflows.hpc.setup.project import ProjectFiles

DEFAULT_PROJECT = "cuprolith"
ProjectOption = Annotated[
    str | None,
    typer.Option("--project", "-p", help="Project of jobflow-remote; default: as `jf` has it."),
]
ProjectsOption = Annotated[
    Path | None,
    typer.Option("--projects-folder", help="Folder of the projects; default: jobflow-remote's."),
]


def project_files(project: str | None, folder: Path | None) -> ProjectFiles:
    """Return where the files of a project are.

    Raises
    ------
    CuprolithError
        If no project can have that name.
    """
    from workflows.hpc.setup.project import ProjectFiles, default_project, projects_folder
    from workflows.hpc.setup.shell_words import project_name

    try:
        name = project_name(project or default_project() or DEFAULT_PROJECT)
    except ValueError as error:
        raise CuprolithError(str(error), key="--project", remedy="name it otherwise") from None
    return ProjectFiles(projects_folder(folder), name)
