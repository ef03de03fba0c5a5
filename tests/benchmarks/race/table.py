"""Tables of the race in Markdown: errors, and physics beside the reference."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev

from tests.benchmarks.race.record import RaceRecord


def tables(records: Sequence[RaceRecord], reference: dict[str, float]) -> str:
    """Return both tables."""
    groups: dict[tuple[str, float], list[RaceRecord]] = {}
    for record in records:
        groups.setdefault((record.peer, record.budget), []).append(record)
    return "\n\n".join((_errors(groups), _physics(groups, reference)))


def _errors(groups: dict[tuple[str, float], list[RaceRecord]]) -> str:
    rows = [
        [
            peer,
            f"{budget:g}" if budget else "–",
            _spread([record.seconds for record in found], 0),
            _spread([float(record.length) for record in found], 0) + f" {found[0].counts}"
            if found[0].counts
            else "–",
            str(len(found)),
            _spread([record.groups["all"]["force_mae"] for record in found]),
            _spread([record.groups["all"]["energy_mae"] for record in found]),
            _spread([record.milliseconds_per_atom for record in found], 2),
        ]
        for (peer, budget), found in sorted(groups.items())
    ]
    header = ["peer", "budget, s", "used, s", "length", "seeds", "forces, meV/Å",
              "energies, meV/atom", "ms per atom"]  # fmt: skip
    return _markdown(header, rows)


def _physics(groups: dict[tuple[str, float], list[RaceRecord]], reference: dict[str, float]) -> str:
    columns = sorted(groups)
    header = ["property", "labels", *(f"{peer}, {budget:g} s" for peer, budget in columns)]
    rows = [
        [
            name,
            f"{value:.3f}",
            *(
                _spread([record.physics[name] for record in groups[column]], 3)
                for column in columns
            ),
        ]
        for name, value in reference.items()
    ]
    return _markdown(header, rows)


def _spread(values: Sequence[float], digits: int = 1) -> str:
    """Write the mean, and the standard deviation of several."""
    text = f"{mean(values):.{digits}f}"
    return f"{text} ± {stdev(values):.{digits}f}" if len(values) > 1 else text


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
