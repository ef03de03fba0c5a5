"""The jobflow-remote project of a cluster: made from settings, checked, written, looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import SecretStr, ValidationError

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.secrets import read_password, write_private
from workflows.hpc.setup.settings import HpcSettings, MongoSettings
from workflows.hpc.setup.settings_file import read_settings, settings_text
from workflows.hpc.setup.workers import execution_documents, worker_documents

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project

SETTINGS_FILE = "hpc.yaml"
HIDDEN = "********"
SETTINGS_MARK = "cuprolith_hpc"
"""Key of a project's metadata that says where its settings are."""
FREE_KEYS = frozenset({"base_dir", "runner", "log_level", "metadata"})
"""Keys of a project that the settings do not decide: where its runner keeps its files, how often it
looks, what it logs, whose project it is."""


class _Dumper(yaml.SafeDumper):
    """Writes scripts line by line."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


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


def projects_folder(given: Path | None = None) -> Path:
    """Return the folder given, or else the one that jobflow-remote uses."""
    if given is not None:
        return given.expanduser().resolve()
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
    """Raise unless jobflow-remote is there.

    Raises
    ------
    CuprolithError
        If it is not installed.
    """
    import importlib.util

    if importlib.util.find_spec("jobflow_remote") is None:
        raise CuprolithError(
            "jobflow-remote is not installed in this environment",
            remedy="pip install jobflow-remote",
        )


def mongodb_password(mongodb: MongoSettings) -> SecretStr | None:
    """Return the database's password from where the settings say it is.

    Raises
    ------
    CuprolithError
        If it is not there, or others can read it there.
    """
    if mongodb.user is None or mongodb.password_from is None:
        return None
    return read_password(mongodb.password_from, mongodb.user)


def project_text(settings: HpcSettings, files: ProjectFiles, password: SecretStr | None) -> str:
    """Return the project's file as jobflow-remote reads it, password and all.

    `FREE_KEYS` stay as the file has them that stands there, if Cuprolith has written it.

    Raises
    ------
    CuprolithError
        If jobflow-remote would refuse it.
    """
    validated_project(settings, files)
    revealed = password.get_secret_value() if password is not None else None
    return document_text(_document(settings, files, revealed))


def document_text(document: dict[str, Any]) -> str:
    """Return a project as the text of its file."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return text


def shown_project(settings: HpcSettings, files: ProjectFiles) -> str:
    """Return the project's file with stars for the password."""
    hidden = SecretStr(HIDDEN) if settings.mongodb.user is not None else None
    return project_text(settings, files, hidden)


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
            remedy="mend these keys in the settings; if they look right, the installed "
            "jobflow-remote is another than the tested 1.0.1",
        ) from None


def project_settings(project: Project) -> HpcSettings:
    """Return the settings that a project was made from.

    Raises
    ------
    CuprolithError
        If it was not made by `cuprolith hpc init` or `cuprolith dev-cluster up`.
    """
    path = (project.metadata or {}).get(SETTINGS_MARK)
    if path is None:
        raise CuprolithError(
            f"project {project.name} was not made by Cuprolith: its workers' classes are unknown",
            remedy="`cuprolith hpc init` makes one, with workers dft-small, dft-large, gpu, cpu",
        )
    return read_settings(Path(path))


def write_project(
    settings: HpcSettings, files: ProjectFiles, password: SecretStr | None, *, force: bool
) -> list[Path]:
    """Write settings and project, readable by their owner alone; return what was changed.

    What is as it shall be stays untouched. With `force`, another project of that name is kept
    beside the new one, as ``.bak``; `FREE_KEYS` of a project of ours stay.

    Raises
    ------
    CuprolithError
        If others stand there and `force` is false.
    """
    texts = {
        files.settings: settings_text(settings),
        files.project: project_text(settings, files, password),
    }
    changed = [path for path, text in texts.items() if _read(path) != text]
    standing = [path for path in changed if path.exists()]
    if standing and not force:
        raise CuprolithError(
            "there are other settings of that name",
            where=", ".join(map(str, standing)),
            remedy="--dry-run shows the new ones; --force writes them and keeps the old as .bak",
        )
    for path in standing:
        write_private(path.with_name(f"{path.name}.bak"), path.read_text(encoding="utf-8"))
    for path in changed:
        write_private(path, texts[path])
    for path in set(texts) - set(changed):
        path.chmod(0o600)
    return changed


def project_data(settings: HpcSettings, files: ProjectFiles) -> dict[str, Any]:
    """Return what the project's file holds, with stars for the password."""
    return _document(settings, files, HIDDEN if settings.mongodb.user is not None else None)


def _document(settings: HpcSettings, files: ProjectFiles, password: str | None) -> dict[str, Any]:
    def store(kind: str, collection: str) -> dict[str, Any]:
        return {
            "type": kind,
            "collection_name": collection,
            **_connection(settings.mongodb, password),
        }

    standing = _free_keys(files)
    return {
        "name": settings.project,
        "base_dir": standing.get("base_dir", str(files.base)),
        "log_level": standing.get("log_level", "info"),
        **({"runner": standing["runner"]} if "runner" in standing else {}),
        "workers": worker_documents(settings),
        "exec_config": execution_documents(settings),
        "queue": {"store": store("MongoStore", "jobs")},
        "jobstore": {
            "docs_store": store("MongoStore", "outputs"),
            # atomate2 puts trajectories and volumetric data into the store of this name.
            "additional_stores": {"data": store("GridFSStore", "outputs_data")},
        },
        "metadata": {**standing.get("metadata", {}), SETTINGS_MARK: str(files.settings)},
    }


def _free_keys(files: ProjectFiles) -> dict[str, Any]:
    """Return what stands in the project's file under `FREE_KEYS`; nothing unless it is ours."""
    try:
        document = yaml.safe_load(_read(files.project) or "")
    except yaml.YAMLError:
        return {}
    metadata = document.get("metadata") if isinstance(document, dict) else None
    if not isinstance(metadata, dict) or SETTINGS_MARK not in metadata:
        return {}
    return {key: document[key] for key in FREE_KEYS & document.keys()}


def _connection(mongodb: MongoSettings, password: str | None) -> dict[str, Any]:
    connection: dict[str, Any] = {
        "host": mongodb.host,
        "port": mongodb.port,
        "database": mongodb.database,
    }
    if password is not None:
        connection |= {"username": mongodb.user, "password": password}
        if mongodb.auth_source is not None:
            connection["auth_source"] = mongodb.auth_source
    if mongodb.tls:
        connection["mongoclient_kwargs"] = {"tls": True} | (
            {"tlsCAFile": mongodb.tls_ca_file} if mongodb.tls_ca_file is not None else {}
        )
    return connection


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
