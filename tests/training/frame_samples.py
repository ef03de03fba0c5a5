"""Frames for tests: labelled by a real potential, or of arbitrary numbers."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.calculators.emt import EMT
from ase.stress import voigt_6_to_full_3x3_stress
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.dataset.frames import Frame

SEED = 7  # of trainings
PROVENANCE = {
    "structure_id": "bulk-0123456789ab",
    "family": "bulk",
    "trajectory_id": "relax-1",
    "step": 0,
    "engine": "emt",
    "functional": "EMT",
    "config_hash": "c0ffee",
}


def emt_frame(atoms: Atoms, **provenance) -> Frame:
    """Label atoms with ASE's effective medium theory (metals such as Cu, Ni, Al)."""
    atoms = atoms.copy()
    atoms.calc = EMT()
    return Frame(
        numbers=atoms.numbers.astype(np.int64),
        positions=atoms.positions,
        cell=atoms.cell.array,
        pbc=tuple(bool(periodic) for periodic in atoms.pbc),
        energy=float(atoms.get_potential_energy()),
        forces=atoms.get_forces(),
        stress=voigt_6_to_full_3x3_stress(atoms.get_stress()) if atoms.pbc.all() else None,
        **{**PROVENANCE, **provenance},
    )


def random_frame(rng: np.random.Generator, n_atoms: int = 5, **fields) -> Frame:
    """Return a frame of random numbers, with all optional fields."""
    stress = rng.normal(size=(3, 3))
    values = {
        "numbers": rng.choice([3, 29], n_atoms),
        "positions": rng.random((n_atoms, 3)) * 10,
        "cell": np.eye(3) * 10 + rng.normal(size=(3, 3)) * 0.1,
        "energy": -3.0 * n_atoms + float(rng.normal()),
        "forces": rng.normal(size=(n_atoms, 3)),
        "stress": stress + stress.T,
        "free_mask": rng.random(n_atoms) < 0.5,
        "energy_sigma0": float(rng.normal()),
        "miller_index": "3 2 2",
        "parent_id": "slab-ba9876543210",
    }
    return Frame(**{**PROVENANCE, **values, **fields})


@st.composite
def arbitrary_frames(draw, finite: bool = False, texts: st.SearchStrategy[str] | None = None):
    """Frames with any float64 (subnormals, -0.0, NaN, ...) and any text."""
    floats = st.floats(allow_nan=not finite, allow_infinity=not finite)
    texts = st.text(max_size=20) if texts is None else texts
    n_atoms = draw(st.integers(1, 4))

    def matrix(rows: int) -> st.SearchStrategy[np.ndarray]:
        return arrays(np.float64, (rows, 3), elements=floats)

    return Frame(
        numbers=draw(arrays(np.int64, n_atoms, elements=st.integers(0, 118))),
        positions=draw(matrix(n_atoms)),
        cell=draw(matrix(3)),
        energy=draw(floats),
        forces=draw(matrix(n_atoms)),
        stress=draw(st.none() | matrix(3)),
        structure_id=draw(texts),
        family=draw(texts),
        trajectory_id=draw(texts),
        step=draw(st.integers(0, 10**9)),
        engine=draw(texts),
        functional=draw(texts),
        config_hash=draw(texts),
        miller_index=draw(texts),
        parent_id=draw(texts),
        converged=draw(st.booleans()),
        pbc=draw(st.tuples(st.booleans(), st.booleans(), st.booleans())),
        free_mask=draw(st.none() | arrays(np.bool_, n_atoms)),
        energy_sigma0=draw(st.none() | floats),
    )
