"""The jobflow-remote project of a cluster: make it from settings, validate it, write it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import SecretStr, ValidationError

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.secrets import write_private
from workflows.hpc.setup.settings import HpcSettings, MongoSettings
from workflows.hpc.setup.settings_file import read_settings
from workflows.hpc.setup.workers import execution_documents, worker_documents
from workflows.inputs.yaml_file import yaml_text

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project

SETTINGS_FILE = "hpc.yaml"
HIDDEN = "********"
SETTINGS_MARK = "cuprolith_hpc"
"""Key of a project's metadata that says where its settings are."""


@dataclass(frozen=True)
class ProjectFiles:
    """Where a project's files are.

    Attributes
    ----------
    folder
        Folder of all projects, as jobflow-remote looks through it.
    name
        The project's.
    """

    folder: Path
    name: str

    @property
    def project(self) -> Path:
        """The file that jobflow-remote reads; the only one that holds a password."""
        return self.folder / f"{self.name}.yaml"

    @property
    def base(self) -> Path:
        """Logs and the runner's files."""
        return self.folder / self.name

    @property
    def settings(self) -> Path:
        """The cluster's settings; below `base`, since jobflow-remote reads all YAML beside it."""
        return self.base / SETTINGS_FILE


def projects_folder() -> Path:
    """Return the folder of projects that jobflow-remote uses (``JFREMOTE_PROJECTS_FOLDER``)."""
    require_jobflow_remote()
    from jobflow_remote import SETTINGS

    return Path(SETTINGS.projects_folder).expanduser().resolve()


def default_project() -> str | None:
    """Return the project that `jf` works with if none is named (``JFREMOTE_PROJECT``)."""
    require_jobflow_remote()
    from jobflow_remote import SETTINGS

    name: str | None = SETTINGS.project
    return name


def require_jobflow_remote() -> None:
    """Raise unless jobflow-remote is installed.

    Raises
    ------
    CuprolithError
        If it is not installed.
    """
    if importlib.util.find_spec("jobflow_remote") is None:
        raise CuprolithError(
            "jobflow-remote is not installed in this environment",
            remedy="pip install jobflow-remote",
        )


def validated_project(settings: HpcSettings, files: ProjectFiles) -> Project:
    """Return jobflow-remote's own model of the project, without the password.

    Raises
    ------
    CuprolithError
        If jobflow-remote refuses it.
    """
    require_jobflow_remote()
    from jobflow_remote.config.base import Project

    try:
        return Project.model_validate(project_data(settings, files))
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, detail['loc']))}: {detail['msg'].splitlines()[0]}"
            for detail in error.errors(include_input=False, include_url=False)
        ]
        raise CuprolithError(
            f"jobflow-remote refuses the project: {'; '.join(problems)}",
            where=str(files.project),
            remedy="correct these keys in the settings; if they look right, the installed "
            "jobflow-remote is another than the tested 1.0.1",
        ) from None


def project_settings(project: Project) -> HpcSettings:
    """Return the settings that a project was made from.

    Raises
    ------
    CuprolithError
        If it was not made by Cuprolith.
    """
    path = (project.metadata or {}).get(SETTINGS_MARK)
    if path is None:
        raise CuprolithError(
            f"project {project.name} was not made by Cuprolith: its workers' classes are unknown",
            remedy="`cuprolith hpc init` makes one, with workers dft-small, dft-large, gpu, cpu",
        )
    return read_settings(Path(path))


def write_project(settings: HpcSettings, files: ProjectFiles, password: SecretStr | None) -> bool:
    """Write the project, readable by its owner alone; return whether that changed it.

    An earlier project made by Cuprolith is kept beside it, as ``.bak``.

    Raises
    ------
    CuprolithError
        If jobflow-remote refuses it, or another project of that name exists.
    """
    validated_project(settings, files)
    revealed = password.get_secret_value() if password is not None else None
    text = yaml_text(project_data(settings, files, revealed))
    present = _read(files.project)
    if present == text:
        files.project.chmod(0o600)
        return False
    if present:
        if not _present_document(files):
            raise CuprolithError(
                "a project of that name exists that Cuprolith has not made",
                where=str(files.project),
                remedy="move it away, or use another --project",
            )
        write_private(files.project.with_name(f"{files.project.name}.bak"), present)
    write_private(files.project, text)
    return True


def project_data(
    settings: HpcSettings, files: ProjectFiles, password: str | None = HIDDEN
) -> dict[str, Any]:
    """Return what the project's file holds.

    What the settings do not decide stays as in the file, if Cuprolith has made it: the runner's
    folder, intervals and logs, and the project's metadata.
    """

    def store(kind: str, collection: str) -> dict[str, Any]:
        return {
            "type": kind,
            "collection_name": collection,
            **_connection(settings.mongodb, password),
        }

    present = _present_document(files)
    return {
        "name": settings.project,
        "base_dir": present.get("base_dir", str(files.base)),
        "log_level": present.get("log_level", "info"),
        **({"runner": present["runner"]} if "runner" in present else {}),
        "workers": worker_documents(settings),
        "exec_config": execution_documents(settings),
        "queue": {"store": store("MongoStore", "jobs")},
        "jobstore": {
            "docs_store": store("MongoStore", "outputs"),
            # atomate2 puts trajectories and volumetric data into the store of this name.
            "additional_stores": {"data": store("GridFSStore", "outputs_data")},
        },
        "metadata": {**present.get("metadata", {}), SETTINGS_MARK: str(files.settings)},
    }


def _present_document(files: ProjectFiles) -> dict[str, Any]:
    """Return the project in the file; nothing unless Cuprolith has made it."""
    try:
        document = yaml.safe_load(_read(files.project))
    except yaml.YAMLError:
        return {}
    metadata = document.get("metadata") if isinstance(document, dict) else None
    ours = isinstance(metadata, dict) and SETTINGS_MARK in metadata
    return document if ours else {}


def _connection(mongodb: MongoSettings, password: str | None) -> dict[str, Any]:
    connection: dict[str, Any] = {
        "host": mongodb.host,
        "port": mongodb.port,
        "database": mongodb.database,
    }
    if mongodb.user is not None:
        connection |= {"username": mongodb.user, "password": password}
        if mongodb.auth_source is not None:
            connection["auth_source"] = mongodb.auth_source
    if mongodb.tls:
        connection["mongoclient_kwargs"] = {"tls": True} | (
            {"tlsCAFile": mongodb.tls_ca_file} if mongodb.tls_ca_file is not None else {}
        )
    return connection


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
