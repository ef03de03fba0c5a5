"""Read the input files beside a run's output for what the output leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymatgen.io.vasp.inputs import Incar

from workflows.engines.vasp.harmless_tags import is_harmless
from workflows.engines.vasp.output_streams import ENDINGS, OUTPUTS, read_text, without_ending
from workflows.engines.vasp.tag_values import belongs_to_another, is_known, plain


def file_beside(output: Path, name: str) -> Path | None:
    """Return a file of the same run: ``INCAR.relax1``, else ``INCAR``, for ``OUTCAR.relax1.gz``."""
    suffix = without_ending(output.name)
    for each in OUTPUTS:
        suffix = suffix.removeprefix(each)
    names = (name + mark + ending for mark in (suffix, "") for ending in ("", *ENDINGS))
    return next((path for each in names if (path := output.with_name(each)).is_file()), None)


def incar_beside(output: Path) -> dict[str, Any]:
    """Return the tags of the INCAR beside an output; none if there is no INCAR.

    Raises
    ------
    ValueError
        If it cannot be understood.
    """
    path = file_beside(output, "INCAR")
    return {} if path is None else dict(Incar.from_str(read_text(path)))


def tags_not_listed(output: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return known tags that only the INCAR beside an output has; VASP lists no VDW_S8, say.

    None of them if the INCAR is not the run's: another one sets a tag to another value. Tags that
    are not known may be slips that VASP does not read.

    Parameters
    ----------
    output
        The run's vasprun.xml.
    settings
        What it says it used.
    """
    try:
        incar = incar_beside(output)
    except (ValueError, OSError):
        return {}
    shared = (tag for tag in incar.keys() & settings.keys() if not is_harmless(tag))
    if any(plain(incar[tag]) != plain(settings[tag]) for tag in shared):
        return {}
    return {
        tag: value
        for tag, value in incar.items()
        if tag not in settings and (is_known(tag) or belongs_to_another(tag))
    }
