"""The cells of the benchmark: Li, Cu and both, at most 12 atoms, made with the generators."""

from collections.abc import Iterator

from generators.candidate import Candidate
from generators.crystals import Crystal, prototype_structure, standard_crystal
from generators.families.interfaces.lattice_match import MatchLimits
from generators.settings import CrystalSettings
from generators.slab import Slab
from tests.candidates import (
    adatom_candidates,
    amorphous_candidates,
    bulk_candidates,
    cut_slab,
    interface_candidates,
    rattled_candidates,
    vacancy_candidates,
)

# r2SCAN lattice constants of GPAW, Å.
LATTICE = {"Cu": ("fcc", 3.592), "Li": ("bcc", 3.487)}
SEED = 20


def reference_cells() -> list[tuple[str, Candidate]]:
    """Name and candidate of each cell, cheap and telling ones first."""
    return [*_bulk(), *_surfaces(), *_interfaces(), *_defects(), *_mixtures()]


def _crystal(symbol: str) -> Crystal:
    prototype, constant = LATTICE[symbol]
    settings = CrystalSettings(prototype=prototype, a=constant)
    return standard_crystal(symbol, prototype_structure(symbol, settings))


def _slab(symbol: str, plane: tuple[int, int, int], thickness: float, vacuum: float = 5.0) -> Slab:
    return cut_slab(_crystal(symbol), plane, min_thickness=thickness, vacuum=vacuum)


def _rattled(
    candidate: Candidate, supercell: tuple[int, int, int] = (1, 1, 1), deviation: float = 0.1
) -> Candidate:
    (copy,) = rattled_candidates(
        candidate, supercell, copies=1, standard_deviation=deviation, seed=SEED
    )
    return copy


def _bulk() -> Iterator[tuple[str, Candidate]]:
    for symbol in LATTICE:
        crystal = _crystal(symbol)
        candidates = bulk_candidates(crystal, strains=(-0.04, 0.0, 0.04))
        for label, candidate in zip(
            ("compressed", "perfect", "stretched"), candidates, strict=True
        ):
            yield f"{symbol} bulk {label}", candidate
        yield f"{symbol} bulk rattled", _rattled(candidates[1], (2, 1, 1))
        yield f"{symbol} bulk rattled 4", _rattled(candidates[1], (2, 2, 1), 0.15)


def _surfaces() -> Iterator[tuple[str, Candidate]]:
    for symbol, plane, thickness in (
        ("Li", (1, 0, 0), 4.0),
        ("Cu", (1, 1, 1), 4.0),
        ("Li", (1, 1, 0), 4.0),
        ("Cu", (1, 0, 0), 3.5),
    ):
        candidate = _slab(symbol, plane, thickness).candidate
        name = f"{symbol}({''.join(map(str, plane))})"
        yield f"{name} surface", candidate
        yield f"{name} surface rattled", _rattled(candidate)


def _interfaces() -> Iterator[tuple[str, Candidate]]:
    limits = MatchLimits(area_tolerance=0.3, max_strain=0.3, max_atoms=14)
    for label, copper, lithium in (
        ("Cu-rich", 3.5, 1.5),
        ("Li-rich", 1.5, 5.0),
    ):
        (candidate,) = interface_candidates(
            _slab("Cu", (1, 0, 0), copper), _slab("Li", (1, 0, 0), lithium), limits, gaps=(2.3,)
        )
        yield f"Cu/Li interface {label}", candidate
        yield f"Cu/Li interface {label} rattled", _rattled(candidate)


def _defects() -> Iterator[tuple[str, Candidate]]:
    for symbol, thickness in (("Li", 3.4), ("Cu", 3.5)):
        slab = _slab(symbol, (1, 0, 0), thickness)
        other = "Cu" if symbol == "Li" else "Li"
        yield f"{symbol}(100) vacancy", vacancy_candidates(slab, (2, 1))[0]
        above = {"height": 2.0, "supercell": (2, 1)}
        adatom = adatom_candidates(slab, [other], sites=("hollow",), **above)[0]
        yield f"{other} on {symbol}(100)", adatom
        adatom = adatom_candidates(slab, [symbol], sites=("bridge",), **above)[0]
        yield f"{symbol} on {symbol}(100), bridge", _rattled(adatom, deviation=0.05)


def _mixtures() -> Iterator[tuple[str, Candidate]]:
    for formula, volume, distance in (("Li6Cu2", 17.0, 2.3), ("Li2Cu6", 13.0, 2.2)):
        (candidate,) = amorphous_candidates(
            formula, volume_per_atom=volume, min_distance=distance, seed=SEED
        )
        yield f"{formula} amorphous", candidate
