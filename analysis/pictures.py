"""Pictures of structures as small SVGs: from above and from the side, fixed atoms dimmed.

Spheres are drawn once per page (`sphere_definitions`) and referred to by every picture, so a
picture costs about 30 bytes per visible atom. Periodic images fill the frame, and the cell is
outlined. Vacuum is not drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from itertools import combinations, product
from typing import Literal

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from ase.data import chemical_symbols, covalent_radii
from ase.data.colors import jmol_colors
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cuprolith.arrays import FloatArray

View = Literal["top", "side"]

_RADIUS_SCALE = 0.92  # of the covalent radius: neighbours in a metal just touch
_SMALLEST_EXTENT = 9.0  # Å; smaller cells are shown with their periodic images
_WIDEST_GAP = 6.0  # Å, as for k-points; a wider gap along the third axis is vacuum and is left out
_MARGIN = 0.4  # Å around the slab
_LAYER_STEP = 1.2  # Å; from above, what lies deeper than this is shaded once more

_CORNERS = list(product((0, 1), repeat=3))
_EDGES = [[i, j] for i, j in combinations(range(8), 2) if (i ^ j).bit_count() == 1]


def free_atoms(atoms: Atoms) -> NDArray[np.bool_]:
    """Return which atoms no FixAtoms constraint fixes, shape (n,)."""
    free = np.ones(len(atoms), dtype=bool)
    for constraint in atoms.constraints:
        if isinstance(constraint, FixAtoms):
            free[constraint.index] = False
    return free


def structure_svg(atoms: Atoms, view: View, *, label: str) -> str:
    """Draw a structure as an SVG element for a page that holds `sphere_definitions`.

    Parameters
    ----------
    atoms
        Structure with its surface normal along z; FixAtoms constraints say which atoms are fixed.
    view
        "top": along −z, x to the right; "side": along +y, x to the right and z up.
    label
        What the picture shows, for readers who cannot see it.

    Returns
    -------
    One ``<svg>`` element with lengths in Å and its size in the `style` properties
    ``--width`` and ``--height`` (Å), so that a style sheet can give all pictures one scale.
    """
    horizontal, vertical, depth = (0, 1, 2) if view == "top" else (0, 2, 1)
    box = _drawn_box(atoms, depth)
    toward_viewer = 1.0 if view == "top" else -1.0
    flat = box.positions[:, [horizontal, vertical]]
    order = np.argsort(toward_viewer * box.positions[:, depth], kind="stable")
    order = _without_hidden(flat, covalent_radii[box.numbers], order)
    low, high = box.low[[horizontal, vertical]], box.high[[horizontal, vertical]]
    width, height = high - low
    spheres = []
    shaded = box.positions[order[0], 2]
    for i in order:
        if view == "top" and box.positions[i, 2] - shaded > _LAYER_STEP:
            shaded = box.positions[i, 2]
            spheres.append('<rect class="shade" width="100%" height="100%"/>')
        spheres.append(
            f'<use href="#{_sphere_id(int(box.numbers[i]), bool(box.free[i]))}" '
            f'x="{_short(flat[i, 0] - low[0])}" y="{_short(high[1] - flat[i, 1])}"/>'
        )
    outline = _outline(box.cell_edges[:, :, [horizontal, vertical]], low, high)
    return (
        f'<svg class="structure" role="img" viewBox="0 0 {_short(width)} {_short(height)}" '
        f'style="--width:{_short(width)};--height:{_short(height)}">'
        f"<title>{escape(label)}</title>{''.join(spheres)}{outline}</svg>"
    )


def sphere_definitions(numbers: Iterable[int]) -> str:
    """Return a hidden ``<svg>`` that defines free and fixed spheres of the given elements.

    Colours and radii are the usual ones (Jmol, covalent). Fixed atoms keep a third of their
    colour.
    """
    parts = []
    for number in sorted({int(z) for z in numbers}):
        colour = np.asarray(jmol_colors[number])
        for free in (True, False):
            body = colour if free else 0.34 * colour + 0.66 * np.array([0.93, 0.93, 0.94])
            name = _sphere_id(number, free)
            parts.append(
                f'<radialGradient id="{name}-shade" cx=".36" cy=".32" r=".75">'
                f'<stop offset="0" stop-color="{_hex(0.45 * body + 0.55)}"/>'
                f'<stop offset=".55" stop-color="{_hex(body)}"/>'
                f'<stop offset="1" stop-color="{_hex(body * (0.62 if free else 0.88))}"/>'
                "</radialGradient>"
                f'<circle id="{name}" r="{_short(_RADIUS_SCALE * covalent_radii[number])}" '
                f'fill="url(#{name}-shade)" stroke="{_hex(body * (0.45 if free else 0.75))}" '
                'stroke-width=".05"/>'
            )
    return f'<svg class="definitions" aria-hidden="true"><defs>{"".join(parts)}</defs></svg>'


def legend_svg(number: int, *, free: bool) -> str:
    """Return one sphere as a small ``<svg>``, for a legend."""
    state = "free" if free else "fixed"
    return (
        '<svg class="sphere" role="img" viewBox="-1.6 -1.6 3.2 3.2">'
        f"<title>{chemical_symbols[number]}, {state}</title>"
        f'<use href="#{_sphere_id(number, free)}"/></svg>'
    )


@dataclass(frozen=True)
class _Box:
    """Atoms, images included, in an upright box; `cell_edges` has shape (12, 2, 3)."""

    positions: FloatArray
    numbers: NDArray[np.int64]
    free: NDArray[np.bool_]
    low: FloatArray
    high: FloatArray
    cell_edges: FloatArray


def _drawn_box(atoms: Atoms, depth: int) -> _Box:
    """Fill the box around the cell with atoms; `depth` is the axis that is looked along."""
    cell = np.asarray(atoms.cell.complete(), dtype=float)
    positions, has_vacuum = _wrapped(atoms, cell)
    radii = _RADIUS_SCALE * covalent_radii[atoms.numbers]
    corners = np.array(_CORNERS) @ cell
    low, high = corners.min(axis=0), corners.max(axis=0)
    if has_vacuum:
        low[2] = (positions[:, 2] - radii).min() - _MARGIN
        high[2] = (positions[:, 2] + radii).max() + _MARGIN
    grown = 2 if has_vacuum else 3
    missing = np.maximum(0.0, _SMALLEST_EXTENT - (high - low))[:grown]
    low[:grown] -= missing / 2
    high[:grown] += missing / 2
    shifts = _shifts(cell, low, high, along_third=not has_vacuum)
    images = (positions[None, :, :] + (shifts @ cell)[:, None, :]).reshape(-1, 3)
    # Spheres may extend beyond the picture's sides. In depth the centre has to be inside: half a
    # layer of images would hide the cell.
    reach = np.tile(radii, len(shifts))[:, None] * (np.arange(3) != depth)
    shown = np.all((images + reach > low - 1e-5) & (images - reach < high + 1e-5), axis=1)
    return _Box(
        positions=images[shown],
        numbers=np.tile(atoms.numbers, len(shifts))[shown],
        free=np.tile(free_atoms(atoms), len(shifts))[shown],
        low=low,
        high=high,
        cell_edges=corners[_EDGES],
    )


def _wrapped(atoms: Atoms, cell: FloatArray) -> tuple[FloatArray, bool]:
    """Positions inside the cell, the slab in one piece, and whether there is vacuum above it."""
    fractional = np.linalg.solve(cell.T, atoms.positions.T).T
    # The small shift keeps atoms on a cell border on one side of it.
    fractional[:, :2] = (fractional[:, :2] + 1e-6) % 1.0 - 1e-6
    height = abs(np.linalg.det(cell)) / np.linalg.norm(np.cross(cell[0], cell[1]))
    levels = np.sort((fractional[:, 2] + 1e-6) % 1.0 - 1e-6)
    gaps = np.append(levels[1:], levels[0] + 1.0) - levels
    widest = int(np.argmax(gaps))
    if gaps[widest] * height <= _WIDEST_GAP:
        fractional[:, 2] = (fractional[:, 2] + 1e-6) % 1.0 - 1e-6
        return fractional @ cell, False
    bottom = levels[(widest + 1) % len(levels)] - 1e-6
    fractional[:, 2] = bottom + (fractional[:, 2] - bottom) % 1.0
    return fractional @ cell, True


def _shifts(
    cell: FloatArray, low: FloatArray, high: FloatArray, *, along_third: bool
) -> FloatArray:
    """Lattice shifts, shape (m, 3), that can bring an atom of the cell into the box."""
    reach = 2.0 * _RADIUS_SCALE * covalent_radii[1:].max()
    margin = np.array([reach, reach, 0.0])
    box = np.array(list(product(*zip(low - margin, high + margin, strict=True))))
    if not along_third:  # the vacuum is cut: only in-plane shifts, from the in-plane corners
        box[:, 2] = 0.0
    fractional = np.linalg.solve(cell.T, box.T).T
    first, last = np.floor(fractional.min(axis=0)) - 1, np.ceil(fractional.max(axis=0))
    ranges = [np.arange(first[axis], last[axis] + 1) for axis in range(3)]
    if not along_third:
        ranges[2] = np.zeros(1)
    return np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)


def _without_hidden(
    flat: FloatArray, radii: FloatArray, order: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Drop atoms that one nearer atom covers; `order` is from far to near."""
    rank = np.empty(len(order), dtype=int)
    rank[order] = np.arange(len(order))
    pairs = cKDTree(flat).query_pairs(r=0.3, output_type="ndarray")
    if len(pairs) == 0:
        return order
    nearer = np.where(rank[pairs[:, 0]] > rank[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    farther = pairs.sum(axis=1) - nearer
    distance = np.linalg.norm(flat[nearer] - flat[farther], axis=1)
    covered = distance + radii[farther] <= radii[nearer] + 0.12  # 0.1 Å is too little to see
    hidden = np.zeros(len(order), dtype=bool)
    hidden[farther[covered]] = True
    return order[~hidden[order]]


def _outline(edges: FloatArray, low: FloatArray, high: FloatArray) -> str:
    """Cell edges seen in the plane, each once, as one path."""
    lines = set()
    for (x0, y0), (x1, y1) in edges:
        ends = sorted((_short(x - low[0]), _short(high[1] - y)) for x, y in ((x0, y0), (x1, y1)))
        if ends[0] != ends[1]:
            lines.add(f"M{ends[0][0]} {ends[0][1]}L{ends[1][0]} {ends[1][1]}")
    return f'<path class="cell" d="{"".join(sorted(lines))}"/>'


def _sphere_id(number: int, free: bool) -> str:
    return f"{chemical_symbols[number]}-{'free' if free else 'fixed'}"


def _short(value: float) -> str:
    """Å with two decimals, no trailing zeros: 0.01 Å is less than a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _hex(colour: FloatArray) -> str:
    red, green, blue = (round(255 * float(np.clip(part, 0, 1))) for part in colour)
    return f"#{red:02x}{green:02x}{blue:02x}"
