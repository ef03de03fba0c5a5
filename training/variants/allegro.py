"""Allegro, as nequip-allegro builds it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from training.optimization.parameters import FloatParameter, IntParameter, Parameter
from training.settings import RepulsiveModelSettings, TrainingSettings, Width
from training.variant import Variant, powers_of_two, published_rows


class AllegroSettings(RepulsiveModelSettings):
    """Hyper-parameters of nequip-allegro's model (names as in Laskaris 2026, section III.D)."""

    num_layers: Annotated[int, Field(ge=1, le=20)] = Field(
        default=1, description="tensor-product layers"
    )
    l_max: Annotated[int, Field(ge=0, le=4)] = Field(
        default=1, description="highest degree of the spherical harmonics"
    )
    num_scalar_features: Width = Field(default=32, description="scalar features of an edge")
    num_tensor_features: Width = Field(default=4, description="tensor features of an edge")
    edge_mlp_width: Width = Field(default=32, description="width of the edge readout MLP")


class AllegroTraining(TrainingSettings):
    """One training of Allegro."""

    variant: Literal["allegro"] = "allegro"
    model: AllegroSettings = AllegroSettings()


class HasAllegro(Protocol):
    """Settings of a variant whose model is an extended Allegro."""

    @property
    def model(self) -> AllegroSettings:
        """Allegro's own hyper-parameters."""


def allegro_config(settings: HasAllegro) -> dict[str, Any]:
    """Return nequip-allegro's builder and its keywords."""
    model = settings.model
    return {
        "_target_": "allegro.model.AllegroModel",
        "r_max": model.r_max,
        "l_max": model.l_max,
        "parity": True,
        "radial_chemical_embed": {
            "_target_": "allegro.nn.TwoBodyBesselScalarEmbed",
            "num_bessels": model.num_bessels,
            "polynomial_cutoff_p": model.polynomial_cutoff_p,
        },
        "scalar_embed_mlp_hidden_layers_width": model.num_scalar_features,
        "num_layers": model.num_layers,
        "num_scalar_features": model.num_scalar_features,
        "num_tensor_features": model.num_tensor_features,
        "allegro_mlp_hidden_layers_width": model.num_scalar_features,
        "readout_mlp_hidden_layers_width": model.edge_mlp_width,
        **model.keywords,
    }


def reach(settings: HasAllegro) -> float:
    """Return the cutoff radius: Allegro is strictly local."""
    return settings.model.r_max


# The paper prints the best points (Tables I to III) and not the ranges (section III.E). These hold
# all of its points; where several of them share an extreme value (r_max 12 Å, P 5, batch 1 and 5,
# edge MLP 128), that value is the end of the range.
SEARCH_SPACE: dict[str, Parameter] = {
    "model.r_max": FloatParameter(low=4.0, high=12.0),
    "learning_rate": FloatParameter(low=5e-4, high=5e-2, log=True),
    "batch_size": IntParameter(low=1, high=5),
    "model.polynomial_cutoff_p": FloatParameter(low=5.0, high=12.0),
    "model.num_layers": IntParameter(low=1, high=4),
    "model.edge_mlp_width": powers_of_two(4, 128),
}
# Columns of Tables I to III that all variants have; the error is Table IV's.
COLUMNS = (
    "model.r_max",
    "learning_rate",
    "batch_size",
    "model.polynomial_cutoff_p",
    "model.num_layers",
    "model.edge_mlp_width",
)

VARIANT = Variant(
    name="allegro",
    label="Allegro",
    colour="#0072b2",
    settings=AllegroTraining,
    model_config=allegro_config,
    search_space=SEARCH_SPACE,
    reach=reach,
    lammps_target="pair_allegro",
    published=published_rows(
        COLUMNS,
        {
            "aspirin": ((7.3, 5.36e-3, 3, 6.9, 4, 32), 10.2),
            "benzene": ((12.0, 1e-3, 1, 5.0, 3, 128), 0.43),
            "qm9": ((12.0, 1e-3, 5, 10.0, 3, 32), None),
            "culi": ((12.0, 2e-3, 2, 5.0, 2, 128), 45.9),
        },
    ),
)
