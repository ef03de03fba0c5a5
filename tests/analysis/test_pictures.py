"""Pictures show the right atoms at the right places."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, bulk, fcc100, fcc111
from ase.constraints import FixAtoms
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.pictures import free_atoms, legend_svg, sphere_definitions, structure_svg

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg):
    root = ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
    spheres = [
        (use.get("href"), float(use.get("x", 0)), float(use.get("y", 0)))
        for use in root.iter(f"{SVG}use")
    ]
    _, _, width, height = map(float, root.get("viewBox").split())
    return spheres, width, height


def slab_with_adatom():
    slab = fcc111("Cu", size=(4, 4, 4), a=3.6, vacuum=10)
    slab.pbc = True
    slab.set_constraint(FixAtoms([atom.index for atom in slab if atom.tag in (2, 3)]))
    add_adsorbate(slab, "Li", 2.2, "fcc")
    return slab


def test_free_atoms_are_those_without_a_constraint():
    slab = slab_with_adatom()
    free = free_atoms(slab)
    assert free.sum() == 2 * 16 + 1
    np.testing.assert_array_equal(np.flatnonzero(~free), slab.constraints[0].index)


def test_from_the_side_the_adatom_is_on_top_and_vacuum_is_left_out():
    slab = slab_with_adatom()
    spheres, _, height = parsed(structure_svg(slab, "side", label="x"))
    lithium = {y for name, _, y in spheres if name == "#Li-free"}
    copper = {y for name, _, y in spheres if name.startswith("#Cu")}
    assert max(lithium) < min(copper)  # y grows downwards
    # Positions are true to scale: the adatom is 2.2 Å above the layer below it.
    assert min(copper) - max(lithium) == pytest.approx(2.2, abs=0.02)
    assert height < np.ptp(slab.positions[:, 2]) + 2 * 1.4 + 1
    assert {name for name, _, _ in spheres} == {"#Cu-free", "#Cu-fixed", "#Li-free"}


def test_from_above_the_adatom_is_nearest_and_the_last_layer_is_hidden():
    spheres, width, height = parsed(structure_svg(slab_with_adatom(), "top", label="x"))
    assert spheres[-1][0] == "#Li-free"  # drawn last
    # The fourth layer of fcc(111) lies exactly below the first. Both are free here, the second
    # and third are not: per drawn area, one free layer and two fixed ones remain.
    inside = [name for name, x, y in spheres if 0 < x < width and 0 < y < height]
    n_layer = width * height / (np.sqrt(3) / 4 * 3.6**2)
    assert inside.count("#Cu-free") == pytest.approx(n_layer, rel=0.2)
    assert inside.count("#Cu-fixed") == pytest.approx(2 * n_layer, rel=0.2)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_pictures_of_bulk_do_not_depend_on_the_choice_of_the_origin_cell(x, y, z):
    """Moving an atom by lattice vectors, or wrapping it, changes nothing."""
    crystal = bulk("Cu", a=3.6, cubic=True)
    crystal.translate(np.array([x, y, z]) @ crystal.cell)
    moved = crystal.copy()
    moved.positions += np.array([[1, 0, -1], [0, 2, 0], [-1, -1, 3], [0, 0, 0]]) @ crystal.cell
    for view in ("top", "side"):
        before = parsed(structure_svg(crystal, view, label="x"))
        after = parsed(structure_svg(moved, view, label="x"))
        assert len(before[0]) == len(after[0])
        np.testing.assert_allclose(
            sorted(s[1:] for s in before[0]), sorted(s[1:] for s in after[0]), atol=0.011
        )


@pytest.mark.parametrize("repeats", [(1, 1, 1), (2, 2, 1), (3, 1, 1)])
def test_a_slab_across_the_cell_border_is_drawn_in_one_piece(repeats):
    slab = fcc100("Cu", size=(2, 2, 5), a=3.6, vacuum=8) * repeats
    slab.pbc = True
    shifted = slab.copy()
    shifted.positions[:, 2] += 0.6 * slab.cell[2, 2]
    shifted.wrap()
    _, width, height = parsed(structure_svg(slab, "side", label="x"))
    assert parsed(structure_svg(shifted, "side", label="x"))[1:] == (width, height)
    assert height == pytest.approx(4 * 1.8 + 2 * (0.92 * 1.32 + 0.4), abs=0.02)


def test_small_cells_are_filled_with_images():
    spheres, width, height = parsed(structure_svg(bulk("Cu", a=3.6), "top", label="x"))
    assert min(width, height) >= 9
    # fcc(100) planes hold 2 atoms per a²; those cut by the border come on top.
    inside = {(x, y) for _, x, y in spheres if 0 <= x <= width and 0 <= y <= height}
    assert len(inside) == pytest.approx(2 * 2 * width * height / 3.6**2, rel=0.35)


def test_the_cell_is_outlined_to_scale():
    slab = slab_with_adatom()
    path = re.search(r'<path class="cell" d="([^"]*)"', structure_svg(slab, "top", label="x"))[1]
    ends = [np.array(pair.replace("L", " ").split(), dtype=float) for pair in path.split("M")[1:]]
    found = sorted(float(np.hypot(*(end[2:] - end[:2]))) for end in ends)
    a, b = np.linalg.norm(slab.cell[0]), np.linalg.norm(slab.cell[1])
    np.testing.assert_allclose(found, sorted([a, a, b, b]), atol=0.02)  # c is seen end on


def test_labels_are_escaped():
    svg = structure_svg(Atoms("Cu", cell=[9, 9, 9], pbc=True), "top", label='<script>"&')
    assert "<script>" not in svg
    assert parsed(svg)


def test_every_sphere_that_pictures_use_is_defined():
    definitions = ET.fromstring(
        sphere_definitions([29, 3, 3]).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    )
    defined = {f"#{circle.get('id')}" for circle in definitions.iter(f"{SVG}circle")}
    used = {name for name, _, _ in parsed(structure_svg(slab_with_adatom(), "side", label="x"))[0]}
    legend = {parsed(legend_svg(z, free=free))[0][0][0]
              for z in (3, 29) for free in (True, False)}  # fmt: skip
    assert defined == legend >= used


def test_pictures_are_small():
    """A structure of 200 atoms costs less than 30 kB in both views together."""
    slab = fcc111("Cu", size=(6, 6, 6), a=3.6, vacuum=10)
    slab.pbc = True
    slab.rattle(0.1, seed=1)
    size = sum(len(structure_svg(slab, view, label="x")) for view in ("top", "side"))
    assert size < 30_000
