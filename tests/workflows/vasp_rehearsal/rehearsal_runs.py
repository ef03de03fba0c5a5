"""A run of the rehearsal: input files in a directory, and the means to run them."""

import os
import subprocess
import sys
import warnings
from io import StringIO
from pathlib import Path

from ase.build import bulk
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.vasp import Incar, Kpoints, Poscar, Vasprun
from pymatgen.io.vasp.outputs import UnconvergedVASPWarning

from workflows.vasp_rehearsal.potcars import placeholder
from workflows.vasp_rehearsal.potentials import MorsePairs
from workflows.vasp_rehearsal.run import run

INCAR = {
    "METAGGA": "R2SCAN",
    "LASPH": True,
    "ENCUT": 520,
    "EDIFF": 1e-5,
    "ISMEAR": 1,
    "SIGMA": 0.1,
    "ISIF": 2,
    "ISYM": 0,
    "PREC": "Accurate",
}
MD = {"IBRION": 0, "POTIM": 2, "MDALGO": 2, "SMASS": 0.5, "TEBEG": 600, "TEEND": 600}


class Run:
    """A directory with the inputs of a run of rattled Li3Cu5."""

    def __init__(self, directory: Path, tags: dict, free=None, poscar: Path | None = None):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        if poscar is None:
            atoms = bulk("Cu", cubic=True, a=3.7) * (2, 1, 1)
            atoms.rattle(0.1, seed=3)
            atoms.numbers[:3] = 3
            structure = AseAtomsAdaptor.get_structure(atoms)
            Poscar(structure, selective_dynamics=free).write_file(directory / "POSCAR")
        else:
            (directory / "POSCAR").write_bytes(poscar.read_bytes())
        self.write_incar(tags)
        Kpoints.gamma_automatic((2, 3, 3)).write_file(directory / "KPOINTS")
        potcars = [placeholder(symbol, "PBE_54") for symbol in ("Li_sv", "Cu_pv")]
        (directory / "POTCAR").write_text("".join(potcars))

    def write_incar(self, tags: dict) -> None:
        Incar(INCAR | tags).write_file(self.directory / "INCAR")

    def __truediv__(self, name: str) -> Path:
        return self.directory / name

    def here(self) -> str:
        """Run in this process with the fast potential; return what was printed."""
        printed = StringIO()
        try:
            run(self.directory, MorsePairs(), printed)
        finally:
            (self / "vasp.out").write_text(printed.getvalue())
        return printed.getvalue()

    def process(self, code: str = "from workflows.vasp_rehearsal.cli import main; exit(main())"):
        """Run as a process of its own, as a job script would."""
        return subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=self.directory,
            env=os.environ
            | {"CUPROLITH_REHEARSAL": "emt-like", "PYTHONPATH": str(Path(__file__).parents[3])},
            stdout=(self / "vasp.out").open("w"),
            stderr=(self / "std_err.txt").open("w"),
        )

    def vasprun(self, **options) -> Vasprun:
        """What pymatgen reads, converged or not."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnconvergedVASPWarning)
            return Vasprun(self / "vasprun.xml", parse_potcar_file=False, **options)
