"""Machine and software that a campaign ran on."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import psutil

PACKAGES = (
    "cuprolith",
    "torch",
    "nequip",
    "nequip-allegro",
    "ase",
    "pymatgen",
    "atomate2",
    "jobflow",
    "maggma",
    "numpy",
    "spglib",
)


def cuprolith_version() -> str:
    """Return the version of Cuprolith that is installed."""
    try:
        return metadata.version("cuprolith")
    except metadata.PackageNotFoundError:
        return "of unknown version"


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide results; missing ones are left out."""
    from workflows.engine import ENGINES

    of_engines = [name for entry in ENGINES for name in entry.packages]
    versions = {}
    for name in dict.fromkeys([*PACKAGES, *of_engines]):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def describe_environment(campaign_hash: str) -> dict[str, Any]:
    """Describe machine, Python, packages and GPU for ``environment.json``."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "campaign_hash": campaign_hash,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": gpu,
        "cuprolith_version": package_versions().get("cuprolith", "not installed"),
        "packages": package_versions(),
    }
