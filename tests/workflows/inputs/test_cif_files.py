"""CIF files that hold one whole crystal are read; those that leave something open are not."""

from __future__ import annotations

import pytest
from pymatgen.core import Composition

from cuprolith.errors import CuprolithError
from workflows.inputs.cif_files import read_cif

OPERATIONS = "loop_\n_symmetry_equiv_pos_as_xyz\n'x, y, z'\n"
COPPER = "Cu1 Cu 0 0 0 1\nCu2 Cu 0.5 0.5 0 1\nCu3 Cu 0.5 0 0.5 1\nCu4 Cu 0 0.5 0.5 1\n"


def cif(atoms=COPPER, symmetry=OPERATIONS, head="", name="one", a="3.6"):
    return (
        f"data_{name}\n{head}"
        + "".join(f"_cell_length_{axis} {a}\n" for axis in "abc")
        + "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
        + symmetry
        + "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n"
        "_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\n" + atoms
    )


def read(tmp_path, text):
    path = tmp_path / "crystal.cif"
    path.write_text(text)
    return read_cif(path)


JOURNAL = "data_global\n_publ_section_title 'On copper'\n"
ROCKSALT = "Li1 Li 0 0 0 1\nF1 F 0.5 0.5 0.5 1\n"
FM3M = "_symmetry_space_group_name_H-M 'F m -3 m'\n"


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        (cif(), "Cu4"),
        (JOURNAL + cif(), "Cu4"),
        (cif(head="_chemical_formula_sum Cu\n_cell_formula_units_Z 4\n"), "Cu4"),
        # pymatgen writes the formula of the whole cell beside Z
        (cif(head="_chemical_formula_sum Cu4\n_cell_formula_units_Z 4\n"), "Cu4"),
        (cif("Cu1 Cu 0 0 0 1\n", "_symmetry_space_group_name_H-M 'P 1'\n"), "Cu1"),
        (cif("Cu1 Cu2+ 0 0 0 1.0\n"), "Cu1"),
        (cif("Cu1 Cu 0.0000(3) 0 0 1\n"), "Cu1"),
        # Labels do not depend on the isotope.
        (cif("Li1 Li 0 0 0 1\nD1 D 0.5 0.5 0.5 1\n", head="_chemical_formula_sum 'D Li'\n"), "LiH"),
        (cif(ROCKSALT, FM3M, a="4.02"), "Li4 F4"),
        (cif(ROCKSALT, "_space_group_IT_number 225\n", a="4.02"), "Li4 F4"),
    ],
)
def test_one_whole_crystal_is_read(tmp_path, text, formula):
    assert read(tmp_path, text).composition == Composition(formula)


WITHOUT_ATOMS = cif().split("loop_\n_atom_site_label")[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (cif() + cif(name="two"), "2 crystals: one, two"),
        (cif() + cif(a="4.0"), "2 crystals: one, one"),  # pymatgen reads the last
        (JOURNAL, "no atoms"),
        ("", "no atoms"),
        (WITHOUT_ATOMS, "no atoms"),
        (cif(symmetry=""), "no symmetry"),
        (cif(symmetry="_symmetry_space_group_name_H-M 'nonsense'\n"), "no symmetry"),
        (cif("Va1 Va 0 0 0 1\n"), "'Va'"),  # pymatgen reads vanadium
        (cif("X1 X 0 0 0 1\n"), "'X'"),
        (cif("OH1 OH 0 0 0 1\nCu1 Cu 0.5 0.5 0.5 1\n"), "'OH'"),  # pymatgen drops it
        (cif("Cu1 Cu 0 0 0 1\nO1 O . 0.5 0.5 1\n"), "of O1 is '.'"),  # pymatgen reads 0
        (cif("Cu1 Cu 0 0 0 1\nO1 O ? ? ? 1\n"), "of O1 is '?'"),
        (cif("Cu1 Cu nan 0 0 1\n"), "no finite number"),
        # Hydrogens that nobody located.
        (cif("Li1 Li 0 0 0 1\nO1 O 0.5 0.5 0.5 1\n", head="_chemical_formula_sum 'Li O H'\n"),
         "does not agree"),
        # One atom of four, and a symmetry that says that this is all.
        (cif("Cu1 Cu 0 0 0 1\n", "_symmetry_space_group_name_H-M 'P 1'\n",
             "_chemical_formula_sum Cu\n_cell_formula_units_Z 4\n"), "4 times per cell"),
        (cif(symmetry="loop_\n_space_group_symop_magn_operation.id\n"
             "_space_group_symop_magn_operation.xyz\n1 x,y,z,+1\n"), "magnetic"),
    ],
)  # fmt: skip
def test_what_leaves_something_open_is_refused(tmp_path, text, message):
    with pytest.raises(CuprolithError, match=message) as error:
        read(tmp_path, text)
    assert error.value.remedy


@pytest.mark.parametrize("length", ["-3.6", "0", "inf", "nan", "?", "abc", "1e400"])
def test_a_cell_of_impossible_lengths_is_refused(tmp_path, length):
    with pytest.raises(CuprolithError, match="_cell_length_a is"):
        read(tmp_path, cif(a=length))


@pytest.mark.parametrize("angle", ["-90", "0", "180", "450", "1e308", "nan"])
def test_a_cell_of_impossible_angles_is_refused(tmp_path, angle):
    with pytest.raises(CuprolithError, match="_cell_angle_beta is"):
        read(tmp_path, cif().replace("beta 90", f"beta {angle}"))
