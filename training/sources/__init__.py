"""Frames to learn from: Cuprolith datasets and the public datasets of the literature."""

from training.frame_sources.molecules import MoleculeSource
from training.frame_sources.settings import SourceSettings, open_source
from training.frame_sources.source import TrainingSource
from training.sources.dataset import DatasetSource
from training.sources.qm9 import QM9Source
from training.sources.rmd17 import RMD17Source
from training.sources.user_extxyz import ExtxyzSource

__all__ = [
    "DatasetSource",
    "ExtxyzSource",
    "MoleculeSource",
    "QM9Source",
    "RMD17Source",
    "SourceSettings",
    "TrainingSource",
    "open_source",
]
