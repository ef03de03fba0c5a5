"""A small campaign that EMT has labelled, and a potential that is EMT, too."""

from ase.calculators.emt import EMT

from workflows.inputs.campaign import Campaign
from workflows.stages.generate import generate
from workflows.stages.label import label
from workflows.workdir import Workdir

MELT = {
    "melt_temperature": 600.0, "final_temperature": 300.0, "cooling_rate": 20000.0,
    "time_step": 3.0, "hold_steps": 4, "segment_steps": 5,
}  # fmt: skip


def campaign(**engine):
    return Campaign.model_validate(
        {
            "name": "judged",
            "seed": 3,
            "crystals": {
                "Cu": {"prototype": "fcc", "a": 3.6, "relax": True},
                "Ag": {"prototype": "fcc", "a": 4.1, "relax": True},
            },
            "structures": {
                "slabs": [
                    {"crystal": name, "miller_indices": [[1, 0, 0]], "min_thickness": 5,
                     "free_layers": 1, "vacuum": 7}
                    for name in ("Cu", "Ag")
                ],
                "adatoms": [{"species": ["Cu"], "crystals": ["Ag"]}],
                "interfaces": [
                    {"substrate": "Cu", "film": "Ag", "substrate_miller": [1, 0, 0],
                     "film_miller": [1, 0, 0], "substrate_thickness": 4, "film_thickness": 4,
                     "max_strain": 0.2, "area_tolerance": 0.4, "gaps": [2.0]}
                ],
            },
            "engine": {"name": "emt", "relax": {"fmax": 0.01}, **engine},
        }
    )  # fmt: skip


def labelled(folder, **engine):
    workdir = Workdir(folder)
    workdir.freeze(campaign(**engine))
    generate(workdir)
    label(workdir)
    return workdir


class Potential(EMT):
    """EMT in the place of a trained model; energies are shifted, eV/atom."""

    r_max = 6.0
    symbols = ("Ag", "Cu")

    def __init__(self, shift=0.0):
        super().__init__()
        self.shift = shift

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        for key in ("energy", "free_energy"):
            self.results[key] += self.shift * len(self.atoms)
