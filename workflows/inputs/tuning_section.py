"""Check the section ``tuning`` of a file, as far as no data is needed."""

from __future__ import annotations

from pathlib import Path

import yaml

from training.settings import TrainingSettings
from training.tuning.search_spaces import SearchSpaceError, search_space
from training.tuning.settings import TuningSettings
from workflows.inputs.campaign_errors import CampaignError, place_of
from workflows.inputs.names import is_file

_SPACE = ("tuning", "search_space")


def check_tuning(
    training: TrainingSettings, tuning: TuningSettings | None, path: Path, root: yaml.Node | None
) -> None:
    """Check names and values of a search space, and that files to start from are there.

    Parameters
    ----------
    path, root
        File with the section, and its tree.

    Raises
    ------
    CampaignError
        With file, line, key and remedy.
    """
    if tuning is None:
        return
    for name, parameter in tuning.search_space.items():
        alone = tuning.model_copy(update={"search_space": {name: parameter}})
        try:
            search_space(training.variant, alone)
        except SearchSpaceError as error:
            raise CampaignError(
                str(error),
                where=f"{place_of(root, (*_SPACE, name), path)}: {'.'.join(_SPACE)}",
                remedy="search names and values that the section `training` takes",
            ) from error
    for index, file in enumerate(tuning.warm_start):
        if not is_file(path.parent / file):
            key = ("tuning", "warm_start", index)
            raise CampaignError(
                f"no such file: {file}",
                where=f"{place_of(root, key, path)}: tuning.warm_start",
                remedy="name the pareto.json of another study, relative to this file",
            )
