"""Export a dataset for others: extended XYZ by split, a card that Hugging Face reads, checksums.

The layout is that of a dataset on the Hugging Face Hub, and properties are described as ColabFit
describes them (potential-energy, atomic-forces, cauchy-stress).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cuprolith.hashes import file_sha256
from cuprolith.staged_file import StagedFile
from training.dataset.card import CARD_NAME, QUARANTINE_FILE, DatasetCard, DatasetError, load_card
from training.dataset.check import verify_dataset
from training.dataset.splits import SplitName

PROPERTIES_FILE = "property_definitions.json"
CHECKSUMS_FILE = "SHA256SUMS"
README_FILE = "README.md"
UNKNOWN_LICENCE = "unknown"
# https://huggingface.co/docs/hub/datasets-cards
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
_TAGS = ("chemistry", "materials-science", "molecular-dynamics", "interatomic-potential", "mlip")
_HUB_SPLITS: Mapping[SplitName, str] = {"train": "train", "val": "validation", "test": "test"}
_NAMESPACE = "tag:staff@noreply.colabfit.org,2022-05-30:property"


@dataclass(frozen=True)
class Publication:
    """What only a person knows of a dataset.

    Attributes
    ----------
    name
        Title of the dataset.
    licence
        Its SPDX identifier, such as ``CC-BY-4.0``; "unknown" if none is stated.
    authors
        Names, in the order of the citation.
    doi
        Of the dataset or of its publication; "" if none.
    description
        What it is for and how it was made; "" if not stated.
    """

    name: str
    licence: str = UNKNOWN_LICENCE
    authors: tuple[str, ...] = ()
    doi: str = ""
    description: str = ""


@dataclass(frozen=True)
class Export:
    """What was exported, and what a reader of it will miss."""

    card: DatasetCard
    missing: tuple[str, ...]

    def __str__(self) -> str:
        """Say how many frames, and what is missing from the card."""
        splits = ", ".join(f"{part.frames} {name}" for name, part in self.card.splits.items())
        lines = [f"{self.card.frames.kept} frames ({splits})"]
        lines += [f"missing: {each}" for each in self.missing]
        return "\n  ".join(lines)


def export_dataset(dataset: Path, out: Path, publication: Publication) -> Export:
    """Copy a dataset into a folder that can be published as it is.

    The files of the splits stay beside ``dataset.json``, so that the folder is a dataset to train
    on, here and where it is downloaded.

    Parameters
    ----------
    dataset
        Folder with ``dataset.json``.
    out
        Folder to write; made if missing.
    publication
        Title, licence, authors and so on.

    Raises
    ------
    DatasetError
        If there is no dataset, or it was changed since it was made.
    OSError
        If the folder cannot be written.
    """
    card = load_card(dataset)
    if problems := verify_dataset(dataset):
        raise DatasetError(f"{dataset}: {problems[0]}: collect the dataset again")
    out.mkdir(parents=True, exist_ok=True)
    files = [part.file for part in card.splits.values()]
    for name in (*files, QUARANTINE_FILE, CARD_NAME):
        _copy(dataset / name, out / name)
    _write(out / PROPERTIES_FILE, json.dumps(property_definitions(card), indent=1) + "\n")
    _write(out / README_FILE, readme(card, publication))
    named = sorted([*files, QUARANTINE_FILE, CARD_NAME, PROPERTIES_FILE, README_FILE])
    _write(out / CHECKSUMS_FILE, "".join(f"{file_sha256(out / name)}  {name}\n" for name in named))
    return Export(card, _missing(publication))


def property_definitions(card: DatasetCard) -> dict[str, Any]:
    """Describe the labels as ColabFit's property definitions do, with their keys in the files."""
    methods = sorted({source.functional for source in card.sources if source.functional})

    def described(name: str, fields: dict[str, Any]) -> dict[str, Any]:
        return {
            "property-id": f"{_NAMESPACE}/{name}",
            "property-name": name,
            "methods": methods,
            **fields,
        }

    return {
        "potential-energy": described(
            "potential-energy",
            {
                "energy": {"field": "energy", "units": "eV"},
                "per-atom": {"value": False},
                "reference-energy": {"value": None},
            },
        ),
        "atomic-forces": described(
            "atomic-forces", {"forces": {"field": "forces", "units": "eV/angstrom"}}
        ),
        "cauchy-stress": described(
            "cauchy-stress",
            {
                "stress": {"field": "stress", "units": "eV/angstrom^3"},
                "volume-normalized": {"value": True},
                "sign": "positive is tension",
                "required": False,
            },
        ),
    }


def readme(card: DatasetCard, publication: Publication) -> str:
    """Return the dataset's card for people, with the front matter that the Hub reads."""
    title = publication.name
    front: dict[str, Any] = {
        "pretty_name": title,
        "license": publication.licence.lower(),
        "tags": [*_TAGS, *card.elements],
        "size_categories": [_size(card.frames.kept)],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": _HUB_SPLITS[split], "path": part.file}
                    for split, part in card.splits.items()
                ],
            }
        ],
    }
    sources = "; ".join(
        f"{source.frames} frames by {source.engine}"
        + (f", {source.functional}" if source.functional else "")
        for source in card.sources
    )
    lines = [
        "---",
        yaml.safe_dump(front, sort_keys=False, allow_unicode=True).rstrip(),
        "---",
        "",
        f"# {title}",
        "",
        publication.description or "No description is given.",
        "",
        "## Details",
        "",
        f"- **Authors**: {', '.join(publication.authors) or 'not stated'}",
        f"- **DOI**: {publication.doi or 'not stated'}",
        f"- **Licence**: {publication.licence}",
        f"- **Labels**: {sources}",
        f"- **Elements**: {', '.join(card.elements)}",
        f"- **Configurations**: {card.frames.kept}; atoms in all: "
        f"{sum(part.atoms for part in card.splits.values())}",
        "- **Families**: " + ", ".join(f"{family} ({n})" for family, n in card.families.items()),
        "",
        "| split | file | configurations | atoms | energy, eV/atom (mean) | force, eV/Å (RMS) |",
        "|---|---|---|---|---|---|",
        *(
            f"| {split} | `{part.file}` | {part.frames} | {part.atoms} | "
            f"{part.energy_per_atom.mean:.4f} | {part.force_norm.rms:.4f} |"
            for split, part in card.splits.items()
        ),
        "",
        "## Files",
        "",
        "Extended XYZ: `energy` in eV is that of the whole configuration, `forces` in eV/Å, "
        "`stress` in eV/Å³ (positive is tension), where there is one. Positions and `Lattice` are "
        "in Å. `ase.io.read(file, ':')` reads them.",
        "",
        f"- `{CARD_NAME}`: counts, rules, groups of the split, hashes",
        f"- `{QUARANTINE_FILE}`: configurations that were set aside, with the reason; not data",
        f"- `{PROPERTIES_FILE}`: the properties as ColabFit defines them",
        f"- `{CHECKSUMS_FILE}`: `sha256sum -c {CHECKSUMS_FILE}` checks all files",
        "",
        "## How it was made",
        "",
        *(f"- **{name}**: {rule}" for name, rule in card.rules.items()),
        *(f"- **Units of {name}**: {text}." for name, text in card.label_checks.items()),
        *(f"- **Warning**: {warning}." for warning in card.warnings),
        "",
        "## Citation",
        "",
        _citation(publication),
        "",
    ]
    return "\n".join(lines)


def _citation(publication: Publication) -> str:
    if not (publication.authors or publication.doi):
        return "Not stated."
    fields = {
        "title": publication.name,
        "author": " and ".join(publication.authors),
        "doi": publication.doi,
    }
    given = [f"  {key} = {{{value}}}" for key, value in fields.items() if value]
    key = "".join(letter for letter in publication.name.lower() if letter.isalnum()) or "dataset"
    return "```bibtex\n@misc{" + key + ",\n" + ",\n".join(given) + "\n}\n```"


def _missing(publication: Publication) -> tuple[str, ...]:
    """Say what a reader needs and nobody has stated."""
    missing = []
    if publication.licence == UNKNOWN_LICENCE:
        missing.append("the licence (--licence CC-BY-4.0): without one nobody may use the data")
    if not publication.authors:
        missing.append("the authors (--authors)")
    if not publication.doi:
        missing.append("a DOI to cite (--doi)")
    if not publication.description:
        missing.append("what the dataset is for and how it was made (--description)")
    return tuple(missing)


def _size(frames: int) -> str:
    return next((name for limit, name in _SIZES if frames < limit), "n>10M")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as stream, StagedFile(target) as file:
        while chunk := stream.read(1 << 20):
            file.write(chunk)
        file.commit()


def _write(path: Path, text: str) -> None:
    with StagedFile(path) as file:
        file.write(text.encode())
        file.commit()
