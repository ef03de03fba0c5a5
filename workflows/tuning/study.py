"""Begin a study in a folder, and read it again."""

from __future__ import annotations

from pathlib import Path

from analysis.tuning.trials import STUDY_FILE, Study, read_study
from cuprolith.errors import CuprolithError
from cuprolith.json_files import write_json
from workflows.tuning.folder import claim_study_folder

_PACKAGES = ("cuprolith", "optuna", "moocore", "torch", "nequip", "nequip-allegro")


def begin_study(study: Study, folder: Path) -> Path | None:
    """Begin a study in a folder, or continue the study there.

    Returns
    -------
    Where another study that lay there has been moved to; None if there was none.

    Raises
    ------
    CuprolithError
        If the folder holds something else.
    """
    moved = claim_study_folder(folder, study.hash)
    if (folder / STUDY_FILE).is_file():
        known = load_study(folder).warm_start
        new = tuple(point for point in study.warm_start if point not in known)
        study = study.model_copy(update={"warm_start": known + new})
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
