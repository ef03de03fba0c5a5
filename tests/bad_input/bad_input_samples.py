"""Valid files of each kind, from which bad ones are made."""

from pathlib import Path

HPC_SETTINGS = Path(__file__).parents[1] / "workflows/hpc/setup/golden/settings/slurm.yaml"

CAMPAIGN = """\
name: small
seed: 1
crystals:
  Cu: {prototype: fcc, a: 3.575, source: a paper}
  Li: {prototype: bcc, a: 3.44}
structures:
  bulk: {strains: [-0.02, 0.0], supercell: [1, 1, 1]}
  slabs:
    - {crystal: Cu, miller_indices: [[1, 0, 0]], min_thickness: 5.0, vacuum: 6.0, free_layers: 2}
    - {crystal: Li, max_index: 1, min_thickness: 4.0, vacuum: 6.0, terminations: preferred}
  vacancies:
    - {crystals: [Cu], supercell: [2, 2], removed: 1}
  adatoms:
    - {species: [Li], crystals: [Cu], supercell: [1, 1], sites: [on_top], height: 2.0}
  interfaces:
    - {substrate: Cu, film: Li, substrate_miller: [1, 0, 0], film_miller: [1, 0, 0],
       substrate_thickness: 4.0, film_thickness: 4.0, gaps: [3.0], registries: [1, 1],
       max_atoms: 200, max_strain: 0.2, area_tolerance: 0.2}
  amorphous:
    - {formulas: [Li4Cu4], density: 4.0, min_distance: 1.5, copies: 1, seed: 0}
  rattled:
    - {family: bulk, supercell: [1, 1, 1], copies: 1, standard_deviation: 0.1, seed: 1}
  relaxed_parents: false
engine:
  name: diep-r2scan
  relax: {fmax: 0.05, max_steps: 3}
  melt_quench: {melt_temperature: 600, final_temperature: 10, cooling_rate: 5000.0,
                time_step: 2.0, hold_steps: 20, segment_steps: 20}
dataset:
  split: {val: 0.1, test: 0.1}
training:
  model: {num_scalar_features: 8, num_tensor_features: 2, r_max: 4.0}
  max_epochs: 1
  learning_rate: 1e-3
"""

VASP = """\
name: small
crystals:
  Cu: {prototype: fcc, a: 3.575}
structures:
  bulk: {strains: [0.0]}
engine:
  name: vasp
  vasp:
    functional: r2scan
    potcars: {Cu: Cu_pv}
    encut: 520
    ediff: 1e-5
    incar: {NELM: 120, ALGO: All}
    parallel: {ncore: 4}
"""

TRAINING = """\
name: small
seed: 0
data: {source: dataset, directory: dataset}
training:
  variant: allegro-mlp
  model: {num_scalar_features: 8, num_tensor_features: 2, r_max: 4.0, l_max: 1}
  final_mlp: {input_width: 16, widths: [32, 16], nonlinearity: silu}
  max_epochs: 1
  batch_size: 2
  learning_rate: 1e-3
  devices: 1
  num_workers: 0
tuning:
  generations: 2
  offspring: 4
  workers: 1
"""

STUDY = """\
name: small
data: {source: dataset, directory: dataset}
training:
  variant: allegro
  max_epochs: 1
tuning:
  generations: 2
  offspring: 4
  workers: 1
  search_space:
    model.r_max: {type: float, low: 4.0, high: 6.0}
    batch_size: {type: int, low: 1, high: 4}
    model.edge_mlp_width: {type: ordinal, values: [4, 8, 16]}
    dtype: {type: categorical, choices: [float32, float64]}
  inference: {objective: time, repeats: 5, warm_up: 1}
  limits: {peak_memory: 4.0}
  reference_point: [1.0, 100.0]
"""

OF_CRYSTAL_FILE = """\
name: small
crystals:
  X: {{file: {name}}}
structures:
  bulk: {{strains: [0.0]}}
  slabs: [{{crystal: X, miller_indices: [[1, 0, 0]], min_thickness: 4.0, vacuum: 5.0}}]
"""

CIF = """\
data_a
_cell_length_a 5.64
_cell_length_b 5.64
_cell_length_c 5.64
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_symmetry_equiv_pos_as_xyz
'x, y, z'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Na1 Na 0 0 0 1
Na2 Na 0.5 0.5 0 1
Na3 Na 0.5 0 0.5 1
Na4 Na 0 0.5 0.5 1
Cl1 Cl 0.5 0.5 0.5 1
Cl2 Cl 0 0 0.5 1
Cl3 Cl 0 0.5 0 1
Cl4 Cl 0.5 0 0 1
"""

POSCAR = """\
rock salt
1.0
5.64 0 0
0 5.64 0
0 0 5.64
Na Cl
4 4
Direct
0 0 0
0.5 0.5 0
0.5 0 0.5
0 0.5 0.5
0.5 0.5 0.5
0 0 0.5
0 0.5 0
0.5 0 0
"""

EXTXYZ = """\
8
Lattice="5.64 0 0 0 5.64 0 0 0 5.64" Properties=species:S:1:pos:R:3 pbc="T T T"
Na 0 0 0
Na 2.82 2.82 0
Na 2.82 0 2.82
Na 0 2.82 2.82
Cl 2.82 2.82 2.82
Cl 0 0 2.82
Cl 0 2.82 0
Cl 2.82 0 0
"""
