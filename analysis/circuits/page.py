"""``circuits.html``: all circuits side by side, then each with its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.circuits.fisher import LABELS
from analysis.circuits.published import HEADER, SOURCE, comparison
from analysis.report.content import Image, Section, Table, duration, number, plural, span
from analysis.report.page import Stage, Verdict, page_html
from cuprolith.json_files import write_atomically

TITLE = "What a circuit is worth"
HTML_FILE = "circuits.html"
_CAPTIONS = {
    "circuit.png": "The circuit. Rotations without a number are by weights or features.",
    "zx.png": "ZX diagram of the unitary before and after reduction. Green and red dots are "
    "spiders; a label is a phase that depends on a weight θ or a feature x.",
    "fisher.png": "Eigenvalues of Fisher matrices of random weights, mean matrices, and the rank "
    "with more layers.",
    "fourier.png": "Fourier coefficients of random weights, by output; a point per coefficient and "
    "draw, coloured by the sum of its frequencies.",
    "plateau.png": "Variance of gradients with other numbers of qubits and layers, one feature per "
    "qubit.",
    "expressibility.png": "Fidelities of pairs of random weights, and entanglement of the states.",
}
_PARTS = {
    "zx": "Redundancy: ZX-calculus",
    "fisher": "Trainability: Fisher information",
    "fourier": "Expressivity: Fourier terms",
    "gradients": "Gradients",
    "states": "Entanglement and expressibility",
}


def write_page(records: Sequence[Mapping[str, Any]], folder: Path, command: str) -> Path:
    """Write the page of some circuits; pictures are read from their folders.

    Parameters
    ----------
    records
        One per circuit, as in ``circuits.json``.
    folder
        Where ``circuits.html`` is written, atomically.
    command
        What was called.

    Raises
    ------
    OSError
        If a picture is missing or the page cannot be written.
    """
    page = page_html(
        title=TITLE,
        lead="Redundancy, trainability and expressivity of parametrised quantum circuits.",
        verdict=_verdict(records),
        stages=[_stage(record) for record in records],
        sections=[
            Section("table", "Side by side", notes=_NOTES, tables=[summary_table(records)]),
            *(_section(record, folder) for record in records),
            Section("command", "Command", details=[("This page", command)]),
        ],
    )
    write_atomically(folder / HTML_FILE, [page])
    return folder / HTML_FILE


_NOTES = [
    "Weights are uniform over the circle, features normal with unit variance. All derivatives are "
    "exact; the seeds are in circuits.json.",
    "No effect: number of weights that never change an output, as a range over outputs.",
    "Rank: of the quantum Fisher matrix at one input, with 1, 2, … times the layers.",
    "Fourier terms: real and imaginary parts of coefficients that are not always 0, of all that "
    "the encoding allows.",
    "Q: entanglement of Meyer and Wallach, 0 to 1. KL: divergence from random states, 0 is best; "
    "limited by the number of pairs.",
]


def summary_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """Return one row per circuit."""
    header = ["circuit", "qubits, features, weights", "ZX phases", "no effect", "rank by layers"]
    header += ["Fourier terms", "above 1e-3", "Var ∂⟨O₀⟩", "Q", "KL"]
    rows = [_row(record) for record in records]
    return Table("All circuits", header, rows, range(1, len(header)))


def _row(record: Mapping[str, Any]) -> list[str]:
    sizes, zx, fourier = record["circuit"], record["zx"], record["fourier"]
    fisher, gradients, states = record["fisher"], record["gradients"], record["states"]
    ranks = fisher.get("rank_by_depth", {}).get("quantum, one_input")
    near = fourier.get("above", {}).get("0.001")
    return [
        record["name"],
        _numbers([sizes[key] for key in ("n_qubits", "n_features", "n_weights")]),
        "–" if "left_out" in zx else f"{zx['phases_before']} → {zx['phases_after']}",
        span(len(weights) for weights in gradients["weights_without_effect"]),
        _numbers(ranks) if ranks else "–",
        f"{span(fourier['nonzero'])} of {fourier['terms']}" if near else "–",
        f"{number(near['mean'])} ± {number(near['standard_deviation'], 2)}" if near else "–",
        number(gradients["variance"], 2),
        number(states["entangling_capability"]),
        number(states["expressibility"], 2),
    ]


def _verdict(records: Sequence[Mapping[str, Any]]) -> Verdict:
    sentences = [_sentence(record) for record in records]
    return Verdict(
        "good",
        f"{plural(len(records), 'circuit')} analysed",
        sentences[-1],
        more=tuple(sentences[:-1]),
    )


def _sentence(record: Mapping[str, Any]) -> str:
    zx, weights = record["zx"], record["circuit"]["n_weights"]
    without = [len(each) for each in record["gradients"]["weights_without_effect"]]
    kept = (
        "ZX-calculus was left out"
        if "left_out" in zx
        else f"ZX-calculus keeps {zx['weight_phases_after_on_zero_state']} phases of "
        f"{plural(weights, 'weight')}"
    )
    return (
        f"{record['name']}: {kept}, and {span(without)} of the weights have no effect on an output."
    )


def _stage(record: Mapping[str, Any]) -> Stage:
    sizes = record["circuit"]
    fact = ", ".join(plural(sizes[f"n_{word}s"], word) for word in ("qubit", "feature", "weight"))
    return Stage(record["name"], True, fact, duration(record["seconds"]))


def _section(record: Mapping[str, Any], folder: Path) -> Section:
    name = record["name"]
    section = Section(f"circuit-{name}", name, lead=record["description"])
    section.images = _images(record, folder, "circuit")
    caption = f"{SOURCE}, beside this circuit"
    if record["qdi"]:
        section.tables = [Table(caption, HEADER, comparison(record))]
    tables = {
        "zx": _zx_tables,
        "fisher": _fisher_tables,
        "fourier": _fourier_tables,
        "gradients": _gradient_tables,
        "states": _state_tables,
    }
    for part, title in _PARTS.items():
        subsection = Section(f"{part}-{name}", title)
        if "left_out" in record[part]:
            subsection.notes = [f"Left out: {record[part]['left_out']}."]
        else:
            subsection.images = _images(record, folder, part)
            subsection.tables = tables[part](record)
        section.subsections.append(subsection)
    return section


def _images(record: Mapping[str, Any], folder: Path, part: str) -> list[Image]:
    return [
        Image(_CAPTIONS[file], (folder / record["name"] / file).read_bytes())
        for file in record["pictures"][part]
    ]


def _zx_tables(record: Mapping[str, Any]) -> list[Table]:
    found = record["zx"]
    rows = [
        ["unitary", str(found["phases_before"]), str(found["phases_after"]), "–"],
        ["on |0…0⟩", str(found["phases_before"]), str(found["phases_after_on_zero_state"]), "–"],
    ]
    rows += [
        [
            f"⟨0|U†·{output['observable']}·U|0⟩",
            str(output["phases_before"]),
            str(output["phases_after"]),
            _numbers(output["weights_removed"]) or "none",
        ]
        for output in found["outputs"]
    ]
    header = ("diagram", "phases before", "phases after", "weights removed")
    return [Table("Non-Clifford phases, features included", header, rows, (1, 2))]


def _fisher_tables(record: Mapping[str, Any]) -> list[Table]:
    names = {"quantum": "quantum", **LABELS}
    labels = record["fisher"]["labels"]
    bins = list(labels["quantum"]["near_zero"])
    inputs = list(labels["quantum"]["near_zero"][bins[0]])
    shares = [
        [f"{names[label]}, {count} inputs"]
        + [f"{100 * found['near_zero'][n_bins][count]:.0f} %" for n_bins in bins]
        for label, found in labels.items()
        for count in inputs
    ]
    dimensions = [
        [
            names[label],
            number(found["mean_rank"]),
            number(found["largest_eigenvalue"]),
            f"{100 * found['diagonal_share']:.0f} %",
            *(number(value) for value in found.get("effective_dimension", {}).values()),
        ]
        for label, found in labels.items()
        if label != "quantum"
    ]
    sizes = list(labels["all"]["effective_dimension"])
    ranks = record["fisher"]["rank_by_depth"]
    layers = [f"{times} ×" for times in range(1, 1 + len(ranks["n_weights"]))]
    rows = [
        [key.replace("_", " "), *(str(value) for value in values)] for key, values in ranks.items()
    ]
    header = ["label", "mean rank", "largest eigenvalue", "on the diagonal"]
    header += [f"n = {float(size):.0e}".replace("e+0", "e") for size in sizes]
    return [
        Table(
            "Share of eigenvalues in the first bin of a histogram, by number of bins",
            ["label", *bins],
            shares,
            range(1, len(bins) + 1),
        ),
        Table(
            "Rank, and effective dimension for n data (Abbas 2021)",
            header,
            dimensions,
            range(1, len(header)),
        ),
        Table("Rank by layers", ["Fisher matrix", *layers], rows, range(1, len(layers) + 1)),
    ]


def _fourier_tables(record: Mapping[str, Any]) -> list[Table]:
    found = record["fourier"]
    outputs = record["circuit"]["observables"]
    rows = [
        ["frequencies present", *(str(value) for value in found["frequencies_present"])],
        ["real and imaginary parts not always 0", *(str(value) for value in found["nonzero"])],
    ]
    above = [
        [
            threshold,
            f"{number(each['mean'])} ± {number(each['standard_deviation'], 2)}",
            f"{each['smallest']}–{each['largest']}",
        ]
        for threshold, each in found["above"].items()
    ]
    return [
        Table(
            f"Of {found['frequencies']} frequencies and {found['terms']} parts, by output",
            ["", *(f"⟨{output}⟩" for output in outputs)],
            rows,
            range(1, len(outputs) + 1),
        ),
        Table(
            "Parts of one draw above a threshold, all outputs",
            ("threshold", "mean ± standard deviation", "range"),
            above,
            (1, 2),
        ),
    ]


def _gradient_tables(record: Mapping[str, Any]) -> list[Table]:
    found = record["gradients"]
    rows = [
        [f"⟨{output}⟩", _numbers(weights) or "none"]
        for output, weights in zip(
            record["circuit"]["observables"], found["weights_without_effect"], strict=True
        )
    ]
    rows.append(["all of them", _numbers(found["weights_without_any_effect"]) or "none"])
    return [Table("Weights without effect", ("on", "weights"), rows)]


def _state_tables(record: Mapping[str, Any]) -> list[Table]:
    found = record["states"]
    rows = [
        [
            "entangling capability (mean Q)",
            number(found["entangling_capability"]),
            number(found["entangling_capability_of_random_states"]),
        ],
        [f"expressibility (KL, {found['expressibility_bins']} bins)",
         number(found["expressibility"]), "0"],
    ]  # fmt: skip
    return [Table("Random states of the circuit", ("", "circuit", "random states"), rows, (1, 2))]


def _numbers(values: Sequence[int]) -> str:
    return ", ".join(str(value) for value in values)
