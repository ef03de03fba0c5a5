"""Begin a study in a folder, and read it again."""

from __future__ import annotations

import shutil
from pathlib import Path

from analysis.tuning.trials import STORAGE_FILE, STUDY_FILE, Study, read_study
from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json_if_whole, write_json
from training.nequip_runs.training_run import occupied
from workflows.tuning.folder import recovery

_SHORT_HASH = 8


def begin_study(study: Study, folder: Path) -> Path | None:
    """Begin a study in a folder, or continue the study there.

    A study with another hash is moved beside it, to ``<name>.<hash>``, and is moved back when it
    is begun again.

    Returns
    -------
    Where another study has been moved to; None if there was none.

    Raises
    ------
    CuprolithError
        If the folder holds files of another kind, or a study without its description.
    """
    moved = None
    present = _stored_hash(folder)
    if present not in (None, study.hash):
        moved = _beside(folder, present)
        folder.rename(moved)
    elif present is None and (folder / STORAGE_FILE).exists():
        raise CuprolithError(
            "missing or damaged, though trials are here",
            where=str(folder / STUDY_FILE),
            remedy=recovery(folder),
        )
    elif present is None and occupied(folder):
        raise CuprolithError(
            "the folder holds files that are no study",
            where=str(folder),
            remedy="name another folder: --out",
        )
    earlier = _beside(folder, study.hash)
    if present != study.hash and _stored_hash(earlier) == study.hash:
        shutil.rmtree(folder, ignore_errors=True)
        earlier.rename(folder)
    if (folder / STUDY_FILE).is_file():
        known = load_study(folder).warm_start
        new = tuple(point for point in study.warm_start if point not in known)
        study = study.model_copy(update={"warm_start": known + new})
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / STUDY_FILE, study.model_dump(mode="json"))
    return moved


def load_study(folder: Path) -> Study:
    """Read the study in a folder.

    Raises
    ------
    CuprolithError
        If there is none, or its file is not one.
    """
    path = folder / STUDY_FILE
    try:
        return read_study(folder)
    except FileNotFoundError:
        raise CuprolithError(
            "no study here",
            where=str(folder),
            remedy="name the folder that `cuprolith tune` has made, the one with study.json",
        ) from None
    except ValueError as error:
        raise CuprolithError(
            f"not the description of a study: {error}",
            where=str(path),
            remedy="rerun the command that made it",
        ) from error


def _beside(folder: Path, study_hash: str) -> Path:
    return folder.with_name(f"{folder.name}.{study_hash[:_SHORT_HASH]}")


def _stored_hash(folder: Path) -> str | None:
    path = folder / STUDY_FILE
    if not path.is_file():
        return None
    content = read_json_if_whole(path)
    found = content.get("hash") if isinstance(content, dict) else None
    return found if isinstance(found, str) else None
