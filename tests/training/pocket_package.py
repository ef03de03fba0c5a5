"""A package of another's with a variant and a source, as its entry points would install it."""

from pathlib import Path

VARIANT = """
from typing import Any, Literal

from training.optimization.parameters import IntParameter
from training.settings import ModelSettings, TrainingSettings
from training.variant import Variant


class PocketModel(ModelSettings):
    n_channels: int = 2


class PocketTraining(TrainingSettings):
    variant: Literal["pocket"] = "pocket"
    model: PocketModel = PocketModel()


def model_config(settings: PocketTraining) -> dict[str, Any]:
    return {
        "_target_": "pocket.builder.PocketGNN",
        "r_max": settings.model.r_max,
        "n_channels": settings.model.n_channels,
    }


VARIANT = Variant(
    name="pocket",
    label="Pocket",
    colour="#123456",
    settings=PocketTraining,
    model_config=model_config,
    search_space={"model.n_channels": IntParameter(low=1, high=4)},
    reach=lambda settings: settings.model.r_max,
    lammps_target="pair_nequip",
)
"""
BUILDER = """
from nequip.model import NequIPGNNModel, model_builder


@model_builder
def PocketGNN(n_channels, **keywords):
    return NequIPGNNModel(
        num_layers=1, l_max=0, num_features=n_channels, radial_mlp_width=4, **keywords
    )
"""
SOURCE = '''
from pathlib import Path
from typing import Literal

import ase.io
from ase import Atoms
from ase.calculators.lj import LennardJones

from training.source import Source, SourceSettings
from training.sources.extxyz import ExtxyzSource


class DimerSettings(SourceSettings):
    source: Literal["dimers"] = "dimers"
    file: str
    n_frames: int = 12

    @property
    def place(self) -> Path:
        return Path(self.file)

    @property
    def dataset_name(self) -> str:
        return self.source


class Dimers(ExtxyzSource):
    def __init__(self, section, train, val):
        super().__init__(train, val)
        self.section = section

    def settings(self):
        """The section with which the trainer's own process opens this source."""
        return self.section


def open_dimers(settings: DimerSettings, relative_to: Path) -> Dimers:
    """Dimers of argon at growing distances, held by Lennard-Jones forces."""
    path = (relative_to / settings.file).resolve()
    files = path, path.with_suffix(".val.xyz")
    for file, shortest in zip(files, (1.05, 1.08), strict=True):
        frames = []
        for number in range(settings.n_frames):
            atoms = Atoms("Ar2", [[0, 0, 0], [shortest + 0.05 * number, 0, 0]])
            atoms.calc = LennardJones(rc=10)
            atoms.get_forces()
            frames.append(atoms)
        ase.io.write(file, frames, format="extxyz")
    return Dimers({"source": "dimers", "file": str(path), "n_frames": settings.n_frames}, *files)


SOURCE = Source("dimers", DimerSettings, open_dimers)
'''
ENTRY_POINTS = """\
[cuprolith.variants]
pocket = pocket.variant:VARIANT

[cuprolith.sources]
dimers = pocket.source:SOURCE
"""


def install(folder: Path) -> None:
    """Write the package and what its installation would leave beside it."""
    for name, text in {"variant": VARIANT, "builder": BUILDER, "source": SOURCE}.items():
        path = folder / "pocket" / f"{name}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    (folder / "pocket" / "__init__.py").touch()
    facts = folder / "pocket-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: pocket\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRY_POINTS)
