"""The numbers of Laskaris 2026, supplement A, beside ours, and what it takes to get them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.report.content import number

SOURCE = "Laskaris 2026, supplement A, Figures 3 and 4"
HEADER = ("what", "the paper", "ours", "what it takes")


def comparison(record: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return a row per number of the paper, as `HEADER` says.

    Parameters
    ----------
    record
        Of one circuit, as in ``circuits.json``; parts that were left out have no row.
    """
    rows: list[tuple[str, str, str, str]] = []
    for part, make in (("zx", _zx), ("fisher", _fisher), ("fourier", _fourier)):
        if "left_out" not in record[part]:
            rows += make(record)
    return rows


def _zx(record: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    found, weights = record["zx"], record["circuit"]["n_weights"]
    removed = [len(output["weights_removed"]) for output in found["outputs"]]
    return [
        (
            "phases of weights that ZX-calculus keeps",
            "24 of 24",
            f"{found['weight_phases_after']} of {weights}; from |0…0⟩ "
            f"{found['weight_phases_after_on_zero_state']}",
            "pyzx.full_reduce of the unitary, every weight a phase of its own. It does not look at "
            "what is measured.",
        ),
        (
            "weights that are left in ⟨0|U†OU|0⟩",
            "not given",
            ", ".join(
                f"{weights - count} ({output['observable']})"
                for count, output in zip(removed, found["outputs"], strict=True)
            ),
            "The same reduction with the observable: what does not reach it cancels.",
        ),
    ]


def _fisher(record: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    labels, ranks = record["fisher"]["labels"], record["fisher"]["rank_by_depth"]
    ceiling = ranks["ceiling_of_a_state"][0]
    return [
        (
            "eigenvalues of the Fisher matrix near zero",
            "78 %",
            "; ".join(
                f"{words}: {_range(_shares(labels[label]))}"
                for label, words in (
                    ("all", "all outcomes"),
                    ("parity", "parity"),
                    ("qubit", "one qubit"),
                )
            ),
            "First bin of a histogram from 0 to the largest eigenvalue, 5 to 50 bins, 10 or more "
            "inputs. The share depends on the label and the bins, which the paper does not give; "
            f"78 % is within reach of: {_within_reach(labels)}.",
        ),
        (
            "rank of the Fisher matrix by layers",
            "reaches a plateau",
            f"quantum, one input: {_list(ranks['quantum, one_input'])}; parity, 30 inputs: "
            f"{_list(ranks['parity, 30_inputs'])}; many inputs: all outcomes "
            f"{_list(ranks['all, many_inputs'])}, parity {_list(ranks['parity, many_inputs'])}",
            f"A plateau needs few inputs. One state has {ceiling} = 2·2ⁿ − 2 real numbers, so no "
            "circuit has a larger rank at one input; a label of two values adds 1 per input, so 30 "
            "inputs give at most 30. Many inputs show what all layers add.",
        ),
    ]


def _fourier(record: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    found = record["fourier"]
    near = found["above"]["0.001"]
    return [
        (
            "Fourier terms",
            "161",
            str(found["terms"]),
            f"Real and imaginary parts of {found['frequencies']} coefficients per output; that of "
            "frequency 0 is real. Half of the others repeat as complex conjugates.",
        ),
        (
            "Fourier terms that are not zero",
            "127",
            f"{_list(found['nonzero'])} by output; above 1e-3 in one draw: "
            f"{number(near['mean'])} ± {number(near['standard_deviation'], 2)}",
            f"127 is {'an' if 127 in found['nonzero'] else 'no'} exact count here. Above 1e-3, "
            f"{number(100 * near['share_of_draws_with_127'], 2)} % of draws of weights "
            "have exactly 127.",
        ),
    ]


def _within_reach(labels: Mapping[str, Any]) -> str:
    """Name the labels for which some bins give less than 78 %, and others more."""
    names = {"all": "all outcomes", "parity": "parity", "qubit": "one qubit"}
    found = [
        name
        for label, name in names.items()
        if min(_shares(labels[label])) <= 0.78 <= max(_shares(labels[label]))
    ]
    return ", ".join(found) or "none of them"


def _shares(label: Mapping[str, Any]) -> list[float]:
    return [share for by_inputs in label["near_zero"].values() for share in by_inputs.values()]


def _range(shares: Sequence[float]) -> str:
    return f"{100 * min(shares):.0f}–{100 * max(shares):.0f} %"


def _list(values: Sequence[Any]) -> str:
    return ", ".join(str(value) for value in values)
