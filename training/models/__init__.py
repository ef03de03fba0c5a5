"""Variants of Allegro as NequIP model builders (Hydra: ``training.models.AllegroMLPModel``)."""

from training.models.builders import AllegroMLPModel, AllegroQDIModel

__all__ = ["AllegroMLPModel", "AllegroQDIModel"]
