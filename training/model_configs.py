"""NequIP's configuration of each variant's model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from training.settings import TrainingSettings, Variant


def model_config(settings: TrainingSettings) -> dict[str, Any]:
    """Return the model builder of a variant and the hyper-parameters it takes.

    What depends on the data (species, statistics) and on the run (seed, dtype) is not in it.
    """
    return _MODELS[settings.variant](settings)


def _allegro(settings: TrainingSettings) -> dict[str, Any]:
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
    }


def _allegro_mlp(settings: TrainingSettings) -> dict[str, Any]:
    return {
        **_allegro(settings),
        "_target_": "training.models.AllegroMLPModel",
        "final_mlp": settings.final_mlp.model_dump(mode="json"),
    }


def _allegro_qdi(settings: TrainingSettings) -> dict[str, Any]:
    return {
        **_allegro(settings),
        "_target_": "training.models.AllegroQDIModel",
        "qdi": settings.qdi.model_dump(mode="json"),
    }


_MODELS: dict[Variant, Callable[[TrainingSettings], dict[str, Any]]] = {
    "allegro": _allegro,
    "allegro-mlp": _allegro_mlp,
    "allegro-qdi": _allegro_qdi,
}
