"""Circuit files: one YAML file per quantum circuit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from workflows.inputs.campaign_errors import explain
from workflows.inputs.yaml_file import FileKind, content_of, read_yaml

if TYPE_CHECKING:
    from analysis.circuits.definition import CircuitFile

_CIRCUIT_FILE = FileKind(
    "circuit file", "`name` and `qdi`, or `name`, `gates`, `observables`", "see inputs/circuits/"
)


def load_circuit_file(path: Path) -> CircuitFile:
    """Read and validate a circuit file.

    Raises
    ------
    CampaignError
        With file, line, key and remedy for everything that is wrong.
    """
    from analysis.circuits.definition import CircuitFile

    root = read_yaml(path, _CIRCUIT_FILE)
    try:
        return CircuitFile.model_validate(content_of(root))
    except ValidationError as error:
        raise explain(error, CircuitFile, path, root) from None
