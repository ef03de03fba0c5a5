"""NequIP's own graph neural network: equivariant message passing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from training.optimization.parameters import FloatParameter, IntParameter
from training.settings import RepulsiveModelSettings, TrainingSettings, Width
from training.variant import Variant, powers_of_two


class NequIPSettings(RepulsiveModelSettings):
    """Hyper-parameters of ``nequip.model.NequIPGNNModel``; names and defaults are NequIP's."""

    num_layers: Annotated[int, Field(ge=1, le=20)] = Field(
        default=4, description="interaction blocks; each extends an atom's reach by r_max"
    )
    l_max: Annotated[int, Field(ge=0, le=4)] = Field(
        default=1, description="highest rotation order of the features"
    )
    parity: bool = Field(
        default=True, description="features of both parities for each rotation order"
    )
    num_features: Width = Field(default=32, description="of each rotation order and parity")
    radial_mlp_depth: Annotated[int, Field(ge=0, le=10)] = Field(
        default=1, description="hidden layers of the radial MLPs"
    )
    radial_mlp_width: Width = Field(default=128, description="of the radial MLPs' hidden layers")


class NequIPTraining(TrainingSettings):
    """One training of NequIP's own model."""

    variant: Literal["nequip"] = "nequip"
    model: NequIPSettings = NequIPSettings()


def _model_config(settings: NequIPTraining) -> dict[str, Any]:
    # Other settings are named as NequIP's keywords.
    named = settings.model.model_dump(mode="json", exclude={"neighbor_normalization", "zbl"})
    return {"_target_": "nequip.model.NequIPGNNModel", **named, **settings.model.keywords}


def _reach(settings: NequIPTraining) -> float:
    return settings.model.num_layers * settings.model.r_max


VARIANT = Variant(
    name="nequip",
    label="NequIP",
    colour="#d55e00",
    settings=NequIPTraining,
    model_config=_model_config,
    # Messages pass on what neighbours know, so shorter cutoffs serve than Allegro's.
    search_space={
        "model.r_max": FloatParameter(low=3.5, high=7.0),
        "learning_rate": FloatParameter(low=5e-4, high=5e-2, log=True),
        "batch_size": IntParameter(low=1, high=5),
        "model.polynomial_cutoff_p": FloatParameter(low=5.0, high=12.0),
        "model.num_layers": IntParameter(low=2, high=5),
        "model.l_max": IntParameter(low=0, high=2),
        "model.num_features": powers_of_two(8, 64),
        "model.radial_mlp_width": powers_of_two(16, 128),
    },
    reach=_reach,
    lammps_target="pair_nequip",
)
