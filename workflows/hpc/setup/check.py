"""Is a project as it should be? Looks at files alone; nothing is contacted, nothing runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cuprolith.errors import CuprolithError
from workflows.doctor import Check
from workflows.hpc.setup.job_script import job_script
from workflows.hpc.setup.project import (
    FREE_KEYS,
    ProjectFiles,
    project_data,
    validated_project,
)
from workflows.hpc.setup.secrets import require_private
from workflows.hpc.setup.settings import HpcSettings
from workflows.hpc.setup.settings_file import read_settings

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project

_AGAIN = "cuprolith hpc init --project {} --force"


def first_command(files: ProjectFiles) -> str:
    """Return the command that writes the files of a project where they are missing."""
    # Imported here: a dev cluster's project is made like that of any cluster.
    from workflows.hpc.dev_cluster.project import up_command

    return up_command(files) or f"cuprolith hpc init --project {files.name}"


def check_project(files: ProjectFiles) -> list[Check]:
    """Check settings, project, file modes, job scripts, and that no other project interferes."""
    settings = _settings(files)
    if isinstance(settings, Check):
        return [settings]
    found = [
        Check(subject="settings", status="ok", found=str(files.settings)),
        _guarded("files", lambda: _private(files)),
        _guarded("project", lambda: _as_written(settings, files)),
    ]
    try:
        project = validated_project(settings, files)
    except CuprolithError as error:
        return [*found, _failed("workers", error)]
    found += [_guarded(f"worker {name}", _script_of(project, name)) for name in project.workers]
    return [*found, _conflicts(project, files)]


def _settings(files: ProjectFiles) -> HpcSettings | Check:
    if not files.settings.exists():
        return Check(
            subject="settings",
            status="missing",
            found=f"none at {files.settings}",
            remedy=first_command(files),
        )
    try:
        return read_settings(files.settings)
    except CuprolithError as error:
        return _failed("settings", error)


def _private(files: ProjectFiles) -> str:
    for path in (files.settings, files.project):
        if path.exists():
            require_private(path)
    return "nobody else can read or change them"


def _as_written(settings: HpcSettings, files: ProjectFiles) -> str:
    if not files.project.exists():
        raise CuprolithError(
            f"no project at {files.project}",
            remedy=first_command(files),
        )
    decided = {
        key: value for key, value in project_data(settings, files).items() if key not in FREE_KEYS
    }
    standing = {key: value for key, value in _yaml(files.project).items() if key not in FREE_KEYS}
    differing = _differences(_without_passwords(decided), _without_passwords(standing))
    if differing:
        raise CuprolithError(
            f"differs from what the settings say: {', '.join(differing)}",
            remedy=f"put it into the settings and give `{_AGAIN.format(files.name)}`",
        )
    return str(files.project)


def _script_of(project: Project, name: str) -> Callable[[], str]:
    def make() -> str:
        worker = project.workers[name]
        for execution in ("", *project.exec_config):
            job_script(
                project, name, job_name="check", run_dir=worker.work_dir, exec_config=execution
            )
        return f"{worker.scheduler_type}, jobs run in {worker.work_dir}"

    return make


def _conflicts(project: Project, files: ProjectFiles) -> Check:
    from jobflow_remote.config.helper import check_projects_conflicts

    others = _others(files)
    twins = [path.name for path, other in others.items() if other.name == files.name]
    if twins:
        return Check(
            subject="other projects",
            status="missing",
            found=f"{', '.join(twins)} describes a project of that name, too",
            remedy="rename one: jobflow-remote refuses to work with either",
        )
    named = {other.name: other for other in others.values()}
    issues = check_projects_conflicts({**named, files.name: project})
    mine = [issue for issue in issues if files.name in issue.projects]
    if mine:
        return Check(
            subject="other projects",
            status="missing",
            found="; ".join(issue.message for issue in mine),
            remedy="give this project a `mongodb.database` and a `work_dir` of its own",
        )
    return Check(subject="other projects", status="ok", found="none shares its queue or folders")


def _others(files: ProjectFiles) -> dict[Path, Project]:
    from jobflow_remote.config.base import Project

    others: dict[Path, Project] = {}
    for path in sorted(files.folder.glob("*.yaml")):
        if path == files.project:
            continue
        try:
            others[path] = Project.model_validate(_yaml(path))
        except (ValueError, CuprolithError):  # jobflow-remote passes over them, too
            continue
    return others


def _yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        # by its name alone: PyYAML's message quotes lines, and one of them may be the password
        raise CuprolithError(
            f"cannot be read: {type(error).__name__}", where=str(path), remedy="write it again"
        ) from None
    return data if isinstance(data, dict) else {}


def _without_passwords(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_passwords(item) for key, item in data.items() if key != "password"}
    return [_without_passwords(item) for item in data] if isinstance(data, list) else data


def _differences(wanted: Any, found: Any, key: str = "") -> list[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        names = dict.fromkeys([*wanted, *found])
        return [
            difference
            for name in names
            for difference in _differences(
                wanted.get(name), found.get(name), f"{key}.{name}" if key else str(name)
            )
        ]
    return [] if wanted == found else [key]


def _guarded(subject: str, examine: Callable[[], str]) -> Check:
    try:
        return Check(subject=subject, status="ok", found=examine())
    except CuprolithError as error:
        return _failed(subject, error)
    except ValueError as error:  # qtoolkit's, of options that its templates do not know
        return Check(subject=subject, status="missing", found=str(error), remedy="see the settings")


def _failed(subject: str, error: CuprolithError) -> Check:
    place = "".join(f"{part}: " for part in (error.where, error.key) if part)
    return Check(
        subject=subject, status="missing", found=f"{place}{error.message}", remedy=error.remedy
    )
