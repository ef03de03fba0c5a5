"""The overview counts what is there, and its costs are those of pymatgen's own slabs."""

import math
from collections import Counter

import numpy as np
import pytest
from pymatgen.core.surface import SlabGenerator

from cuprolith.json_files import read_json
from generators.catalogue import Catalogue, build_catalogue
from generators.crystals import prototype_structure, standard_crystal
from tests.candidates import adatom_candidates, cut_slab, vacancy_candidates
from workflows.engine import engine_settings
from workflows.engines.vasp.inputs import RelaxInputGenerator
from workflows.engines.vasp.settings import VaspSettings
from workflows.inputs.campaign import Campaign
from workflows.inputs.campaign_crystals import campaign_crystals
from workflows.kpoints import has_vacuum
from workflows.labelling.lattice_constants import RelaxedCrystal
from workflows.overview import Overview, make_overview
from workflows.plan import plan_campaign
from workflows.stages.generate import generate
from workflows.workdir import Workdir

CRYSTALS = {
    "Cu": {"prototype": "fcc", "a": 3.58, "source": "a handbook"},
    "Li": {"prototype": "bcc", "a": 3.48},
}


def campaign(published=None, **structures):
    content = {"name": "c", "crystals": CRYSTALS, "structures": structures}
    return Campaign.model_validate(content | ({"published": published} if published else {}))


def slab(crystal, *planes, thickness=8.0):
    return {
        "crystal": crystal,
        "miller_indices": [list(plane) for plane in planes],
        "min_thickness": thickness,
    }


def overview_of(asked, relaxed=None, catalogue=None):
    crystals = campaign_crystals(asked)
    made = catalogue or build_catalogue(crystals, asked.structures)
    return make_overview(asked, crystals, relaxed or {}, made)


def family(overview, name):
    (found,) = (family for family in overview.families if family.family == name)
    return found


def pymatgen_ratio(name, plane, area_of):
    """Area that `area_of` finds for pymatgen's generator, in units of the smallest cell's."""
    asked = campaign(slabs=[slab(name, plane)])
    crystals = campaign_crystals(asked)
    made = build_catalogue(crystals, asked.structures)
    found = family(overview_of(asked, catalogue=made), "slab")
    conventional = standard_crystal(name, crystals[name]).conventional
    theirs = SlabGenerator(conventional, plane, 8.0, 15.0, primitive=True, lll_reduce=True)
    lattice = made.candidates[0].structure.lattice
    return found.pymatgen_cells.atoms_cubed_ratio, area_of(theirs) / (lattice.volume / lattice.c)


@pytest.mark.parametrize(
    ("name", "plane"), [("Cu", (1, 0, 0)), ("Cu", (3, 1, 1)), ("Li", (1, 1, 1)), ("Li", (3, 2, 1))]
)
def test_atoms_on_pymatgens_cell_follow_its_oriented_unit_cell(name, plane):
    def area(generator):
        first, second, _ = generator.oriented_unit_cell.lattice.matrix
        return np.linalg.norm(np.cross(first, second))

    ours, ratio = pymatgen_ratio(name, plane, area)
    assert ours == pytest.approx(ratio**3, rel=1e-6)


@pytest.mark.parametrize(("name", "plane"), [("Cu", (1, 1, 0)), ("Cu", (3, 1, 1))])
def test_reduced_slabs_of_pymatgen_have_that_area(name, plane):
    """Cu(311) comes out twelve times larger than need be."""
    ours, ratio = pymatgen_ratio(name, plane, lambda theirs: theirs.get_slab().surface_area)
    assert ours == pytest.approx(ratio**3, rel=1e-6)


def test_kpoints_of_both_cells_follow_their_edges():
    """Cu(100): edges a/√2 here and a there, twice the atoms, ⌈32 Å / edge⌉ divisions each."""
    found = family(overview_of(campaign(slabs=[slab("Cu", (1, 0, 0))])), "slab")
    here, there = math.ceil(32 / (3.58 / math.sqrt(2))) ** 2, math.ceil(32 / 3.58) ** 2
    assert found.cost.with_kpoints == found.cost.atoms_cubed * here
    assert found.pymatgen_cells.with_kpoints_ratio == pytest.approx(8 * there / here)


def test_overview_plan_and_vasp_count_the_same_kpoints():
    """One rule for vacuum, by the gap: interfaces with and without, slabs with too little."""
    asked = campaign(
        bulk={},
        slabs=[slab("Cu", (1, 0, 0)), slab("Li", (1, 0, 0)) | {"vacuum": 2.5}],
        adatoms=[{"species": ["Li"], "crystals": ["Cu"]}],
        interfaces=[
            {"substrate": "Cu", "film": "Li", "miller_indices": [[1, 0, 0]], "vacuum": vacuum,
             "substrate_thickness": 6.0, "film_thickness": 6.0}
            for vacuum in (0.0, 5.0, 8.0, 12.0)
        ],
    ).model_copy(
        update={"engine": engine_settings(name="vasp", vasp=VaspSettings(kpoint_length=24.0))}
    )  # fmt: skip
    overview, planned = overview_of(asked), plan_campaign(asked)
    made = build_catalogue(campaign_crystals(asked), asked.structures).candidates
    assert len({mesh for f in planned.families for mesh in f.kpoint_meshes}) > 3
    for family_plan in planned.families:
        members = [one for one in made if one.family == family_plan.family]
        generator = RelaxInputGenerator(settings=asked.engine.vasp)
        meshes = []
        for member in members:
            generator.structure = member.structure
            meshes.append(generator.kpoints_updates.kpts[0])
        assert family_plan.kpoint_meshes == Counter("×".join(map(str, mesh)) for mesh in meshes)
        expected = sum(
            len(member.structure) ** 3 * math.prod(mesh)
            for member, mesh in zip(members, meshes, strict=True)
        )
        assert family(overview, family_plan.family).cost.with_kpoints == expected
    (thin,) = (one for one in made if one.family == "slab" and one.parameters["crystal"] == "Li")
    assert not has_vacuum(thin.structure)


def test_families_add_up_to_the_total():
    asked = campaign(
        bulk={"strains": [-0.02, 0.0, 0.02]},
        slabs=[slab("Cu", (1, 0, 0), (1, 1, 1)), slab("Li", (1, 1, 0))],
        adatoms=[{"species": ["Li"]}],
        vacancies=[{"supercell": [2, 2]}],
        rattled=[{"family": "slab", "copies": 2}],
    )
    overview = overview_of(asked)
    made = build_catalogue(campaign_crystals(asked), asked.structures).candidates
    total = overview.total
    assert total.structures == len(made) == sum(f.structures for f in overview.families)
    assert total.atoms == sum(len(candidate.structure) for candidate in made)
    assert total.free_atoms == sum(sum(candidate.free_mask) for candidate in made)
    assert total.cost.atoms_cubed == sum(len(candidate.structure) ** 3 for candidate in made)
    for one in overview.families:
        sizes = sorted(len(c.structure) for c in made if c.family == one.family)
        assert (one.atoms_min, one.atoms_max) == (sizes[0], sizes[-1])
        assert sizes[0] <= one.atoms_median <= sizes[-1]
    bulk = family(overview, "bulk")
    assert bulk.pymatgen_cells.structures == 0
    assert bulk.pymatgen_cells.atoms_cubed_ratio is None
    assert total.pymatgen_cells.structures == total.structures - bulk.structures


def test_repeats_change_the_ratio_of_meshes_and_not_of_atoms():
    """A 2 × 2 supercell of either cell: the same ratio of N³, and coarser meshes of both."""
    asked = campaign(slabs=[slab("Cu", (1, 0, 0))], adatoms=[{"species": ["Cu"]}])
    overview = overview_of(asked)
    cells = family(overview, "adatom").pymatgen_cells
    assert cells.atoms_cubed_ratio == pytest.approx(8)
    edge = 2 * 3.58 / math.sqrt(2)
    here, there = math.ceil(32 / edge) ** 2, math.ceil(32 / (2 * 3.58)) ** 2
    assert cells.with_kpoints_ratio == pytest.approx(8 * there / here)


def test_structures_on_pymatgens_own_cell_have_no_counterpart():
    asked = campaign(slabs=[slab("Cu", (1, 0, 0))])
    copper = standard_crystal("Cu", campaign_crystals(asked)["Cu"])
    base = cut_slab(copper, (1, 0, 0), min_thickness=8.0, vacuum=15.0)
    defects = [
        *vacancy_candidates(base, (2, 2), cell="pymatgen"),
        *adatom_candidates(base, ["Li"], cell="pymatgen"),
    ]
    overview = overview_of(asked, catalogue=Catalogue([base.candidate, *defects], [], []))
    assert family(overview, "slab").pymatgen_cells.structures == 1
    assert overview.total.pymatgen_cells.structures == 1


def test_published_counts_stand_beside_ours():
    asked = campaign(
        published={"source": "A. Author", "counts": {"slab": 3, "interface": 13}},
        bulk={},
        slabs=[slab("Cu", (1, 0, 0), (1, 1, 1))],
    )
    overview = overview_of(asked)
    assert overview.published_source == "A. Author"
    assert {f.family: (f.structures, f.published, f.difference) for f in overview.families} == {
        "bulk": (2, None, None),
        "slab": (2, 3, -1),
        "interface": (0, 13, -13),
    }
    assert overview.total.published == 16


def test_notes_duplicates_and_crystals_are_named():
    asked = campaign(slabs=[slab("Cu", (1, 0, 0), (1, 1, 1))])
    kept, removed = build_catalogue(campaign_crystals(asked), asked.structures).candidates
    catalogue = Catalogue([kept], ["Li(111): no vacancy"], [(removed, kept.structure_id)])
    relaxed = RelaxedCrystal(
        request="0", engine="diep-r2scan", functional="r2SCAN", config_hash="0",
        given={"a": 3.48}, relaxed={"a": 3.44}, steps=3, seconds=0.1,
        structure=prototype_structure("Li", asked.crystals["Li"]).as_dict(),
    )  # fmt: skip
    overview = overview_of(asked, relaxed={"Li": relaxed}, catalogue=catalogue)
    assert overview.notes == ["Li(111): no vacancy"]
    (duplicate,) = overview.duplicates
    assert (duplicate.structure_id, duplicate.kept) == (removed.structure_id, kept.structure_id)
    assert overview.crystals["Cu"].source == "a handbook"
    assert overview.crystals["Cu"].constants == pytest.approx({"a": 3.58})
    assert overview.crystals["Li"].constants == {"a": 3.44}
    assert overview.crystals["Li"].source == "relaxed with diep-r2scan (r2SCAN)"


def test_the_written_overview_reads_back(tmp_path):
    workdir = Workdir(tmp_path / "w")
    workdir.freeze(campaign(slabs=[slab("Cu", (1, 1, 1))]))
    summary = generate(workdir)
    assert Overview.model_validate(read_json(workdir.overview_json)) == summary.overview
    assert str(summary) == f"1 structure (1 slab), {summary.overview.total.atoms} atoms"
