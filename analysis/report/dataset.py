"""Section *Dataset*: the frames to learn from, and which rule left out the others."""

from __future__ import annotations

from analysis.distributions import FORCE_EDGES, Distributions
from analysis.report import figures
from analysis.report.content import Figure, Missing, Section, Table, count, number, plural
from analysis.report.inputs import Inputs
from generators.family import kinds
from training.dataset.card import DatasetCard, SplitCard

_AUDIT_ROWS = 100
_NAMES_SHOWN = 6


def dataset_section(inputs: Inputs, distributions: Distributions, command: str) -> Section:
    """Make the section; `command` is what collects the dataset."""
    section = Section("dataset", "Dataset")
    card = inputs.card
    if card is None and not distributions.counts:
        section.missing = Missing("No dataset has been collected yet.", command)
        return section
    section.lead = (
        "Frames kept of all ionic steps. Frames that share a trajectory, a structure or a parent "
        "are in one split, so that no near-copy of a training frame is tested on."
    )
    if card is not None:
        section.notes = [text[:1].upper() + text[1:] for text in card.warnings]
        section.tables = [_fate_table(card), _split_table(card)]
        if card.quarantine.reasons:
            section.tables.append(_quarantine_table(card))
        section.details = _details(card)
    if distributions.counts:
        section.tables.insert(0, _family_table(distributions))
        section.figures = _distribution_figures(distributions)
    return section


def dataset_fact(inputs: Inputs, distributions: Distributions) -> str:
    """One line for the summary."""
    card = inputs.card
    if card is not None:
        text = f"{plural(card.frames.kept, 'frame')} kept"
        quarantined = card.frames.quarantined
        return text + (f", {count(quarantined)} in quarantine" if quarantined else "")
    total = sum(c.n_frames for split in distributions.counts.values() for c in split.values())
    return plural(total, "frame") if total else ""


def families_present(distributions: Distributions) -> list[str]:
    """Families in the dataset: the known ones in their own order, then others."""
    present = {family for families in distributions.counts.values() for family in families}
    known = [family for family in kinds() if family in present]
    return known + sorted(present.difference(known))


def _distribution_figures(distributions: Distributions) -> list[Figure]:
    families = families_present(distributions)
    low = sum(int(counts[0]) for counts in distributions.force_counts.values())
    high = sum(int(counts[-1]) for counts in distributions.force_counts.values())
    least, most = FORCE_EDGES[0], FORCE_EDGES[-1]
    beside = f" {plural(low, 'atom')} below {least:g} eV/Å not shown." if low else ""
    beside += f" {plural(high, 'atom')} above {most:g} eV/Å not shown." if high else ""
    return [
        Figure("dataset-splits", "Frames by split and family.",
               figures.split_counts(distributions, families), height=220, width="full"),
        Figure(
            "dataset-energies",
            "Energy per atom of all frames, less the energies of the species fitted to the "
            "training split.",
            figures.energy_distribution(distributions.relative_energies(), families),
        ),
        Figure(
            "dataset-forces",
            "Norm of the force on each atom of all frames, fixed atoms included." + beside,
            figures.force_distribution(distributions, families),
        ),
    ]  # fmt: skip


def _family_table(distributions: Distributions) -> Table:
    splits = distributions.counts
    families = families_present(distributions)

    def row(name: str, chosen: list[str]) -> list[str]:
        found = [[split[f] for f in chosen if f in split] for split in splits.values()]
        frames = [sum(c.n_frames for c in split) for split in found]
        atoms = sum(c.n_atoms for split in found for c in split)
        return [name, *map(count, frames), count(sum(frames)), count(atoms)]

    rows = [*(row(family, [family]) for family in families), row("all", families)]
    header = ["family", *splits, "frames", "atoms"]
    numeric = range(1, len(header))
    return Table("Frames by family and split", header, rows, numeric, total=True, families=True)


def _fate_table(card: DatasetCard) -> Table:
    frames, rules = card.frames, card.rules
    rows = [
        ["seen", count(frames.seen), f"in {plural(card.trajectories, 'trajectory')}"],
        ["thinned out", count(frames.thinned), rules.get("thinning", "")],
        ["quarantined", count(frames.quarantined), rules.get("quarantine", "")],
        ["near-duplicates", count(frames.near_duplicates), rules.get("near_duplicates", "")],
        ["kept", count(frames.kept), rules.get("split", "")],
    ]
    return Table("What became of every ionic step", ["", "frames", "rule"], rows, {1}, total=True)


def _split_table(card: DatasetCard) -> Table:
    header = ["split", "frames", "atoms", "groups", "energy, eV/atom", "mean |F|, eV/Å",
              "largest |F|, eV/Å", "systems"]  # fmt: skip
    rows = [[name, *_split_cells(split)] for name, split in card.splits.items()]
    return Table("Splits, as the card has them", header, rows, numeric=range(1, 7))


def _split_cells(split: SplitCard) -> list[str]:
    energy, force = split.energy_per_atom, split.force_norm
    return [
        count(split.frames),
        count(split.atoms),
        count(len(split.groups)),
        f"{number(energy.min, 4)} to {number(energy.max, 4)}",
        number(force.mean),
        number(force.max),
        ", ".join(split.systems),
    ]


def _quarantine_table(card: DatasetCard) -> Table:
    rows = [[reason, count(frames)] for reason, frames in card.quarantine.reasons.items()]
    caption = "Quarantine: frames by reason (a frame may have several)"
    return Table(caption, ["reason", "frames"], rows, {1})


def _details(card: DatasetCard) -> list[tuple[str, str | Table]]:
    details: list[tuple[str, str | Table]] = []
    if card.near_duplicates:
        rows = [
            [entry.kept, count(len(entry.dropped)), _names(entry.dropped)]
            for entry in card.near_duplicates[:_AUDIT_ROWS]
        ]
        caption = "Kept frame, and the frames dropped because they are nearly the same"
        if len(card.near_duplicates) > _AUDIT_ROWS:
            total = count(len(card.near_duplicates))
            caption += f" (the first {_AUDIT_ROWS} of {total}; all are in dataset/dataset.json)"
        details.append(("Near-duplicates", Table(caption, ["kept", "dropped", "which"], rows, {1})))
    rows = [
        [name, group.name, count(group.frames), _names(group.structure_ids)]
        for name, split in card.splits.items()
        for group in split.groups[:_AUDIT_ROWS]
    ]
    caption = "Groups of related frames, which stay together"
    if any(len(split.groups) > _AUDIT_ROWS for split in card.splits.values()):
        caption += f" (the first {_AUDIT_ROWS} of each split; all are in dataset/dataset.json)"
    table = Table(caption, ["split", "group", "frames", "structures"], rows, {2})
    return [*details, ("Groups of each split", table)]


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
