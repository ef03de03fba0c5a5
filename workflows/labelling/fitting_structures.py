"""Check that an engine can label a campaign's structures, before any is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cuprolith.errors import CuprolithError
from workflows.engine import ENGINES
from workflows.engine_settings import EngineSettings
from workflows.structures.structure_files import StructureRecord


def labelled_by(
    settings: EngineSettings, records: Iterable[StructureRecord]
) -> Iterator[StructureRecord]:
    """Yield structures that an engine can label.

    Raises
    ------
    CuprolithError
        At the first that it cannot, with its id, the key to change and what to do.
    """
    entry = ENGINES[settings.name]
    for record in records:
        try:
            entry.check_structure(settings, record.atoms)
        except CuprolithError as error:
            error.message = f"{record.structure_id}: {error.message}"
            raise
        yield record
