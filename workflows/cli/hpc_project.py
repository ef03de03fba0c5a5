"""Which project the verbs of ``cuprolith hpc`` work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError

if TYPE_CHECKING:
    from workflows.hpc.setup.project import ProjectFiles

DEFAULT_PROJECT = "cuprolith"


def project_files(project: str | None) -> ProjectFiles:
    """Return where the files of a project are.

    Raises
    ------
    CuprolithError
        If no project can have that name.
    """
    from workflows.hpc.setup.project import ProjectFiles, default_project, projects_folder
    from workflows.hpc.setup.settings import project_name

    try:
        name = project_name(project or default_project() or DEFAULT_PROJECT)
    except ValueError as error:
        raise CuprolithError(str(error), key="--project", remedy="choose another name") from None
    return ProjectFiles(projects_folder(), name)
