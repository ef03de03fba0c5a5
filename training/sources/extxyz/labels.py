"""Find and read the labels in your own extended XYZ files.

Names differ: ``energy`` and ``forces`` (ASE), ``REF_energy`` and ``REF_forces`` (MACE),
``dft_energy``, ``energy_ref``, ``force`` (GPUMD), ``free_energy`` (VASP by ASE).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress

from cuprolith.arrays import FloatArray
from training.dataset.isolated_atoms import is_isolated_atom
from training.label_settings import Conversion

# In order of preference: forces belong to the free energy.
_QUANTITIES = {
    "energy": ("free_energy", "energy", "total_energy"),
    "forces": ("forces", "force"),
    "stress": ("stress",),
    "virial": ("virial", "virials"),
}
_NAME = re.compile(
    r"(?P<before>(?!(?:free|total)_)[a-z0-9]+[_-])?"
    r"(?P<what>free_energy|total_energy|energy|forces?|stress|virials?)"
    r"(?P<after>[_-][a-z0-9]+)?"
)
# Of the largest component; files have 8 digits.
_ASYMMETRY = 1e-4
# A stress and a virial of one frame that differ by more, of the largest component and in eV/Å³
# (1.6e-3 GPa), are of different kinds.
_SAME_STRESS, _SAME_STRESS_ABSOLUTE = 1e-2, 1e-5


class LabelError(ValueError):
    """A frame's labels are missing, ambiguous or garbled."""


@dataclass(frozen=True)
class LabelKeys:
    """Names of the labels in a file; None for names to be found, or labels that are missing."""

    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    virial: str | None = None


@dataclass(frozen=True)
class Labels:
    """Labels of one frame: eV, eV/Å and, if there is one, eV/Å³ with ASE's sign."""

    energy: float
    forces: FloatArray
    stress: FloatArray | None


def find_keys(atoms: Atoms, given: LabelKeys) -> LabelKeys:
    """Find the names of the labels in a frame.

    Energy and forces are looked for under names that belong together (``REF_energy`` with
    ``REF_forces``); stress and virial under the same kind of name, or a plain one.

    Parameters
    ----------
    atoms
        As ASE reads it.
    given
        Names that are known.

    Raises
    ------
    LabelError
        If there are no labels, or several that differ; with the names present.
    """
    present = _present(atoms)
    for key in (given.energy, given.forces, given.stress, given.virial):
        if key is not None and key not in present:
            raise LabelError(f"there is no {key!r}; the frame has {_listed(present)}")
    found = {quantity: _tagged(present, names) for quantity, names in _QUANTITIES.items()}
    energy, forces = given.energy, given.forces
    if energy is None and forces is None:
        energy, forces = _pair(present, found)
    elif energy is None or forces is None:
        raise LabelError("give both `energy_key` and `forces_key`, or neither")
    tag = next((tag for tag, key in found["energy"].items() if key == energy), ("", ""))
    stress, virial = given.stress, given.virial
    if stress is None and virial is None:
        stress, virial = (
            found[quantity].get(tag) or found[quantity].get(("", ""))
            for quantity in ("stress", "virial")
        )
    return LabelKeys(energy, forces, stress, virial)


def read_labels(atoms: Atoms, keys: LabelKeys, conversion: Conversion = Conversion()) -> Labels:  # noqa: B008 (immutable)
    """Read the labels of a frame, and convert them to eV and Å.

    An isolated atom needs no forces. Six numbers for a stress are ASE's xx, yy, zz, yz, xz, xy; a
    virial of six numbers is left out, since programs differ in their order. A virial W, eV, means
    the stress -W/V.

    Parameters
    ----------
    atoms
        The frame, positions and cell in Å.
    keys
        Names of the labels.
    conversion
        Factors from the units of the file.

    Raises
    ------
    LabelError
        If energy or forces are missing or have no meaning, or stress and virial disagree.
    """
    present = _present(atoms)
    assert keys.energy is not None
    assert keys.forces is not None
    if keys.energy not in present:
        raise LabelError(f"there is no {keys.energy!r}, as in frames before; {_listed(present)}")
    if keys.forces in present:
        forces = _array(present[keys.forces], keys.forces)
    elif is_isolated_atom(atoms):
        forces = np.zeros((1, 3))
    else:
        raise LabelError(f"there are no {keys.forces!r}, as in frames before")
    if forces.shape != (len(atoms), 3):
        raise LabelError(f"{keys.forces} has shape {forces.shape}, not ({len(atoms)}, 3)")
    energy = _array(present[keys.energy], keys.energy)
    if energy.size != 1:
        raise LabelError(f"{keys.energy} is not one number")
    n_energies = len(atoms) if conversion.per_atom else 1
    return Labels(
        float(energy.reshape(())) * conversion.energy * n_energies,
        forces * conversion.force,
        _stress(atoms, present, keys, conversion),
    )


def _stress(
    atoms: Atoms, present: Mapping[str, Any], keys: LabelKeys, conversion: Conversion
) -> FloatArray | None:
    if not atoms.pbc.any():
        return None
    stress = virial = None
    if keys.stress is not None and keys.stress in present:
        values = _array(present[keys.stress], keys.stress)
        if values.shape == (6,):
            values = np.asarray(voigt_6_to_full_3x3_stress(values))
        stress = _tensor(values, keys.stress) * conversion.stress * conversion.sign
    if keys.virial is not None and keys.virial in present:
        values = _array(present[keys.virial], keys.virial)
        if values.size == 9:
            factor = conversion.energy * conversion.sign / atoms.get_volume()
            virial = -_tensor(values, keys.virial) * factor
    if stress is not None and virial is not None:
        _require_same(stress, virial, keys)
    return virial if stress is None else stress


def _require_same(stress: FloatArray, virial: FloatArray, keys: LabelKeys) -> None:
    difference = np.abs(stress - virial).max()
    if difference > max(_SAME_STRESS * np.abs(stress).max(), _SAME_STRESS_ABSOLUTE):
        raise LabelError(
            f"{keys.stress!r} and minus {keys.virial!r} over the volume differ: xx is "
            f"{stress[0, 0]:.4g} and {virial[0, 0]:.4g} eV/Å³. Which one is right? Name it with "
            "`stress_key` or `virial_key`, and its unit with `stress_unit` or `energy_unit`"
        )


def _tensor(values: FloatArray, key: str) -> FloatArray:
    if values.size != 9:
        raise LabelError(f"{key} has {values.size} numbers, not 9")
    tensor = values.reshape(3, 3)
    if np.abs(tensor - tensor.T).max() > _ASYMMETRY * max(np.abs(tensor).max(), 1e-6):
        raise LabelError(f"{key} is not symmetric: {tensor.tolist()}")
    return (tensor + tensor.T) / 2


def _present(atoms: Atoms) -> dict[str, Any]:
    """Return all values of a frame by name, including those that ASE treats as results."""
    results = {} if atoms.calc is None else atoms.calc.results
    return {**atoms.info, **atoms.arrays, **results}


def _tagged(present: Mapping[str, Any], names: tuple[str, ...]) -> dict[tuple[str, str], str]:
    """Return the keys of one quantity, by the text before and after its name."""
    tagged: dict[tuple[str, str], tuple[int, str]] = {}
    for key in present:
        match = _NAME.fullmatch(key.lower())
        if match is None or match["what"] not in names:
            continue
        tag = ((match["before"] or "").rstrip("_-"), (match["after"] or "").lstrip("_-"))
        rank = names.index(match["what"])
        tagged[tag] = min(tagged.get(tag, (rank, key)), (rank, key))
    return {tag: key for tag, (_, key) in tagged.items()}


def _pair(
    present: Mapping[str, Any], found: Mapping[str, Mapping[tuple[str, str], str]]
) -> tuple[str, str]:
    energies, forces = found["energy"], found["forces"]
    pairs = [(energies[tag], forces[tag]) for tag in energies if tag in forces]
    if not pairs:
        raise LabelError(
            "no energy and forces whose names belong together, such as `REF_energy` and "
            f"`REF_forces`; there is {_listed(present)}. Name them with `energy_key` and "
            "`forces_key`"
        )
    values = [np.append(_array(present[f], f), _array(present[e], e)) for e, f in pairs]
    if any(not np.array_equal(values[0], other) for other in values[1:]):
        raise LabelError(
            f"several energies and forces that differ: {', '.join(' with '.join(p) for p in pairs)}"
            ". Name those to learn with `energy_key` and `forces_key`"
        )
    return pairs[0]


def _array(value: Any, key: str) -> FloatArray:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise LabelError(f"{key} is {value!r}, not a number") from None


def _listed(present: Mapping[str, Any]) -> str:
    names = sorted(set(present) - {"numbers", "positions"})
    return ", ".join(names) or "nothing but positions"
