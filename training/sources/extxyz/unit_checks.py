"""Tests of the units of labels: each states what it compares, and refuses what contradicts it.

No test sees everything: energies and forces that are both in kcal/mol agree with each other. What
could not be tested is said in the dataset's card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase import units
from ase.data import atomic_numbers, covalent_radii
from ase.geometry import get_distances
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray
from training.dataset.frames import Frame
from training.dataset.isolated_atoms import is_isolated_atom
from training.errors import TrainingError
from training.label_settings import (
    ENERGY_UNITS,
    FORCES_UNITS,
    LENGTH_UNITS,
    STRESS_UNITS,
    LabelSettings,
)
from training.sources.extxyz.near_pairs import (
    FAR,
    NEAR,
    Works,
    works_of_forces,
    works_of_stress,
)

NOT_CHECKED = "not checked"
DOUBTFUL = "doubtful"

_LEAST_PAIRS = 3
_LEAST_CORRELATION = 0.9
# Long steps change a ratio by up to a fifth. The next unit, Bohr, is 1.89 away: half way, on a
# logarithmic scale, is 1.37.
_AGREES = 1.37
# Between far frames of a liquid, energies change by 0.4 to 1 times the work.
_TELLS_FROM_AFAR = 4.0
# Of kcal/mol and Hartree, 1.18 apart, both are named then.
_EXPLAINS = 1.25
_MOST_CHANGES = 2
_FAR_LARGER = 20.0
_AS_LIKELY = 0.12
_LEAST_BETTER = 4.0
_SIZES_DIFFER = 1.5
_ALL_ELECTRON = 1.03
# Distances to nearest neighbours over the sum of covalent radii: 0.7 (dense hydrides) to 1.3
# (alkali metals), and 1.9 times as much where Bohr is read as Å.
_DISTANCES = (0.6, 1.5)
_NOBLE_GASES = [atomic_numbers[name] for name in ("He", "Ne", "Ar", "Kr", "Xe", "Rn")]
# K: melts are colder, and 300 K in kcal/mol looks like 6900 K.
_HOTTEST = 5000.0
_MOST_FRAMES, _MOST_ATOMS, _MOST_ANSWERS = 30, 300, 3
_COMMON_FORCES = (
    *(f"{energy}/Angstrom" for energy in ENERGY_UNITS),
    "Hartree/Bohr",
    "Rydberg/Bohr",
    "kJ/mol/nm",
)


def check_units(frames: Sequence[Frame], settings: LabelSettings, place: str) -> dict[str, str]:
    """Test the units of frames as they were converted.

    Parameters
    ----------
    frames
        All frames of a dataset, in the order of their files, eV and Å.
    settings
        As stated by the person. A test that goes by usual sizes does not contradict a unit that is
        stated; one that compares labels with each other does.
    place
        Of the frames, for messages.

    Returns
    -------
    What was found, by test. Where the frames do not allow a test it is "not checked: …", and where
    no unit explains the numbers "doubtful: …".

    Raises
    ------
    TrainingError
        If a test contradicts the settings: with the numbers, and settings that would agree.
    """
    sound = [frame for frame in frames if _is_finite(frame) and not is_isolated_atom(frame)]
    tests: dict[str, Callable[[Sequence[Frame], LabelSettings], str]] = {
        "positions": _check_lengths,
        "energies are total": _check_energy_is,
        "energies and forces": _check_energies_and_forces,
        "energies": _check_sizes,
        "stresses": _check_stresses,
    }
    found = {}
    for name, test in tests.items():
        try:
            found[name] = test(sound, settings)
        except _ContradictionError as error:
            raise TrainingError(f"{place}: {error}") from None
    return found


class _ContradictionError(ValueError):
    """A test says otherwise than the settings."""


@dataclass(frozen=True)
class _Answer:
    """Settings that would agree, how many things they change, and the ratio that they give."""

    text: str
    changes: int
    ratio: float

    @property
    def unlikeliness(self) -> float:
        """Each change counts as much as a ratio that is off by a tenth."""
        return abs(float(np.log(self.ratio))) + 0.1 * self.changes


def _is_finite(frame: Frame) -> bool:
    values = (frame.positions, frame.cell, frame.forces, frame.energy)
    return all(bool(np.isfinite(value).all()) for value in values)


def _check_lengths(frames: Sequence[Frame], settings: LabelSettings) -> str:
    """Compare distances to nearest neighbours with sums of covalent radii."""
    ratios = [ratio for frame in _some(frames) for ratio in _nearest_over_radii(frame)]
    if not ratios:
        return f"{NOT_CHECKED}: no frame has two atoms, noble gases aside"
    ratio, (least, most) = float(np.median(ratios)), _DISTANCES
    found = f"nearest neighbours are {ratio:.2f} sums of covalent radii apart (median)"
    if least < ratio < most:
        return found
    now = settings.conversion.length
    answers = [
        f"`length_unit: {unit}` ({ratio * factor / now:.2f})"
        for unit, factor in LENGTH_UNITS.items()
        if factor != now and least < ratio * factor / now < most
    ]
    if not answers or settings.length_unit is not None:
        return f"{DOUBTFUL}: {found}"
    raise _ContradictionError(
        f"{found}; they usually are {least:g} to {most:g}. Is it {' or '.join(answers)}? Set that, "
        f"or `length_unit: {settings.usual_length_unit}` if it is"
    )


def _nearest_over_radii(frame: Frame) -> FloatArray:
    counts = ~np.isin(frame.numbers, _NOBLE_GASES)
    if len(frame) < 2 or len(frame) > _MOST_ATOMS or not counts.any():
        return np.zeros(0)
    _, distances = get_distances(frame.positions, cell=frame.cell, pbc=frame.pbc)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argmin(axis=1)
    radii = covalent_radii[frame.numbers]
    ratios: FloatArray = distances.min(axis=1) / (radii + radii[nearest])
    return ratios[counts]


def _check_energy_is(frames: Sequence[Frame], settings: LabelSettings) -> str:
    """Compare how well a sum over elements fits energies, if they are total and if per atom."""
    sizes = np.array([len(frame) for frame in frames], dtype=np.float64)
    numbers = sorted({int(number) for frame in frames for number in frame.numbers})
    if len(frames) <= len(numbers) + 1 or sizes.max() < _SIZES_DIFFER * sizes.min():
        return f"{NOT_CHECKED}: all frames have about the same number of atoms"
    shares = np.array([[(frame.numbers == n).mean() for n in numbers] for frame in frames])
    per_atom = np.array([frame.energy for frame in frames]) / sizes
    # What they would be per atom if the file's energies were the other thing.
    other = per_atom / sizes if settings.energy_is == "per_atom" else per_atom * sizes
    misfit, other_misfit = (_misfit(shares, energies) for energies in (per_atom, other))
    found = (
        f"a sum over elements leaves {misfit:.2g} of the energies per atom, and {other_misfit:.2g} "
        "if energies were "
    )
    told = {"per_atom": "total", "total": "per atom"}[settings.energy_is or "total"]
    if misfit > _LEAST_BETTER * other_misfit:
        wanted = "total" if settings.energy_is == "per_atom" else "per_atom"
        raise _ContradictionError(
            f"{found}{told}. Is that what they are? Set `energy_is: {wanted}`, or check the name "
            "of the energy"
        )
    if other_misfit > _LEAST_BETTER * misfit:
        return f"{found}{told}"
    return f"{NOT_CHECKED}: {found}{told}, which does not tell"


def _misfit(shares: FloatArray, energies: FloatArray) -> float:
    """Return the RMS of what a sum over elements leaves of energies, over their RMS."""
    size = np.sqrt((energies**2).mean())
    if size == 0:
        return 0.0
    residual = energies - shares @ np.linalg.lstsq(shares, energies, rcond=1e-10)[0]
    return float(max(np.sqrt((residual**2).mean()) / size, 1e-9))


def _check_energies_and_forces(frames: Sequence[Frame], settings: LabelSettings) -> str:
    """Compare changes of the energy with the work of the forces between near frames."""
    for reach in (NEAR, FAR):
        works = works_of_forces(frames, reach)
        slopes = _energy_slopes(works, settings)
        if len(works) >= _LEAST_PAIRS and slopes:
            break
    else:
        return (
            f"{NOT_CHECKED}: there are no {_LEAST_PAIRS} pairs of near frames in one cell between "
            "which the work of the forces and the change of the energy go together"
        )
    ratio = slopes[0][1]
    found = (
        f"energies change by {ratio:.3g} times the work of the forces ({len(works)} pairs of near "
        "frames)"
    )
    if not slopes[0][0]:
        if 1 / _AGREES < ratio < _AGREES:
            return found
        if reach == FAR and 1 / _TELLS_FROM_AFAR < ratio < _TELLS_FROM_AFAR:
            return f"{NOT_CHECKED}: {found}, which are too far apart to tell"
    answers = [
        answer
        for by_atoms, slope in slopes
        for answer in _energy_answers(slope, by_atoms, settings)
    ]
    return _asked(found, answers)


def _energy_slopes(works: Works, settings: LabelSettings) -> list[tuple[bool, float]]:
    """Return slopes of energy over work, and whether energies count as the other of per atom."""
    flipped = works.n_atoms ** (-1.0 if settings.energy_is == "per_atom" else 1.0)
    return [
        (by_atoms, slope)
        for by_atoms, factor in ((False, np.ones(len(works))), (True, flipped))
        for slope in _slope(works.by_forces, works.energy * factor)
    ]


def _energy_answers(slope: float, by_atoms: bool, settings: LabelSettings) -> Iterator[_Answer]:
    now = settings.conversion
    forces_now = settings.forces_unit or (
        f"{settings.energy_unit or settings.usual_energy_unit}/"
        f"{settings.length_unit or settings.usual_length_unit}"
    )
    for energy, per_energy in ENERGY_UNITS.items():
        for length, per_length in LENGTH_UNITS.items():
            for forces in {*_COMMON_FORCES, forces_now}:
                ratio = slope * (per_energy / now.energy) / (per_length / now.length)
                ratio /= FORCES_UNITS[forces] / now.force
                words = []
                if by_atoms:
                    is_ = "total" if settings.energy_is == "per_atom" else "per_atom"
                    words.append(f"`energy_is: {is_}`")
                if per_energy != now.energy:
                    words.append(f"`energy_unit: {energy}`")
                if per_length != now.length:
                    words.append(f"`length_unit: {length}`")
                changes = len(words) + (forces != forces_now) + (ratio < 0)
                if forces != (settings.forces_unit or f"{energy}/{length}"):
                    words.append(f"`forces_unit: {forces}`")
                if ratio < 0:
                    words.append("forces with the other sign: these are gradients")
                yield _Answer(" with ".join(words), changes, abs(ratio))


def _check_sizes(frames: Sequence[Frame], settings: LabelSettings) -> str:
    """Compare energies with those of all electrons, and forces with those at usual temperatures."""
    if not frames:
        return f"{NOT_CHECKED}: there are no frames"
    expected = np.array([_all_electron_energy(frame) for frame in frames])
    ratio = float(np.median(np.array([frame.energy for frame in frames]) / expected))
    if 1 / _ALL_ELECTRON < ratio < _ALL_ELECTRON:
        return f"they are {ratio:.3f} times those of atoms with all electrons"
    answers = [
        f"`energy_unit: {unit}` ({ratio * factor / settings.conversion.energy:.3f})"
        for unit, factor in ENERGY_UNITS.items()
        if 1 / _ALL_ELECTRON < ratio * factor / settings.conversion.energy < _ALL_ELECTRON
    ]
    if answers and settings.energy_unit is None:
        raise _ContradictionError(
            f"energies are {ratio:.4g} times those of atoms with all electrons. Is it "
            f"{' or '.join(answers)}? Set that, and `forces_unit` if it is not of the same energy, "
            f"or `energy_unit: {settings.usual_energy_unit}` if it is"
        )
    return _check_temperature(frames, settings)


def _all_electron_energy(frame: Frame) -> float:
    """Return the energy of the atoms with all electrons, eV, to 1 or 2 % beyond helium.

    Thomas-Fermi energy with the terms of Scott and of Dirac and Schwinger; not relativistic.
    Englert, Semiclassical Theory of Atoms (1988), eq. 4.312.
    """
    z = frame.numbers.astype(np.float64)
    hartree = -0.768745 * z ** (7 / 3) + 0.5 * z**2 - 0.269900 * z ** (5 / 3)
    return float(hartree.sum()) * units.Hartree


def _check_temperature(frames: Sequence[Frame], settings: LabelSettings) -> str:
    works = works_of_forces(frames)
    finite = works.temperature[np.isfinite(works.temperature)]
    if len(finite) < _LEAST_PAIRS:
        return f"{NOT_CHECKED}: energies and forces in the same wrong unit would not be noticed"
    kelvin = float(np.median(finite))
    found = f"forces over curvatures between near frames are those at {kelvin:.0f} K (median)"
    if kelvin < _HOTTEST:
        return f"{found}; a factor below {_HOTTEST / max(kelvin, 1.0):.0f} would not be noticed"
    if settings.energy_unit is not None:
        return f"{DOUBTFUL}: {found}"
    colder = [
        f"`energy_unit: {unit}` ({kelvin * factor / settings.conversion.energy:.0f} K)"
        for unit, factor in ENERGY_UNITS.items()
        if 30 < kelvin * factor / settings.conversion.energy < _HOTTEST
    ]
    raise _ContradictionError(
        f"{found}. Is it {' or '.join(colder)}? Set that, or "
        f"`energy_unit: {settings.usual_energy_unit}` if it is"
    )


def _check_stresses(frames: Sequence[Frame], settings: LabelSettings) -> str:
    """Compare changes of the energy with the work of the stress between strained cells."""
    n_stresses = sum(frame.stress is not None for frame in frames)
    if n_stresses == 0:
        return f"{NOT_CHECKED}: there are none"
    works = works_of_stress(frames)
    # Elsewhere the error of the work of forces is as large as the work of the stress.
    mostly_strain = np.abs(works.by_forces) < np.abs(works.energy) / 2
    rest, n_pairs = (works.energy - works.by_forces)[mostly_strain], int(mostly_strain.sum())
    slope = next(_slope(works.by_stress[mostly_strain], rest), None)
    if n_pairs < _LEAST_PAIRS or slope is None:
        return (
            f"{NOT_CHECKED}: there are no {_LEAST_PAIRS} pairs of strained cells of the same atoms "
            "between which the work of the stress and the change of the energy go together"
        )
    found = (
        f"energies change by {slope:.3g} times the work of the stress ({n_pairs} pairs of "
        "strained cells)"
    )
    if 1 / _AGREES < slope < _AGREES:
        return found
    return _asked(found, _stress_answers(slope, float(np.median(works.volume)), settings))


def _stress_answers(slope: float, volume: float, settings: LabelSettings) -> Iterator[_Answer]:
    """Give answers; the work of the right stress is the slope times that of the one read."""
    now = settings.conversion
    other_sign = "tension" if now.sign < 0 else "compression"
    stress_now = settings.stress_unit or "eV/Angstrom^3"
    energy_now = settings.energy_unit or settings.usual_energy_unit
    readings = [
        *(
            ([], "stress_unit", unit, stress_now, factor / now.stress)
            for unit, factor in STRESS_UNITS.items()
        ),
        # A virial that was read as a stress, and a stress that was read as a virial.
        *(
            (
                ["`virial_key`, naming what was read as the stress"],
                "energy_unit",
                unit,
                energy_now,
                -factor / volume / now.stress,
            )
            for unit, factor in ENERGY_UNITS.items()
        ),
        *(
            (
                ["`stress_key`, naming what was read as the virial"],
                "stress_unit",
                unit,
                stress_now,
                -factor * volume / now.energy,
            )
            for unit, factor in STRESS_UNITS.items()
        ),
    ]
    for kind, key, unit, unit_now, factor in readings:
        ratio = slope / factor
        words = kind if unit == unit_now else [*kind, f"`{key}: {unit}`"]
        changes = len(words) + (ratio < 0)
        sign = [f"`stress_sign: {other_sign}`"] if ratio < 0 else []
        yield _Answer(" with ".join([*words, *sign]), changes, abs(ratio))


def _asked(found: str, answers: Iterable[_Answer]) -> str:
    """Raise with the likeliest answers; if none agrees, say that it is doubtful."""
    agreeing = [
        answer
        for answer in answers
        if 0 < answer.changes <= _MOST_CHANGES and 1 / _EXPLAINS < answer.ratio < _EXPLAINS
    ]
    if not agreeing:
        return f"{DOUBTFUL}: {found}, which no unit explains; are they of one calculation?"
    best = sorted(agreeing, key=lambda answer: (answer.unlikeliness, answer.text))
    near = [a for a in best if a.unlikeliness < best[0].unlikeliness + _AS_LIKELY][:_MOST_ANSWERS]
    listed = "; or ".join(f"{answer.text} ({answer.ratio:.3f})" for answer in near)
    raise _ContradictionError(f"{found}, and not by 1. Which is right? By about 1 it is {listed}")


def _slope(x: FloatArray, y: FloatArray) -> Iterator[float]:
    """Yield the slope of y over x through the origin, if they go together.

    What is far larger than the rest is left out: a frame with one wrong label tells no unit.
    """
    if not len(x):
        return
    usual = _is_usual(x) & _is_usual(y)
    square_x, square_y = (float(z[usual] @ z[usual]) for z in (x, y))
    both = float(x[usual] @ y[usual])
    if abs(both) > _LEAST_CORRELATION * np.sqrt(square_x * square_y) > 0:
        yield both / square_x


def _is_usual(values: FloatArray) -> NDArray[np.bool_]:
    sizes = np.abs(values)
    usual: NDArray[np.bool_] = sizes <= _FAR_LARGER * np.median(sizes)
    return usual


def _some(frames: Sequence[Frame]) -> Sequence[Frame]:
    return frames[:: max(1, -(-len(frames) // _MOST_FRAMES))]
