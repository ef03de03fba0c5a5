"""Pictures of the analysis of a circuit, as PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pennylane as qml
import pyzx
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from analysis.circuits.expressibility import N_BINS, fidelity_shares, haar_shares
from analysis.circuits.fisher import LABELS
from analysis.circuits.zx import Reduction
from analysis.report.figures import ACCENT, INK, MUTED, PALETTE
from training.quantum.circuit import Circuit
from training.quantum.pennylane_circuit import pennylane_qnode

_NAMES = {"quantum": "quantum Fisher information", **LABELS}
_RESOLUTION = 130
_BINS = 20


def circuit_png(circuit: Circuit) -> bytes:
    """Draw the circuit as PennyLane does."""
    x, weights = torch.zeros(circuit.n_features), torch.zeros(circuit.n_weights)
    figure, _ = qml.draw_mpl(pennylane_qnode(circuit), decimals=None, style="black_white")(
        x, weights
    )
    return _png(figure, resolution=70)


def zx_png(reduction: Reduction) -> bytes:
    """Draw the ZX diagram before and after reduction, one above the other."""
    pictures = [
        _drawn(_spread(graph)) for graph in (reduction.before.copy(), reduction.after.copy())
    ]
    heights = [picture.shape[0] / picture.shape[1] for picture in pictures]
    figure = Figure(figsize=(13, 13 * sum(heights) + 0.8), layout="constrained")
    counts = (reduction.phases_before, reduction.phases_after)
    for axes, picture, words, count in zip(
        figure.subplots(2, 1, height_ratios=heights), pictures, ("Before", "After"), counts,
        strict=True,
    ):  # fmt: skip
        axes.imshow(picture, interpolation="lanczos")
        axes.set_title(f"{words} full_reduce: {count} non-Clifford phases", loc="left", fontsize=11)
        axes.axis("off")
    return _png(figure)


def _drawn(graph: Any) -> np.ndarray:
    """Draw a graph with pyzx, cut to its content, as an array of colours."""
    figure = pyzx.draw_matplotlib(graph, figsize=(15, 5))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="raw", dpi=_RESOLUTION)
    width, height = figure.canvas.get_width_height()
    scale = _RESOLUTION / figure.dpi
    shape = (round(height * scale), round(width * scale), 4)
    colours = np.frombuffer(buffer.getvalue(), dtype=np.uint8).reshape(shape)
    inked = np.any(colours[..., :3] < 250, axis=-1)
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    return colours[rows[0] - 8 : rows[-1] + 8, columns[0] - 8 : columns[-1] + 8]


def _spread(graph: Any) -> Any:
    """Move phase gadgets that lie upon each other apart."""
    gadgets: dict[float, list[int]] = {}
    for vertex in graph.vertices():
        if graph.qubit(vertex) < 0:
            gadgets.setdefault(graph.qubit(vertex), []).append(vertex)
    hubs = sorted(gadgets.get(-1, []), key=graph.row)
    first, last = (limit(map(graph.row, graph.vertices())) for limit in (min, max))
    for place, hub in enumerate(hubs):
        row = first + (last - first) * (place + 0.5) / len(hubs)
        graph.set_row(hub, row)
        for leaf in graph.neighbors(hub):
            if graph.qubit(leaf) == -2:
                graph.set_row(leaf, row)
                graph.set_qubit(leaf, -2)
    return graph


def fisher_png(matrices: Mapping[str, Tensor], ranks: Mapping[str, Sequence[int]]) -> bytes:
    """Draw spectra and mean matrices of all labels, and ranks by layers.

    Parameters
    ----------
    matrices
        By label, shape (n_draws, n_weights, n_weights).
    ranks
        By label and number of inputs; as `record.fisher_part` gives them.
    """
    figure = Figure(figsize=(15, 8.6), layout="constrained")
    grid = figure.subplot_mosaic([["0", "1", "2", "3", "r"], ["m0", "m1", "m2", "m3", "r"]],
                                 width_ratios=[1, 1, 1, 1, 1.35])  # fmt: skip
    for place, (label, found) in enumerate(matrices.items()):
        eigenvalues = torch.linalg.eigvalsh(found).clamp_min(0).flatten().numpy()
        axes = grid[str(place)]
        shares = np.full(len(eigenvalues), 1 / len(eigenvalues))
        axes.hist(eigenvalues, bins=_BINS, range=(0, eigenvalues.max()), weights=shares,
                  color=PALETTE[place])  # fmt: skip
        axes.set(title=_NAMES[label], xlabel="eigenvalue", ylim=(0, 1))
        mean = found.mean(0).numpy()
        image = grid[f"m{place}"].imshow(
            mean, cmap="RdBu_r", vmin=-abs(mean).max(), vmax=abs(mean).max()
        )
        figure.colorbar(image, ax=grid[f"m{place}"], shrink=0.7)
        grid[f"m{place}"].set(title="mean matrix", xlabel="weight", ylabel="weight")
    grid["0"].set_ylabel(f"share of eigenvalues ({_BINS} bins)")
    _draw_ranks(grid["r"], ranks)
    return _png(figure)


def _draw_ranks(axes: Axes, ranks: Mapping[str, Sequence[int]]) -> None:
    shown = {
        "n_weights": ("weights", ":", ""),
        "quantum, one_input": ("quantum, one input", "-", "o"),
        "quantum, many_inputs": ("quantum, many inputs", "--", "o"),
        "all, one_input": ("all outcomes, one input", "-", "s"),
        "all, many_inputs": ("all outcomes, many inputs", "--", "s"),
        "parity, 30_inputs": ("parity, 30 inputs", "-", "^"),
        "parity, many_inputs": ("parity, many inputs", "--", "^"),
    }
    colours = {"n_weights": INK, "quantum": PALETTE[0], "all": PALETTE[1], "parity": PALETTE[2]}
    for key, (name, line, marker) in shown.items():
        layers = range(1, len(ranks[key]) + 1)
        colour = colours[key.split(",")[0]]
        axes.plot(layers, ranks[key], line, marker=marker, label=name, ms=6, color=colour)
    axes.set(
        title="rank of the Fisher matrix", xlabel="times the layers of the circuit", ylim=(0, None)
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=9)


def fourier_png(coefficients: Tensor, circuit: Circuit) -> bytes:
    """Draw all coefficients of each output in the complex plane, one point per draw.

    Parameters
    ----------
    coefficients
        Shape (n_draws, n_outputs, …), as `fourier.fourier_coefficients` gives them.
    """
    n_outputs = coefficients.shape[1]
    figure = Figure(figsize=(3.6 * n_outputs + 1, 4), layout="constrained")
    order = _orders(coefficients.shape[2:])
    largest = float(coefficients.flatten(2)[:, :, 1:].abs().max()) if order.max() else 1.0
    points = None
    for output, axes in enumerate(figure.subplots(1, n_outputs, squeeze=False)[0]):
        flat = coefficients[:, output].flatten(1)
        points = axes.scatter(flat.real, flat.imag, s=3, c=np.tile(order, len(flat)), alpha=0.5,
                              cmap="viridis_r", vmin=0, vmax=max(1, order.max()), lw=0)  # fmt: skip
        observable = circuit.observables[output]
        axes.set(title=f"⟨{observable}⟩", xlabel="Re c",
                 xlim=(-largest, largest), ylim=(-largest, largest), aspect="equal")  # fmt: skip
        axes.grid(alpha=0.25)
    figure.axes[0].set_ylabel("Im c")
    if points is not None:
        bar = figure.colorbar(points, ax=figure.axes, shrink=0.8, label="Σ |ω|")
        bar.locator = MaxNLocator(integer=True)
        bar.update_ticks()
    return _png(figure)


def _orders(shape: Sequence[int]) -> np.ndarray:
    """Σ|ω| of every frequency vector, in the order of the flattened coefficients."""
    axes = [np.abs(np.fft.fftfreq(n, 1 / n)) for n in shape]
    grid = np.meshgrid(*axes, indexing="ij") if axes else [np.zeros(1)]
    return sum(grid, start=np.zeros_like(grid[0])).ravel()


def plateau_png(scan: Sequence[Mapping[str, Any]]) -> bytes:
    """Draw the variance of gradients against the number of qubits, a line per depth.

    Parameters
    ----------
    scan
        ``qubits``, ``depth`` and ``variance`` of each circuit.
    """
    figure = Figure(figsize=(5.4, 4), layout="constrained")
    axes = figure.subplots()
    for place, depth in enumerate(sorted({row["depth"] for row in scan})):
        rows = [row for row in scan if row["depth"] == depth]
        axes.plot([row["qubits"] for row in rows], [row["variance"] for row in rows], "o-",
                  color=PALETTE[place % len(PALETTE)], label=f"depth {depth}")  # fmt: skip
    qubits = np.array(sorted({row["qubits"] for row in scan}))
    start = max(row["variance"] for row in scan if row["qubits"] == qubits[0])
    axes.plot(qubits, start * 2.0 ** (qubits[0] - qubits), ":", color=MUTED, label="∝ 2⁻ⁿ")
    axes.set(yscale="log", xlabel="qubits", ylabel="Var ∂⟨O₀⟩/∂θ, mean over weights")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return _png(figure)


def expressibility_png(found: Tensor, entanglement: Tensor, n_qubits: int) -> bytes:
    """Draw the fidelities of random pairs beside those of random states, and entanglement.

    Parameters
    ----------
    found
        Fidelities, shape (n_pairs,).
    entanglement
        Meyer and Wallach's Q, shape (n_samples,).
    """
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    edges = np.linspace(0, 1, N_BINS + 1)
    left.stairs(fidelity_shares(found).numpy(), edges, fill=True, color=ACCENT, alpha=0.5,
                label="circuit")  # fmt: skip
    left.stairs(haar_shares(n_qubits).numpy(), edges, color="k", label="random states")
    left.set(yscale="log", ylim=(1e-5, 1), xlabel="fidelity of two states", ylabel="share of pairs")
    left.legend(frameon=False)
    right.hist(entanglement.numpy(), bins=50, range=(0, 1), color=ACCENT, alpha=0.6)
    right.set(xlabel="entanglement Q of a state (0: product, 1: maximal)", ylabel="states")
    return _png(figure)


def _png(figure: Figure, resolution: int = _RESOLUTION) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=resolution)
    return buffer.getvalue()
