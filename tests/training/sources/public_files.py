"""Small files in the formats of rMD17 and QM9."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import molecule

# U0 in Hartree of the first three molecules of QM9, as its archive has them.
KNOWN_U0 = {"CH4": -40.47893, "NH3": -56.525887, "H2O": -76.404702}


def harmonic(positions: np.ndarray, k: float = 60.0) -> tuple[float, np.ndarray]:
    """Energy and forces of springs between all atoms, at rest at 1.5 Å."""
    vectors = positions[:, None] - positions[None]
    lengths = np.linalg.norm(vectors, axis=-1)
    np.fill_diagonal(lengths, 1.5)
    stretch = lengths - 1.5
    forces = -2 * k * np.einsum("ij,ijk->ik", stretch / lengths, vectors)
    return float(k * (stretch**2).sum() / 2), forces


def rmd17_arrays(n_frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Rattled water with springs, in kcal/mol, at rMD17's depth of energy."""
    rng = np.random.default_rng(seed)
    rest = molecule("H2O").positions
    coords = rest + 0.1 * rng.normal(size=(n_frames, 3, 3))
    energies, forces = zip(*(harmonic(frame) for frame in coords), strict=True)
    return {
        "nuclear_charges": np.array([8, 1, 1], dtype=np.uint8),
        "coords": coords,
        "energies": np.array(energies) - 47_900.0,
        "forces": np.array(forces),
        "old_indices": rng.permutation(2 * n_frames)[:n_frames],
    }


def write_rmd17(folder: Path, n_frames: int = 60, n_split: int = 20) -> dict[str, np.ndarray]:
    """Lay out what the archive unpacks to, with one split; return the arrays."""
    arrays = rmd17_arrays(n_frames)
    (folder / "npz_data").mkdir(parents=True)
    (folder / "splits").mkdir()
    np.savez(folder / "npz_data" / "rmd17_benzene.npz", **arrays)
    order = np.random.default_rng(1).permutation(n_frames)
    for part, indices in (("train", order[:n_split]), ("test", order[n_split : 2 * n_split])):
        np.savetxt(folder / "splits" / f"index_{part}_01.csv", indices, fmt="%d")
    return arrays


def write_rmd17_split(folder: Path, archive: Path) -> None:
    """Write the same split as two files of their own."""
    with np.load(archive / "npz_data" / "rmd17_benzene.npz") as file:
        arrays = dict(file)
    for part in ("train", "test"):
        chosen = np.loadtxt(archive / "splits" / f"index_{part}_01.csv", dtype=int)
        parts = {
            name: value if name == "nuclear_charges" else value[chosen]
            for name, value in arrays.items()
        }
        np.savez(folder / f"rmd17_benzene_{part}_01.npz", **parts)


def qm9_text(index: int, atoms: Atoms, u0: float) -> str:
    """Return one molecule as in QM9's archive, with its spelling of small numbers."""
    properties = [
        1.5,
        1.5,
        1.5,
        0.0,
        13.2,
        -0.39,
        0.12,
        0.5,
        35.4,
        0.045,
        u0,
        -1.0,
        -1.0,
        -1.0,
        6.5,
    ]
    rows = [
        "\t".join([symbol, *(_mathematica(x) for x in position), "-0.5"])
        for symbol, position in zip(atoms.symbols, atoms.positions, strict=True)
    ]
    tags = "\t".join([f"gdb {index}", *map(str, properties), ""])
    return "\n".join([str(len(atoms)), tags, *rows, "1341.3\t1562.7", "C\tC\t", "InChI=1S\tInChI"])


def _mathematica(x: float) -> str:
    text = f"{x:.10g}"
    return text.replace("e-0", "*^-") if "e" in text else text


def write_qm9(folder: Path, molecules: list[tuple[int, Atoms, float]], failed: list[int]) -> None:
    """Write both official files; members are in the order given."""
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / "dsgdb9nsd.xyz.tar.bz2", "w:bz2") as archive:
        for index, atoms, u0 in molecules:
            text = qm9_text(index, atoms, u0).encode()
            member = tarfile.TarInfo(f"dsgdb9nsd_{index:06d}.xyz")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    rows = [f"{index:8d}  CC(C)O  CC(C)[O]  C[C](C)O" for index in failed]
    title = ["=" * 40, "3054 molecules", "GDB17 string, B3LYP string", "=" * 40]
    text = "\n".join([*title, *rows, "=" * 40, ""])
    (folder / "uncharacterized.txt").write_text(text)


def small_molecules(n_each: int = 1) -> list[tuple[int, Atoms, float]]:
    """Methane, ammonia and water, numbered from 1; the later copies rattled."""
    rng = np.random.default_rng(0)
    molecules = []
    for copy in range(n_each):
        for name, u0 in KNOWN_U0.items():
            atoms = molecule(name)
            atoms.positions += 0.05 * copy * rng.normal(size=(len(atoms), 3)) / n_each
            shift = 0.01 * copy / n_each
            molecules.append((len(molecules) + 1, atoms, u0 + shift))
    return molecules
