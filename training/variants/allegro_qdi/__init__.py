"""Allegro with a quantum depth-infused layer before its readout (Laskaris 2026, section III.D)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from cuprolith.settings import Settings
from training.optimization.parameters import IntParameter
from training.settings import TrainingSettings, Width
from training.variant import Variant, powers_of_two, published_rows
from training.variants.allegro import (
    COLUMNS,
    SEARCH_SPACE,
    AllegroSettings,
    allegro_config,
    reach,
)

Axis = Literal["x", "y", "z"]


class QDICircuitSettings(Settings):
    """The circuit of a quantum depth-infused layer (Laskaris 2026, sections II.C and III.D).

    The paper leaves open the rotation axes, the entangler, the observable and the scaling of the
    inputs; the defaults are what fits the numbers of its supplement (24 weights, none removable).
    """

    input_features: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=4, description="features the circuit reads, one by one"
    )
    qubits: Annotated[int, Field(ge=2, le=10)] = Field(
        default=4, description="qubits of the circuit"
    )
    depth: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="variational layers before and after each encoding"
    )
    encoding: Axis = Field(default="z", description="axis of the rotations that encode features")
    rotation: Axis = Field(default="x", description="axis of the weights' rotations, if basic")
    entangling: Literal["basic", "strong", "none"] = Field(
        default="basic",
        description="basic: a ring of CNOTs; strong: rings of several distances; none: no CNOTs",
    )
    observable: Axis = Field(default="y", description="Pauli operator that is measured")
    measurement: Literal["all", "even", "single"] = Field(
        default="all", description="qubits that are measured"
    )
    input_scaling: Literal["none", "tanh_pi"] = Field(
        default="none", description="of features to angles: as they are, or π·tanh"
    )

    def options(self) -> dict[str, Any]:
        """Return the keywords of `training.quantum.qdi.QDIOptions`."""
        content = self.model_dump(mode="json", include=set(QDICircuitSettings.model_fields))
        features, qubits = content.pop("input_features"), content.pop("qubits")
        return {"n_features": features, "n_qubits": qubits, **content}


class QDISettings(QDICircuitSettings):
    """The quantum depth-infused layer, and what stands in its place in controls (Table III)."""

    final_mlp_width: Width = Field(
        default=128, description="of the fully connected layer after the circuit"
    )
    layer: Literal["circuit", "trigonometric"] = Field(
        default="circuit",
        description="trigonometric: a classical layer with the same frequencies",
    )
    frozen: bool = Field(default=False, description="keep the layer's weights as they are drawn")

    @model_validator(mode="after")
    def _layer_takes_the_features(self) -> Self:
        if self.layer == "trigonometric" and self.input_features > 8:
            raise ValueError("a trigonometric layer takes up to 8 input_features")
        return self


class AllegroQDITraining(TrainingSettings):
    """One training of Allegro with a quantum layer before its readout."""

    variant: Literal["allegro-qdi"] = "allegro-qdi"
    model: AllegroSettings = AllegroSettings()
    qdi: QDISettings = QDISettings()


def _model_config(settings: AllegroQDITraining) -> dict[str, Any]:
    # Left out where they are the defaults, so that earlier trainings are recognised.
    controls = settings.qdi.model_dump(include={"layer", "frozen"}, exclude_defaults=True)
    return {
        **allegro_config(settings),
        "_target_": "training.variants.allegro_qdi.builder.AllegroQDIModel",
        "qdi": settings.qdi.options(),
        "final_mlp_width": settings.qdi.final_mlp_width,
        **controls,
    }


VARIANT = Variant(
    name="allegro-qdi",
    label="Allegro+QDI",
    colour="#009e73",
    settings=AllegroQDITraining,
    model_config=_model_config,
    search_space={
        **SEARCH_SPACE,
        "qdi.input_features": IntParameter(low=4, high=24),
        "qdi.depth": IntParameter(low=1, high=4),
        "qdi.final_mlp_width": powers_of_two(4, 128),
    },
    reach=reach,
    lammps_target="pair_allegro",
    published=published_rows(
        (*COLUMNS, "qdi.final_mlp_width", "qdi.depth", "qdi.input_features"),
        {
            "aspirin": ((9.5, 1e-3, 1, 6.0, 4, 16, 4, 4, 21), 9.9),
            "benzene": ((12.0, 1e-3, 1, 5.0, 3, 32, 16, 1, 4), 0.30),
            "qm9": ((12.0, 1e-3, 5, 10.0, 3, 32, 128, 3, 4), None),
            "culi": ((5.0, 4.02e-3, 5, 12.0, 3, 4, 128, 3, 4), 37.8),
        },
    ),
)
