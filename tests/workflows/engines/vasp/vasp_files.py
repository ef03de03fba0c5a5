"""Small files as VASP 6 writes them: vasprun.xml and OUTCAR of any run one needs."""

import bz2
import gzip
import lzma
from dataclasses import dataclass, field

import numpy as np
from ase.data import chemical_symbols

KBAR = 1602.1766208  # kbar per eV/Å³


@dataclass
class Step:
    """What VASP would compute at one ionic step; `e0_written` is what old versions write."""

    positions: np.ndarray
    cell: np.ndarray
    forces: np.ndarray
    kbar: np.ndarray | None
    free: float
    sigma0: float
    n_scf: int = 4
    e0_written: float | None = None


@dataclass
class Run:
    numbers: np.ndarray
    steps: list
    incar: dict = field(default_factory=lambda: {"ENCUT": 520.0, "METAGGA": "R2SCAN"})
    parameters: dict = field(default_factory=dict)
    fixed: np.ndarray | None = None
    mesh: tuple = (9, 9, 3)
    subversion: str = "18Apr23 (build Jan 1 2024 00:00:00) complex parallel"
    time: str = "12:00:00"
    bulk: str = ""

    @property
    def counts(self):
        kinds = list(dict.fromkeys(self.numbers.tolist()))
        return [(kind, int((self.numbers == kind).sum())) for kind in kinds]


def random_run(n_steps=5, n_atoms=6, seed=0, md=True, spread=0.05, **fields):
    rng = np.random.default_rng(seed)
    height = max(14.0, 2.0 * n_atoms) + seed * 0.01
    cell = np.diag([3.8, 3.9, height]) + rng.normal(size=(3, 3)) * 0.01
    layers = np.arange(n_atoms)
    scaled = np.stack([layers % 2 / 2, layers % 2 / 2, layers * 1.9 / height], axis=1) + 0.01
    steps = []
    # Springs of 1 eV/Å²: energies are the work of the forces, as in a true run.
    centres = scaled @ cell + rng.normal(size=scaled.shape)
    for _ in range(n_steps):
        scaled = scaled + rng.normal(size=scaled.shape) * spread @ np.linalg.inv(cell)
        tensor = rng.normal(size=(3, 3)) * 20
        stretched = scaled @ cell - centres
        free = -20.0 + float((stretched**2).sum()) / 2
        steps.append(
            Step(
                positions=(np.round(scaled % 1, 8)) @ np.round(cell, 8),
                cell=np.round(cell, 8),
                forces=np.round(-stretched, 8),
                kbar=np.round((tensor + tensor.T) / 2, 8),
                free=round(free, 8),
                sigma0=round(free + 0.01 * rng.random(), 8),
                n_scf=int(rng.integers(2, 7)),
            )
        )
    numbers = np.sort(np.where(rng.random(n_atoms) < 0.5, 29, 3))[::-1].copy()
    motion = {"IBRION": 0, "NSW": n_steps} if md else {"IBRION": 2, "NSW": 100}
    incar = {"ENCUT": 520.0, "METAGGA": "R2SCAN", "LASPH": True, "EDIFF": 1e-5, **motion}
    return Run(numbers, steps, **{"incar": incar, **fields})


def _entry(name, value):
    if isinstance(value, list):
        kind = ' type="int"' if isinstance(value[0], int) else ""
        return f'  <v{kind} name="{name}">{" ".join(map(str, value))}</v>\n'
    if isinstance(value, bool):
        return f'  <i type="logical" name="{name}"> {"T" if value else "F"}  </i>\n'
    if isinstance(value, int):
        return f'  <i type="int" name="{name}">{value:6d}</i>\n'
    if isinstance(value, str):
        return f'  <i type="string" name="{name}">{value}</i>\n'
    return f'  <i name="{name}">{value:16.8f}</i>\n'


def _rows(values):
    def number(value):
        text = f"{value:16.8f}"
        return text if len(text) <= 16 and np.isfinite(value) else "*" * 16

    return "".join(f"    <v> {' '.join(map(number, row))} </v>\n" for row in values)


def _structure(cell, positions, name="", fixed=None):
    selective = ""
    if fixed is not None:
        flags = "".join(f'   <v type="logical" > {"F F F" if f else "T T T"} </v>\n' for f in fixed)
        selective = f'  <varray type="logical" name="selective" >\n{flags}  </varray>\n'
    scaled = positions @ np.linalg.inv(cell)
    return (
        f" <structure{name and f' name={chr(34)}{name}{chr(34)} '}>\n  <crystal>\n"
        f'   <varray name="basis" >\n{_rows(cell)}   </varray>\n'
        f'   <i name="volume">{abs(np.linalg.det(cell)):16.8f} </i>\n'
        f'   <varray name="rec_basis" >\n{_rows(np.linalg.inv(cell).T)}   </varray>\n  </crystal>\n'
        f'  <varray name="positions" >\n{_rows(scaled)}  </varray>\n{selective} </structure>\n'
    )


def _energy(free, without, sigma0, more=""):
    items = {"e_fr_energy": free, "e_wo_entrp": without, "e_0_energy": sigma0}
    lines = "".join(f'   <i name="{name}">{value:16.8f} </i>\n' for name, value in items.items())
    return f"  <energy>\n{lines}{more}  </energy>\n"


def calculation(step, md, bulk="", pressure_volume=0.0):
    text = " <calculation>\n"
    for index in range(step.n_scf):
        off = 0.0 if index == step.n_scf - 1 else 1.0
        text += "  <scstep>\n" + '   <time name="dav">    0.79    0.79</time>\n'
        text += _energy(step.free + off, step.free + off, step.sigma0 + off) + "  </scstep>\n"
    text += _structure(step.cell, step.positions)
    text += f'  <varray name="forces" >\n{_rows(step.forces)}  </varray>\n'
    if step.kbar is not None:
        text += f'  <varray name="stress" >\n{_rows(step.kbar)}  </varray>\n'
    heat = '   <i name="kinetic">      0.10000000 </i>\n' if md else ""
    sigma0 = step.sigma0 if step.e0_written is None else step.e0_written
    energies = (each + pressure_volume for each in (step.free, step.free, sigma0))
    text += _energy(*energies, heat)
    return text + '  <time name="totalsc">   18.60   19.40</time>\n' + bulk + " </calculation>\n"


def vasprun_head(run):
    parameters = {"ENMAX": 520.0, "NELM": 60, "PREC": "accura", "ISMEAR": 1, **run.parameters}
    atoms = "".join(f"<rc><c>{chemical_symbols[n]:2s}</c><c>   1</c></rc>\n" for n in run.numbers)
    types = "".join(
        f"<rc><c>{count:4d}</c><c>{chemical_symbols[kind]:2s}</c><c>  63.546</c><c>  11.0</c>"
        f"<c>  PAW_PBE {chemical_symbols[kind]} 22Jun2005              </c></rc>\n"
        for kind, count in run.counts
    )
    first = run.steps[0]
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n'
        '  <i name="program" type="string">vasp </i>\n'
        '  <i name="version" type="string">6.4.2  </i>\n'
        f'  <i name="subversion" type="string">{run.subversion} </i>\n'
        '  <i name="date" type="string">2026 01 10 </i>\n'
        f'  <i name="time" type="string">{run.time} </i>\n </generator>\n <incar>\n'
        + "".join(_entry(*item) for item in run.incar.items())
        + ' </incar>\n <kpoints>\n  <generation param="Gamma">\n'
        f'   <v type="int" name="divisions">{"".join(f"{n:8d}" for n in run.mesh)} </v>\n'
        '   <v name="usershift">     0.0  0.0  0.0 </v>\n  </generation>\n'
        '  <varray name="kpointlist" >\n   <v> 0.0 0.0 0.0 </v>\n  </varray>\n'
        '  <varray name="weights" >\n   <v> 1.0 </v>\n  </varray>\n'
        " </kpoints>\n <parameters>\n"
        '  <separator name="general" >\n'
        + "".join(_entry(*item) for item in parameters.items())
        + f"  </separator>\n </parameters>\n <atominfo>\n  <atoms> {len(run.numbers)} </atoms>\n"
        f"  <types> {len(run.counts)} </types>\n"
        '  <array name="atoms" >\n   <dimension dim="1">ion</dimension>\n   <set>\n'
        f'{atoms}   </set>\n  </array>\n  <array name="atomtypes" >\n'
        f'   <dimension dim="1">type</dimension>\n   <set>\n{types}   </set>\n'
        "  </array>\n </atominfo>\n"
        + _structure(first.cell, first.positions, "initialpos", run.fixed)
    )


def vasprun_tail(run):
    last = run.steps[-1]
    return _structure(last.cell, last.positions, "finalpos", run.fixed) + "</modeling>\n"


def vasprun_xml(run):
    md = run.incar.get("IBRION") == 0
    last = len(run.steps) - 1
    pressure = run.incar.get("PSTRESS", 0.0) / KBAR
    steps = (
        calculation(s, md, run.bulk if i == last else "", pressure * abs(np.linalg.det(s.cell)))
        for i, s in enumerate(run.steps)
    )
    return (vasprun_head(run) + "".join(steps) + vasprun_tail(run)).encode("latin-1")


def _lattice(cell):
    rows = zip(cell, np.linalg.inv(cell).T, strict=True)
    lines = "".join("   " + "".join(f"{x:13.9f}" for x in (*a, *b)) + "\n" for a, b in rows)
    return f"      direct lattice vectors                 reciprocal lattice vectors\n{lines}"


def outcar(run):
    nelm = run.parameters.get("NELM", 60)
    first = run.steps[0]
    text = " vasp.6.4.2 18Apr23 (build Jan 1 2024) complex\n \n executed on Linux date 2026.01.10\n"
    text += "\n INCAR:\n" + "".join(f"   {key} = {value}\n" for key, value in run.incar.items())
    names = [chemical_symbols[kind] for kind, _ in run.counts]
    text += "".join(f" POTCAR:    PAW_PBE {name} 22Jun2005\n" for name in names)
    for name in names:
        text += f" POTCAR:    PAW_PBE {name} 22Jun2005\n"
        text += f"   VRHFIN ={name}: s1\n   TITEL  = PAW_PBE {name} 22Jun2005\n"
        text += "   POMASS =   63.546; ZVAL   =   11.000    mass and valenz\n"
    if run.mesh:
        text += " generate k-points for: " + "".join(f"{n:5d}" for n in run.mesh) + "\n"
    text += f"   ions per type = {' '.join(str(count) for _, count in run.counts)}\n"
    text += " number of bands    NBANDS=     40\n total plane-waves  NPLWV =   1000\n"
    text += f" NIONS = {len(run.numbers)}\n Startparameter for this run:\n"
    text += "   PREC   = accura    normal or accurate\n   METAGGA=      F    non-selfconsistent\n"
    text += "   ENCUT  =  520.0 eV  38.22 Ry\n"
    n_electrons = run.parameters.get("NELECT", 11.0 * len(run.numbers))
    text += f"   NELECT = {n_electrons:12.4f}    total number of electrons\n"
    text += f"   NELM   = {nelm:6d};   NELMIN=  2; NELMDL= -5     # of ELM steps\n"
    text += "   ISMEAR =     1;   SIGMA  =   0.20  broadening in eV\n" + _lattice(first.cell)
    text += " position of ions in fractional coordinates (direct lattice)\n"
    scaled = first.positions @ np.linalg.inv(first.cell)
    text += "".join("  " + "".join(f"{x:12.8f}" for x in row) + "\n" for row in scaled)
    for index, step in enumerate(run.steps, start=1):
        for scf in range(1, step.n_scf + 1):
            text += f"{'-' * 39} Iteration {index:6d}({scf:4d})  {'-' * 39}\n"
            text += f"  free energy    TOTEN  = {step.free:18.8f} eV\n\n"
            text += f"  energy without entropy = {step.free:18.8f}  "
            text += f"energy(sigma->0) = {step.sigma0:18.8f}\n"
        if step.kbar is not None:
            k = step.kbar
            six = (k[0, 0], k[1, 1], k[2, 2], k[0, 1], k[1, 2], k[2, 0])
            text += "  in kB  " + "".join(f"{x:12.5f}" for x in six) + "\n"
        text += " VOLUME and BASIS-vectors are now :\n" + _lattice(step.cell)
        text += " POSITION                                       TOTAL-FORCE (eV/Angst)\n"
        text += " " + "-" * 83 + "\n"
        for row in np.hstack([step.positions, step.forces]):
            text += "".join(f"{x:13.5f}" for x in row[:3])
            text += "   " + "".join(f"{x:14.6f}" for x in row[3:]) + "\n"
        text += " " + "-" * 83 + "\n    total drift:   0.0 0.0 0.0\n\n"
        text += f"  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n{'-' * 40}\n"
        text += f"  free  energy   TOTEN  = {step.free:18.8f} eV\n\n"
        text += f"  energy  without entropy={step.free:18.8f}  "
        text += f"energy(sigma->0) ={step.sigma0:18.8f}\n"
    return (text + " General timing and accounting informations for this job:\n").encode()


COMPRESS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def write_run(folder, run, name="vasprun.xml"):
    folder.mkdir(parents=True, exist_ok=True)
    text = outcar(run) if name.startswith("OUTCAR") else vasprun_xml(run)
    compress = next((COMPRESS[end] for end in COMPRESS if name.endswith(end)), bytes)
    (folder / name).write_bytes(compress(text))
    return folder / name
