"""The paper's catalogue against pymatgen's straightforward way, in the same run.

``pytest tests/benchmarks/test_bench_generators.py --benchmark-enable`` measures all planes up to
(332), with peak memory in a process of its own; without the option the same code runs once on the
planes up to (111).

pymatgen's way, as its documentation shows it: `SlabGenerator(primitive=True, lll_reduce=True)`,
`AdsorbateSiteFinder` on the 2×2×1 supercell of each slab, `CoherentInterfaceBuilder` on each pair
of planes with its default lattice matches but for the area tolerance of 9 % and a length tolerance
that lets the 1:1 match of Li and Cu through. Vacancies are left to ours alone.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import pytest
from fresh_process import printed_number
from pymatgen.analysis.adsorption import AdsorbateSiteFinder
from pymatgen.analysis.interfaces.coherent_interfaces import CoherentInterfaceBuilder
from pymatgen.analysis.interfaces.zsl import ZSLGenerator
from pymatgen.core import Structure
from pymatgen.core.surface import SlabGenerator, get_symmetrically_distinct_miller_indices

from generators.catalogue import build_catalogue
from generators.crystals import prototype_structure
from generators.settings import CrystalSettings
from generators.structures_settings import StructuresSettings
from workflows.kpoints import gamma_mesh

THICKNESS = {"Cu": 30.0, "Li": 20.0}
VACUUM = 15.0  # on each side
ADATOMS = ("Li", "Cu")
# For the growth of cost: more adatom species make more candidates of the same kind.
MORE_ADATOMS = ("H", "B", "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K")


class Cost(NamedTuple):
    """Cost of DFT, up to a factor: summed atoms³, and the same times k-points."""

    atoms3: float
    atoms3_k: float


def crystals() -> dict[str, Structure]:
    settings = {
        "Cu": CrystalSettings(prototype="fcc", a=3.58),
        "Li": CrystalSettings(prototype="bcc", a=3.48),
    }
    return {name: prototype_structure(name, setting) for name, setting in settings.items()}


def sections(max_index: int, adatoms: tuple[str, ...] = ADATOMS) -> StructuresSettings:
    return StructuresSettings.model_validate(
        {
            "slabs": [
                {
                    "crystal": name,
                    "max_index": max_index,
                    "min_thickness": thickness,
                    "vacuum": VACUUM,
                }
                for name, thickness in THICKNESS.items()
            ],
            "vacancies": [{"supercell": (1, 1)}, {"supercell": (2, 2)}],
            "adatoms": [{"species": adatoms, "supercell": (2, 2), "height": 2.0}],
            "interfaces": [
                {
                    "substrate": "Cu",
                    "film": "Li",
                    "max_index": max_index,
                    "gaps": [3.0],
                    "substrate_thickness": THICKNESS["Cu"],
                    "film_thickness": THICKNESS["Li"],
                    "max_atoms": 250,
                }
            ],
        }
    )


def ours(max_index: int, adatoms: tuple[str, ...] = ADATOMS) -> list[Structure]:
    """All structures; the slabs first."""
    return [
        candidate.structure
        for candidate in build_catalogue(crystals(), sections(max_index, adatoms)).candidates
    ]


def pymatgens(max_index: int, planes: slice = slice(None)) -> list[Structure]:
    """Slabs, adatoms and interfaces; the slabs first."""
    slabs, others = [], []
    indices = get_symmetrically_distinct_miller_indices(crystals()["Cu"], max_index)
    for name, crystal in crystals().items():
        for index in indices:
            slab = SlabGenerator(
                crystal, index, THICKNESS[name], 2 * VACUUM,
                primitive=True, lll_reduce=True, center_slab=True,
            ).get_slab()  # fmt: skip
            slabs.append(slab)
            finder = AdsorbateSiteFinder(slab * (2, 2, 1))
            sites = finder.find_adsorption_sites(distance=2.0)["all"]
            for species in ADATOMS:
                for site in sites:
                    adatom = finder.slab.copy()
                    adatom.append(species, site, coords_are_cartesian=True)
                    others.append(adatom)
    others += [interface for index in indices[planes] for interface in _interfaces(index)]
    return [*slabs, *others]


def _interfaces(index: tuple[int, int, int]) -> list[Structure]:
    """One interface per termination; none where pymatgen's builder fails on its own match."""
    try:
        builder = CoherentInterfaceBuilder(
            substrate_structure=crystals()["Cu"],
            film_structure=crystals()["Li"],
            substrate_miller=index,
            film_miller=index,
            zslgen=ZSLGenerator(max_area_ratio_tol=0.09, max_length_tol=0.045),
        )
    except ValueError as error:
        if "changed during ZSL match" not in str(error):
            raise
        return []
    return [
        next(
            builder.get_interfaces(
                termination,
                gap=3.0,
                vacuum_over_film=3.0,
                film_thickness=THICKNESS["Li"],
                substrate_thickness=THICKNESS["Cu"],
                in_layers=False,
            )
        )
        for termination in builder.terminations
    ]


def slab_cost(slabs: list[Structure]) -> Cost:
    kpoints = [gamma_mesh(slab, vacuum=True) for slab in slabs]
    return Cost(
        float(sum(len(slab) ** 3 for slab in slabs)),
        float(
            sum(len(slab) ** 3 * a * b * c for slab, (a, b, c) in zip(slabs, kpoints, strict=True))
        ),
    )


def peak_gib(max_index: int) -> float:
    """Peak resident memory of a fresh process that makes our catalogue, GiB."""
    script = (
        "import resource, sys, test_bench_generators as bench\n"
        "bench.ours(int(sys.argv[1]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)"
    )
    return round(printed_number(script, max_index), 2)


@pytest.fixture
def max_index(measuring) -> int:
    return 3 if measuring else 1


@pytest.mark.parametrize("make", [ours, pytest.param(pymatgens, marks=pytest.mark.slow)])
@pytest.mark.benchmark(group="catalogue of the paper")
def test_catalogue(benchmark, max_index, measuring, make):
    with warnings.catch_warnings(action="ignore"):
        # Each of pymatgen's interfaces takes seconds; that on (110) the fewest.
        limit = () if measuring or make is ours else (slice(1, 2),)
        structures = benchmark.pedantic(make, (max_index, *limit), rounds=1)
    n_slabs = 26 if max_index == 3 else 6
    assert len(structures) > 5 * n_slabs
    cost = slab_cost(structures[:n_slabs])
    benchmark.extra_info |= {"structures": len(structures), **cost._asdict()}
    if measuring and make is ours:
        benchmark.extra_info["peak_gib"] = peak_gib(max_index)


@pytest.mark.parametrize(
    "n_species", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (4, 8, 16))]
)
@pytest.mark.benchmark(group="growth with the number of candidates")
def test_growth(benchmark, max_index, measuring, n_species):
    species = (*ADATOMS, *MORE_ADATOMS)[:n_species]
    structures = benchmark.pedantic(ours, (max_index, species), rounds=1)
    assert len(structures) > 20 * n_species
    if measuring:
        milliseconds = 1000 * benchmark.stats["mean"] / len(structures)
        benchmark.extra_info |= {
            "structures": len(structures),
            "ms_per_candidate": round(milliseconds, 2),
        }
