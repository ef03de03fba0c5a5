"""Draw the layers of slabs: ``python docs/figures/layers.py`` writes layers.png."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from generators.crystals import prototype_structure, standard_crystal
from generators.settings import CrystalSettings, MillerIndex
from generators.slab import Slab, slab_terminations

FREE, FIXED, LINE = "#e08a2e", "#d3d9e0", "#333333"
COPPER = CrystalSettings(prototype="fcc", species=("Cu",), a=3.58)
MAGNESIUM = CrystalSettings(prototype="hcp", species=("Mg",), a=3.20, c=5.16)
# title, crystal, plane, width in Å (a little more than one step for (332))
PANELS: tuple[tuple[str, CrystalSettings, MillerIndex, float], ...] = (
    ("Cu (111)", COPPER, (1, 1, 1), 8.5),
    ("Cu (110)", COPPER, (1, 1, 0), 8.5),
    ("Cu (332)", COPPER, (3, 3, 2), 13.5),
    ("Mg (10$\\bar{1}$0)", MAGNESIUM, (1, 0, 0), 8.5),
)
THICKNESS = 13.5  # Å
RADIUS = 0.85  # Å
MARGIN = 8.8  # Å, between the atoms of two panels


def main() -> None:
    """Write the figure."""
    mpl.rcParams.update({"font.size": 10, "mathtext.default": "regular"})
    figure, ax = plt.subplots(figsize=(9, 3.5))
    left = 0.0
    for title, settings, index, width in PANELS:
        crystal = standard_crystal(title, prototype_structure(title, settings))
        slab = slab_terminations(crystal, index, min_thickness=THICKNESS, vacuum=5)[0]
        draw(ax, slab, title, left, width)
        left += width + MARGIN
    marks = {"ls": "", "marker": "o", "ms": 10, "mec": LINE}
    handles = [
        Line2D([], [], mfc=FREE, label="free: first and last two layers", **marks),
        Line2D([], [], mfc=FIXED, label="fixed", **marks),
        Line2D([], [], color=LINE, ls="--", lw=1, label="between two layers"),
    ]
    figure.legend(handles=handles, loc="lower center", ncols=3, frameon=False)
    ax.set(xlim=(-2.5, left - 1.5), ylim=(-16.4, 4.4), aspect="equal")
    ax.set_axis_off()
    figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.1)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=200, facecolor="white")


def draw(ax: Axes, slab: Slab, title: str, left: float, width: float) -> None:
    """Draw one slab, seen along its shortest in-plane vector, with its top face at 0."""
    y, z, free = rows_of_atoms(slab, width)
    for centre, is_free in zip(zip(y + left, z, strict=True), free, strict=True):
        ax.add_patch(plt.Circle(centre, RADIUS, fc=FREE if is_free else FIXED, ec=LINE, lw=0.7))
    heights = slab.heights - slab.thickness
    ends = [left - RADIUS - 0.2, left + width + RADIUS + 0.2]
    for layers in (slab.layers_from_top, slab.layers_from_bottom):
        for layer in range(slab.free_layers):
            this, following = heights[layers == layer], heights[layers == layer + 1]
            # seen from this face, the next layer starts on the other side of the border
            if this.mean() > following.mean():
                border = (this.min() + following.max()) / 2
            else:
                border = (this.max() + following.min()) / 2
            ax.plot(ends, [border] * 2, ls="--", lw=1, color=LINE, zorder=3)
            ax.text(ends[0] - 0.3, this.mean(), f"{layer + 1}", ha="right", va="center")
    mark_depth(ax, ends[1] + 0.8, slab.layer_depth)
    planes = len(np.unique(slab.plane_numbers[slab.layers_from_top == 0]))
    text = f"{title}\n{planes} plane{'s' if planes > 1 else ''} per layer"
    ax.text(left + width / 2, 1.4, text, ha="center", va="bottom", linespacing=1.4)


def rows_of_atoms(slab: Slab, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return position, height and free mask of each row of atoms within a width."""
    step = slab.structure.lattice.matrix[1, 1]
    repeats = np.arange(-int(width / step) - 2, int(width / step) + 3)[:, None] * step
    y = slab.structure.cart_coords[:, 1] + repeats
    shown = (y >= -1e-6) & (y <= width + 1e-6)
    z = np.broadcast_to(slab.heights - slab.thickness, y.shape)
    return y[shown], z[shown], np.broadcast_to(slab.free_mask, y.shape)[shown]


def mark_depth(ax: Axes, x: float, depth: float) -> None:
    """Mark the layer depth below the outermost plane of the top face."""
    arrow = {"arrowstyle": "<->", "lw": 1, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    ax.annotate("", (x, 0), (x, -depth), arrowprops=arrow)
    for level in (0, -depth):
        ax.plot([x - 0.5, x + 0.5], [level] * 2, lw=0.8, color="black")
    ax.text(x + 0.7, -depth / 2, f"$\\mathit{{l}}$ =\n{depth:.2f} Å", va="center", fontsize=9)


if __name__ == "__main__":
    main()
