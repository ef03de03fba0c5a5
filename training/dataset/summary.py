"""Numbers of the dataset's card, made from the index of frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import fsum, sqrt

from training.dataset.card import (
    GroupCard,
    LabelSource,
    QuarantineCard,
    SplitCard,
    Statistics,
)
from training.dataset.frame_index import IndexedFrame
from training.dataset.quarantine import reason_kind
from training.dataset.splits import Group


def split_card(
    file: str, sha256: str, frames: Sequence[IndexedFrame], groups: Sequence[Group]
) -> SplitCard:
    """Summarise the written file of a split."""
    return SplitCard(
        file=file,
        sha256=sha256,
        frames=len(frames),
        atoms=sum(frame.n_atoms for frame in frames),
        families=count_names(frame.strata.family for frame in frames),
        systems=count_names(frame.strata.system for frame in frames),
        energy_per_atom=energy_statistics(frames),
        force_norm=force_statistics(frames),
        groups=tuple(
            GroupCard(name=group.name, structure_ids=group.structure_ids, frames=len(group))
            for group in groups
        ),
    )


def quarantine_card(file: str, sha256: str, frames: Sequence[IndexedFrame]) -> QuarantineCard:
    """Summarise the written file of quarantined frames."""
    return QuarantineCard(
        file=file,
        sha256=sha256,
        frames=len(frames),
        atoms=sum(frame.n_atoms for frame in frames),
        families=count_names(frame.strata.family for frame in frames),
        systems=count_names(frame.strata.system for frame in frames),
        reasons=count_names(reason_kind(reason) for frame in frames for reason in frame.reasons),
    )


def count_names(names: Iterable[str]) -> dict[str, int]:
    """Count equal names; sorted by name."""
    return dict(sorted(Counter(names).items()))


def label_sources(frames: Iterable[IndexedFrame]) -> tuple[LabelSource, ...]:
    """Count frames by engine, functional and settings."""
    counts = Counter(frame.source for frame in frames)
    return tuple(
        LabelSource(engine=engine, functional=functional, config_hash=config_hash, frames=frames)
        for (engine, functional, config_hash), frames in sorted(counts.items())
    )


def energy_statistics(frames: Sequence[IndexedFrame]) -> Statistics:
    """Summarise energies per atom, eV/atom, each frame counting once."""
    values = [frame.energy / frame.n_atoms for frame in frames]
    return Statistics(
        min=min(values),
        mean=fsum(values) / len(values),
        max=max(values),
        rms=sqrt(fsum(value * value for value in values) / len(values)),
    )


def force_statistics(frames: Sequence[IndexedFrame]) -> Statistics:
    """Summarise |F|, eV/Å, each atom counting once."""
    n_atoms = sum(frame.n_atoms for frame in frames)
    return Statistics(
        min=min(frame.force_min for frame in frames),
        mean=fsum(frame.force_sum for frame in frames) / n_atoms,
        max=max(frame.force_max for frame in frames),
        rms=sqrt(fsum(frame.force_square_sum for frame in frames) / n_atoms),
    )
