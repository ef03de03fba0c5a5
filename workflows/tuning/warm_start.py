"""Take points of other studies that a new study tries first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.tuning.pareto import load_pareto
from cuprolith.errors import CuprolithError
from training.optimization.parameters import Parameter


@dataclass(frozen=True)
class WarmStart:
    """Points to try first, and why others are left out.

    Attributes
    ----------
    points
        Values by dotted name; the optimiser proposes those that are missing.
    """

    points: tuple[dict[str, Any], ...] = ()
    left_out: tuple[str, ...] = ()


def warm_start(files: Iterable[Path], space: Mapping[str, Parameter]) -> WarmStart:
    """Take the points of other studies' fronts that lie in a search space.

    From a study of another variant come the values of the parameters that both have.

    Parameters
    ----------
    files
        The studies' ``pareto.json``.

    Raises
    ------
    CuprolithError
        If a file cannot be read.
    """
    points: list[dict[str, Any]] = []
    left_out = []
    for file in files:
        front = _front(file)
        for point in front.points:
            values = {name: point.parameters[name] for name in space if name in point.parameters}
            outside = [name for name in values if not space[name].contains(values[name])]
            if outside or not values:
                what = ", ".join(f"{name} {values[name]}" for name in outside)
                reason = f"{what} is not in the search space" if outside else "shares no parameter"
                left_out.append(f"{front.name}, trial {point.number}: {reason}")
            elif values not in points:
                points.append(values)
    return WarmStart(tuple(points), tuple(left_out))


def _front(file: Path) -> Any:
    try:
        return load_pareto(file)
    except (OSError, ValueError) as error:
        raise CuprolithError(
            f"not the front of a study: {error}",
            where=str(file),
            key="tuning.warm_start",
            remedy="name the pareto.json of another study",
        ) from error
