"""Allegro with an MLP before its readout (Laskaris 2026, section III.D)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cuprolith.settings import Listed, Settings
from training.settings import TrainingSettings, Width
from training.variant import Variant, powers_of_two, published_rows
from training.variants.allegro import (
    COLUMNS,
    SEARCH_SPACE,
    AllegroSettings,
    allegro_config,
    reach,
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
    nonlinearity: Literal["silu", "mish", "gelu", "ssp", "tanh"] | None = Field(
        default="silu", description="activation of the hidden layers; null: none"
    )
    initialization: Literal["uniform", "normal", "orthogonal"] = Field(
        default="uniform", description="of the weights"
    )


class AllegroMLPTraining(TrainingSettings):
    """One training of Allegro with an MLP before its readout."""

    variant: Literal["allegro-mlp"] = "allegro-mlp"
    model: AllegroSettings = AllegroSettings()
    final_mlp: FinalMLPSettings = FinalMLPSettings()


def _model_config(settings: AllegroMLPTraining) -> dict[str, Any]:
    return {
        **allegro_config(settings),
        "_target_": "training.variants.allegro_mlp.builder.AllegroMLPModel",
        "final_mlp": settings.final_mlp.model_dump(mode="json"),
    }


VARIANT = Variant(
    name="allegro-mlp",
    label="Allegro+MLP",
    colour="#e69f00",
    settings=AllegroMLPTraining,
    model_config=_model_config,
    search_space={
        **SEARCH_SPACE,
        "final_mlp.widths.0": powers_of_two(4, 1024),
        "final_mlp.widths.1": powers_of_two(4, 1024),
        "final_mlp.input_width": powers_of_two(4, 64),
    },
    reach=reach,
    lammps_target="pair_allegro",
    published=published_rows(
        (*COLUMNS, "final_mlp.widths.0", "final_mlp.widths.1"),
        {
            "aspirin": ((7.4, 2.93e-3, 2, 6.7, 3, 16, 1024, 1024), 9.0),
            "benzene": ((12.0, 1e-3, 1, 5.0, 3, 128, 32, 4), 0.28),
            "qm9": ((6.2, 1e-3, 2, 5.0, 2, 64, 32, 16), None),
            "culi": ((5.0, 9.35e-4, 1, 10.3, 3, 16, 4, 16), 43.3),
        },
    ),
)
