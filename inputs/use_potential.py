"""Load the trained potential of a campaign as an ASE calculator and relax a structure with it.

python inputs/use_potential.py campaigns/quickstart
"""

import json
import sys
from pathlib import Path

import ase.io
from ase.optimize import BFGS

from training.predict import load_calculator

workdir = Path(sys.argv[1])
result_path = next(workdir.glob("training/*/result.json"))
result = json.loads(result_path.read_text())
atoms = ase.io.read(workdir / "structures" / "structures.extxyz", index=-1)
atoms.calc = load_calculator(result_path.parent / result["checkpoint"])
print(f"{atoms.info['structure_id']}: {atoms.get_chemical_formula()}")
print(f"energy {atoms.get_potential_energy():.4f} eV before")
BFGS(atoms, logfile=None).run(fmax=0.1, steps=20)
print(f"energy {atoms.get_potential_energy():.4f} eV after at most 20 steps of BFGS")
