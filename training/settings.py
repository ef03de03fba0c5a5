"""Settings of datasets and trainings (YAML sections ``dataset`` and ``training``)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from cuprolith.settings import Settings

# Numbers beyond these make no sense in any unit, and 1e308 would overflow.
Positive = Annotated[float, Field(gt=1e-12, le=1e6)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Width = Annotated[int, Field(ge=1, le=16_384)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
# Each is a process with torch in it, some 0.3 GB.
Processes = Annotated[int, Field(ge=1, le=256)]


class ThinningSettings(Settings):
    """Least difference between an ionic step and the last one kept of its trajectory.

    A step is kept when any one threshold is passed; the first and the last step always are.
    """

    min_displacement: Positive = Field(
        default=0.05, description="largest displacement of an atom, Å"
    )
    min_force_change: Positive = Field(
        default=0.10, description="largest change of an atom's force, eV/Å"
    )


class NearDuplicateSettings(Settings):
    """Largest difference of two frames that count as near-duplicates.

    Same composition, volume, energy and sorted atomic force norms, each within its tolerance.
    """

    energy_per_atom: Positive = Field(default=1e-4, description="eV/atom")
    force_norm: Positive = Field(default=5e-3, description="eV/Å")
    relative_volume: Positive = Field(default=1e-4, description="fraction of the volume")


class QuarantineSettings(Settings):
    """Limits beyond which a frame is set aside as unphysical."""

    max_force: Positive = Field(default=50.0, description="largest |F| of an atom, eV/Å")
    min_distance: Positive = Field(default=0.7, description="smallest interatomic distance, Å")
    max_energy_spike: Positive = Field(
        default=1.0, description="largest distance from both steps beside a step, eV/atom"
    )
    max_energy_jump: Positive = Field(
        default=5.0, description="largest distance from the median of the trajectory, eV/atom"
    )
    max_energy_offset: Positive = Field(
        default=15.0, description="largest distance from the median of the composition, eV/atom"
    )
    max_work_mismatch: Positive = Field(
        default=1e-3,
        description="largest difference between a step of the energy and the work of the forces, "
        "eV/atom",
    )


class SplitSettings(Settings):
    """Shares of frames, cut between trajectories and parents, never through them."""

    val: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.1, description="share of the frames that validate"
    )
    test: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.1, description="share of the frames that are held out"
    )


class DatasetSettings(Settings):
    """Settings of the dataset that is made from labels."""

    thinning: ThinningSettings = ThinningSettings()
    near_duplicates: NearDuplicateSettings = NearDuplicateSettings()
    quarantine: QuarantineSettings = QuarantineSettings()
    split: SplitSettings = SplitSettings()
    allow_mixed: bool = Field(
        default=False,
        description="accept frames of different engines, functionals or settings in one dataset",
    )


class ModelSettings(Settings):
    """Hyper-parameters that the models of all variants share."""

    # A sphere of 30 Å holds some 10,000 atoms of a metal; the paper's largest is 12 Å.
    r_max: Annotated[float, Field(gt=0, le=30)] = Field(default=5.0, description="cutoff radius, Å")
    polynomial_cutoff_p: Annotated[float, Field(ge=2, le=100)] = Field(
        default=6.0, description="exponent of the envelope that is 0 at r_max"
    )
    num_bessels: Annotated[int, Field(ge=1, le=256)] = Field(
        default=8, description="basis functions of an edge's length"
    )
    neighbor_normalization: Literal["sqrt", "mean"] = Field(
        default="sqrt",
        description="sums over N neighbours are divided by √N, as NequIP does, or by N, which "
        "keeps features small where r_max includes entire molecules",
    )


class RepulsiveModelSettings(ModelSettings):
    """Hyper-parameters of models to which NequIP's builders add a potential of pairs."""

    zbl: bool = Field(
        default=True,
        description="add the repulsion of nuclei (Ziegler, Biersack and Littmark) where two atoms "
        "are closer than 0.7 times the sum of their covalent radii",
    )

    @property
    def keywords(self) -> dict[str, Any]:
        """What the builders take for it."""
        if not self.zbl:
            return {}
        target = "training.models.repulsion_of_elements.repulsion_of_elements"
        return {"pair_potential": {"_target_": target, "r_max": self.r_max}}


class TrainingSettings(Settings):
    """One training with NequIP's trainer: what all variants share.

    Each variant has a subclass with its own model and sections; `AnyTraining` in
    `training.variant_settings` is the section that a file holds.
    """

    variant: str
    model: ModelSettings = ModelSettings()
    max_epochs: Count = Field(default=30, description="passes over the training frames")
    max_time: Annotated[str, Field(pattern=r"^\d+:\d\d:\d\d:\d\d$")] | None = Field(
        default=None, description="wall-time limit DD:HH:MM:SS; training stops cleanly there"
    )
    batch_size: Count = Field(default=5, description="frames per step, on each device")
    optimizer: Literal["soap", "adam"] = Field(
        default="soap",
        description="soap: Adam in the eigenbasis of Shampoo's preconditioners (Vyas et al. 2024)",
    )
    learning_rate: Annotated[float, Field(gt=1e-12, le=10)] = Field(
        default=0.02, description="at the start; falls along a cosine to 1 % of it"
    )
    ema_decay: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.99, description="decay per step of the averaged weights, which are the result"
    )
    energy_weight: Weight = Field(
        default=2.0, description="of the squared error of energies per atom, (eV/atom)²"
    )
    force_weight: Weight = Field(
        default=1.0, description="of the squared error of force components, (eV/Å)²"
    )
    stress_weight: Weight = Field(
        default=0.0,
        description="of the squared error of stresses, (eV/Å³)²; all frames need one if above 0",
    )
    dtype: Literal["float32", "float64"] = Field(
        default="float32", description="precision of the model"
    )
    compile: bool = Field(
        default=False,
        description="compile the model for training: steps take 0.6 to 0.75 of the time on a CPU, "
        "after 41 s of compiling; for trainings of more than a few minutes",
    )
    atomic_energies: dict[str, Annotated[float, Field(ge=-1e7, le=1e7)]] | None = Field(
        default=None,
        description="energy of the isolated atom of each element, eV; default: those of isolated "
        "atoms among the training frames, and a fit for elements without one",
    )
    devices: Processes = Field(
        default=1, description="GPUs of one machine; processes where it has none"
    )
    num_workers: Annotated[int, Field(ge=0, le=256)] = Field(
        default=0, description="processes that prepare batches for each device"
    )

    @field_validator("atomic_energies")
    @classmethod
    def _of_elements(cls, energies: dict[str, float] | None) -> dict[str, float] | None:
        from ase.data import chemical_symbols  # importing numpy takes time

        unknown = sorted(set(energies or ()) - set(chemical_symbols[1:]))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: not an element")
        return energies

    @model_validator(mode="after")
    def _some_loss(self) -> TrainingSettings:
        if self.energy_weight == self.force_weight == self.stress_weight == 0:
            raise ValueError("all weights of the loss are 0: nothing to learn from")
        return self
