"""What a campaign says about datasets and trainings (YAML sections ``dataset``, ``training``)."""

from __future__ import annotations

from typing import Annotated, Literal

from ase.data import chemical_symbols
from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from cuprolith.settings import Listed, Settings

# Beyond these no unit makes sense of a number: 1e308 overflows where it is used.
Positive = Annotated[float, Field(gt=1e-12, le=1e6)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Width = Annotated[int, Field(ge=1, le=16_384)]
Weight = Annotated[float, Field(ge=0, le=1e6)]
# Each is a process with torch in it, some 0.3 GB.
Processes = Annotated[int, Field(ge=1, le=256)]
Variant = Literal["allegro", "allegro-mlp", "allegro-qdi"]
Axis = Literal["x", "y", "z"]


class ThinningSettings(Settings):
    """When an ionic step differs enough from the last one kept of its trajectory.

    A step is kept when any one threshold is passed; the first and the last step always are.
    """

    min_displacement: Positive = Field(
        default=0.05, description="largest displacement of an atom, Å"
    )
    min_force_change: Positive = Field(
        default=0.10, description="largest change of an atom's force, eV/Å"
    )


class NearDuplicateSettings(Settings):
    """When two frames of the dataset carry the same information.

    Same composition, volume, energy and sorted atomic force norms, each within its tolerance.
    """

    energy_per_atom: Positive = Field(default=1e-4, description="eV/atom")
    force_norm: Positive = Field(default=5e-3, description="eV/Å")
    relative_volume: Positive = Field(default=1e-4, description="")


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


class SplitSettings(Settings):
    """Shares of frames, cut between trajectories and parents, never through them."""

    val: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    test: Annotated[float, Field(gt=0, lt=0.5)] = 0.1


class DatasetSettings(Settings):
    """How labels become a dataset."""

    thinning: ThinningSettings = ThinningSettings()
    near_duplicates: NearDuplicateSettings = NearDuplicateSettings()
    quarantine: QuarantineSettings = QuarantineSettings()
    split: SplitSettings = SplitSettings()
    allow_mixed: bool = Field(
        default=False,
        description="accept frames of different engines, functionals or settings in one dataset",
    )


class AllegroSettings(Settings):
    """Hyper-parameters of nequip-allegro's model (names as in Laskaris 2026, section III.D)."""

    # A sphere of 30 Å holds some 10,000 atoms of a metal; the paper's largest is 12 Å.
    r_max: Annotated[float, Field(gt=0, le=30)] = Field(default=5.0, description="cutoff radius, Å")
    polynomial_cutoff_p: Annotated[float, Field(ge=2, le=100)] = 6.0
    num_layers: Annotated[int, Field(ge=1, le=20)] = 1
    l_max: Annotated[int, Field(ge=0, le=4)] = 1
    num_scalar_features: Width = 32
    num_tensor_features: Width = 4
    num_bessels: Annotated[int, Field(ge=1, le=256)] = 8
    edge_mlp_width: Width = Field(default=32, description="width of the edge readout MLP")
    neighbor_normalization: Literal["sqrt", "mean"] = Field(
        default="sqrt",
        description="sums over N neighbours are divided by √N, as NequIP does, or by N, which "
        "keeps features small where r_max takes in whole molecules",
    )


class FinalMLPSettings(Settings):
    """The MLP between edge features and Allegro's readout (Laskaris 2026, section III.D).

    The paper gives the two widths (Table II, "final MLP"); the input width is a hyper-parameter
    whose values it does not print, and 16 is what its published code fixes.
    """

    input_width: Width = Field(default=16, description="features that enter the MLP")
    widths: Annotated[tuple[Width, Width], Listed] = Field(
        default=(32, 16), description="of the two hidden layers"
    )
    nonlinearity: Literal["silu", "mish", "gelu", "ssp", "tanh"] | None = "silu"
    initialization: Literal["uniform", "normal", "orthogonal"] = "uniform"


class QDISettings(Settings):
    """The quantum depth-infused layer (Laskaris 2026, sections II.C and III.D, Table III).

    The paper leaves open the rotation axes, the entangler, the observable and the scaling of the
    inputs; the defaults are what fits the numbers of its supplement (24 weights, none removable).
    """

    input_features: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=4, description="features the circuit reads, one by one"
    )
    qubits: Annotated[int, Field(ge=2, le=10)] = 4
    depth: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="variational layers before and after each encoding"
    )
    encoding: Axis = Field(default="z", description="axis of the rotations that encode features")
    rotation: Axis = Field(default="x", description="axis of the weights' rotations, if basic")
    entangling: Literal["basic", "strong"] = "basic"
    observable: Axis = Field(default="y", description="Pauli operator that is measured")
    measurement: Literal["all", "even", "single"] = Field(
        default="all", description="qubits that are measured"
    )
    input_scaling: Literal["none", "tanh_pi"] = Field(
        default="none", description="of features to angles: as they are, or π·tanh"
    )
    final_mlp_width: Width = Field(
        default=128, description="of the fully connected layer after the circuit"
    )


class TrainingSettings(Settings):
    """One training with NequIP's trainer."""

    variant: Variant = "allegro"
    model: AllegroSettings = AllegroSettings()
    final_mlp: FinalMLPSettings = Field(
        default=FinalMLPSettings(), description="used if `variant` is allegro-mlp"
    )
    qdi: QDISettings = Field(default=QDISettings(), description="used if `variant` is allegro-qdi")
    max_epochs: Count = 30
    max_time: Annotated[str, Field(pattern=r"^\d+:\d\d:\d\d:\d\d$")] | None = Field(
        default=None, description="wall-time limit DD:HH:MM:SS; training stops cleanly there"
    )
    batch_size: Count = Field(default=5, description="frames per step, on each device")
    learning_rate: Annotated[float, Field(gt=1e-12, le=10)] = Field(
        default=0.01, description="at the start; falls along a cosine to 1 % of it"
    )
    ema_decay: Annotated[float, Field(gt=0, lt=1)] = 0.99
    energy_weight: Weight = Field(
        default=1.0, description="of the squared error of energies per atom, (eV/atom)²"
    )
    force_weight: Weight = Field(
        default=1.0, description="of the squared error of force components, (eV/Å)²"
    )
    stress_weight: Weight = Field(
        default=0.0,
        description="of the squared error of stresses, (eV/Å³)²; all frames need one if above 0",
    )
    dtype: Literal["float32", "float64"] = "float32"
    compile: bool = Field(
        default=False, description="compile the model for training; pays on a GPU only"
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
        unknown = sorted(set(energies or ()) - set(chemical_symbols[1:]))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: not an element")
        return energies

    @model_validator(mode="after")
    def _some_loss(self) -> TrainingSettings:
        if self.energy_weight == self.force_weight == self.stress_weight == 0:
            raise ValueError("all weights of the loss are 0: nothing to learn from")
        return self
