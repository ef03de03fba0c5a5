"""Settings files of labels: names and units of what is in your own files."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from training.label_settings import LabelSettings
from training.settings import DatasetSettings
from workflows.inputs.campaign_errors import explain
from workflows.inputs.yaml_file import FileKind, content_of, read_yaml

_LABEL_FILE = FileKind(
    "settings of labels", "`energy_key`, `energy_unit`", "docs/how_to/public_datasets.md has one"
)


class LabelFileSettings(LabelSettings):
    """Names and units of labels, and the rules of the dataset made of them."""

    dataset: DatasetSettings = DatasetSettings()


def load_label_file(path: Path) -> LabelFileSettings:
    """Read and validate a settings file.

    Raises
    ------
    CampaignError
        With file, line, key and remedy for everything that is wrong.
    """
    root = read_yaml(path, _LABEL_FILE)
    try:
        return LabelFileSettings.model_validate(content_of(root))
    except ValidationError as error:
        raise explain(error, LabelFileSettings, path, root) from None
