"""Check the files of a project: nothing is contacted, nothing runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cuprolith.errors import CuprolithError
from workflows.checks import Check
from workflows.hpc.setup.job_environment import free_lines
from workflows.hpc.setup.job_script import job_script
from workflows.hpc.setup.project import ProjectFiles, project_data, validated_project
from workflows.hpc.setup.secrets import require_private
from workflows.hpc.setup.settings import HpcSettings
from workflows.hpc.setup.settings_file import read_settings

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project


def check_project(files: ProjectFiles) -> list[Check]:
    """Check settings, project, file modes, job scripts, and that no other project interferes."""
    try:
        settings = read_private_settings(files)
    except CuprolithError as error:
        return [failed("settings", error)]
    found = [
        Check.ok("settings", str(files.settings)),
        _guarded("files", lambda: _private(files)),
        _guarded("project", lambda: _as_written(settings, files)),
        *_shown_lines(settings),
    ]
    try:
        project = validated_project(settings, files)
    except CuprolithError as error:
        return [*found, failed("workers", error)]
    found += [
        _guarded(f"worker {name}", partial(_script, project, name)) for name in project.workers
    ]
    return [*found, _guarded("other projects", lambda: _conflicts(project, files))]


def failed(subject: str, error: CuprolithError) -> Check:
    """Return an error as a check that failed."""
    place = "".join(f"{part}: " for part in (error.where, error.key) if part)
    return Check.missing(subject, f"{place}{error.message}", error.remedy)


def read_private_settings(files: ProjectFiles) -> HpcSettings:
    """Read the settings of a project.

    Raises
    ------
    CuprolithError
        If there are none, something in them is wrong, or others can change them.
    """
    if not files.settings.exists():
        raise CuprolithError(
            f"none at {files.settings}",
            remedy=f"cuprolith hpc init SCHEDULER --project {files.name}",
        )
    require_private(files.settings)  # whoever can change it decides what the jobs run
    settings = read_settings(files.settings)
    if settings.project != files.name:
        raise CuprolithError(
            f"they are those of project {settings.project}",
            where=str(files.settings),
            key="project",
            remedy=f"write {files.name}",
        )
    return settings


def _private(files: ProjectFiles) -> str:
    if files.project.exists():
        require_private(files.project)
    return "nobody else can read or change them"


def _as_written(settings: HpcSettings, files: ProjectFiles) -> str:
    write = f"cuprolith hpc write --project {files.name}"
    if not files.project.exists():
        raise CuprolithError(f"none at {files.project}", remedy=write)
    present = _yaml(files.project)
    try:
        password = present["queue"]["store"].get("password")
    except (KeyError, TypeError, AttributeError):  # then all of it differs
        password = None
    differing = _different_keys(project_data(settings, files, password), present)
    if differing:
        raise CuprolithError(
            f"differs from what the settings say: {', '.join(differing)}",
            remedy=f"change the settings if necessary, then: {write}",
        )
    return str(files.project)


def _shown_lines(settings: HpcSettings) -> list[Check]:
    """Show the commands that run as they are: whoever can change them decides what jobs do."""
    environments = [("all jobs", settings.environment)]
    environments += [(name, given.environment) for name, given in settings.classes.items()]
    return [
        Check.note(f"lines of {name}", " ; ".join(lines))
        for name, environment in environments
        if (lines := free_lines(environment))
    ]


def _script(project: Project, name: str) -> str:
    job_script(project, name)
    worker = project.workers[name]
    return f"{worker.scheduler_type}, jobs run in {worker.work_dir}"


def _conflicts(project: Project, files: ProjectFiles) -> str:
    from jobflow_remote.config.base import Project
    from jobflow_remote.config.helper import check_projects_conflicts

    others: dict[str, Project] = {}
    for path in sorted(files.folder.glob("*.yaml")):
        try:
            other = Project.model_validate(_yaml(path))
        except (ValueError, CuprolithError):  # jobflow-remote skips them, too
            continue
        if path != files.project and other.name == files.name:
            raise CuprolithError(
                f"{path.name} describes a project of that name, too",
                remedy="rename one: jobflow-remote refuses to work with either",
            )
        others[other.name] = other
    issues = check_projects_conflicts({**others, files.name: project})
    mine = [issue.message for issue in issues if files.name in issue.projects]
    if mine:
        raise CuprolithError(
            "; ".join(mine),
            remedy="give this project a `mongodb.database` and a `work_dir` of its own",
        )
    return "none shares its queue or folders"


def _yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        # only its type: PyYAML's message quotes lines, and one of them may be the password
        raise CuprolithError(
            f"cannot be read: {type(error).__name__}", where=str(path), remedy="move it away"
        ) from None
    return data if isinstance(data, dict) else {}


def _different_keys(wanted: Any, found: Any, key: str = "") -> list[str]:
    if not (isinstance(wanted, dict) and isinstance(found, dict)):
        return [] if wanted == found else [key]
    return [
        different
        for name in dict.fromkeys([*wanted, *found])
        for different in _different_keys(
            wanted.get(name), found.get(name), f"{key}.{name}" if key else str(name)
        )
    ]


def _guarded(subject: str, examine: Callable[[], str]) -> Check:
    try:
        return Check.ok(subject, examine())
    except CuprolithError as error:
        return failed(subject, error)
    except ValueError as error:  # qtoolkit's, of options that its templates do not know
        return Check.missing(subject, str(error), "correct them in the settings")
