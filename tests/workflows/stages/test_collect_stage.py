"""Stage *collect*: what a split cannot help is said, and what cannot be split is refused."""

from __future__ import annotations

import ase.io
import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT

from cuprolith.errors import CuprolithError
from training.dataset.extxyz import read_frames
from workflows.inputs.campaign import Campaign
from workflows.stages.collect import collect
from workflows.stages.generate import generate
from workflows.stages.label import label
from workflows.workdir import Workdir

ONE_CRYSTAL = {"bulk": {"strains": [-0.02, 0.0, 0.02]}}
SLABS = {"crystal": "Cu", "miller_indices": [[1, 0, 0], [1, 1, 0], [1, 1, 1]], "min_thickness": 3}
WITH_ATOMS = {
    **ONE_CRYSTAL,
    "slabs": [{**SLABS, "vacuum": 5}],
    "isolated_atoms": {},
    "dimers": {"distances": [0.9, 1.2]},
}


def labelled(folder, structures, **more):
    content = {
        "name": "tiny",
        "crystals": {"Cu": {"prototype": "fcc", "a": 3.575}},
        "structures": structures,
        "engine": {"relax": {"max_steps": 1}},
        **more,
    }
    workdir = Workdir(folder)
    workdir.freeze(Campaign.model_validate(yaml.safe_load(yaml.safe_dump(content))))
    generate(workdir)
    assert label(workdir).failed == 0
    return workdir


def test_strained_copies_of_one_crystal_cannot_be_split(tmp_path):
    """They are made from one another; it is an error of the campaign, not an internal one."""
    with pytest.raises(CuprolithError, match=r"1 unrelated group of frames .* label at least 3"):
        collect(labelled(tmp_path, ONE_CRYSTAL))


def test_atoms_and_what_has_one_group_are_trained_on(tmp_path):
    workdir = labelled(tmp_path, WITH_ATOMS)
    summary = collect(workdir)
    (warning,) = summary.card.warnings
    assert "neither val nor test has Cu of family bulk; Cu of family dimer: errors there" in warning
    assert f"warning: {warning}" in str(summary)
    frames = read_frames(workdir.dataset / "train.extxyz")
    assert {"bulk", "dimer", "isolated_atom"} <= {frame.family for frame in frames}
    (atom,) = (frame for frame in frames if frame.family == "isolated_atom")
    assert atom.energy == pytest.approx(-7.07444, abs=1e-3), "diep 2.0.0's, without a neighbour"


def test_a_campaign_appends_frames_of_your_own(tmp_path):
    """Copied into the workdir; other engines' labels are mixed only where that is asked for."""
    rng = np.random.default_rng(0)
    mine = []
    for a in (3.6, 3.61, 3.62, 3.9):
        atoms = bulk("Cu", a=a, cubic=True)
        atoms.positions += 0.05 * rng.normal(size=(4, 3))
        atoms.calc = EMT()
        atoms.get_forces()
        mine.append(atoms)
    ase.io.write(tmp_path / "mine.xyz", mine)
    append = [{"path": str(tmp_path / "mine.xyz"), "functional": "EMT"}]
    workdir = labelled(tmp_path / "apart", WITH_ATOMS, append=append)
    (copy,) = workdir.campaign().append
    assert copy.path.is_relative_to(workdir.crystals.resolve())
    with pytest.raises(CuprolithError, match=r"labels of 2 different sources.*dataset.allow_mixed"):
        collect(workdir)
    (tmp_path / "mine.xyz").write_text("gone")
    campaign = workdir.campaign()
    mixed = campaign.dataset.model_copy(update={"allow_mixed": True})
    workdir.freeze(campaign.model_copy(update={"dataset": mixed}), update=True)
    card = collect(workdir).card
    assert {source.functional: source.frames for source in card.sources}["EMT"] == 4
    assert card.label_checks["mine.xyz: stresses"].startswith(("energies", "not checked"))
    assert card.splits["train"].systems["Cu"] > 4
    copy.path.write_text("changed")
    with pytest.raises(CuprolithError, match="not the file it was copied from"):
        workdir.campaign()
