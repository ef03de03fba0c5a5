"""Checks of what is installed, configured and reachable, with what to do about the rest."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from workflows.checks import Check
from workflows.engine import ENGINES
from workflows.environment import package_versions

if TYPE_CHECKING:
    from workflows.inputs.campaign import Campaign

PINNED_TORCH = "2.13.0"


def examine(campaign: Campaign | None = None) -> list[Check]:
    """Examine Python, torch, the trainer, the accelerator, every engine and its data.

    Parameters
    ----------
    campaign
        Whose engine's settings are examined for the elements of its structures, if any.
    """
    return [
        _python(),
        _torch(),
        _accelerator(),
        _trainer(),
        *_engines(campaign),
        *([] if campaign is None else _campaign(campaign)),
    ]


def _python() -> Check:
    return Check(subject="Python", status="ok", found=sys.version.split()[0])


def _torch() -> Check:
    version = package_versions().get("torch")
    if version is None or version.split("+")[0] != PINNED_TORCH:
        return Check(
            subject="torch",
            status="missing" if version is None else "note",
            found=version or "not installed",
            remedy=f"pip install torch=={PINNED_TORCH} (the tested version) before anything else",
        )
    return Check(subject="torch", status="ok", found=version)


def _accelerator() -> Check:
    import torch

    if torch.cuda.is_available():
        return Check(subject="GPU", status="ok", found=torch.cuda.get_device_name(0))
    if shutil.which("nvidia-smi") and _runs("nvidia-smi"):
        return Check(
            subject="GPU",
            status="missing",
            found="an NVIDIA GPU that torch cannot use",
            remedy=f"reinstall torch=={PINNED_TORCH} as its CUDA build",
        )
    return Check(
        subject="GPU",
        status="note",
        found="none; training and labels run on the CPU",
        remedy="fine for the quickstart; use a GPU machine for real trainings",
    )


def _runs(command: str) -> bool:
    return subprocess.run([command], capture_output=True, check=False).returncode == 0


def _trainer() -> Check:
    missing = [name for name in ("nequip", "allegro") if importlib.util.find_spec(name) is None]
    if missing:
        return Check(
            subject="trainer",
            status="missing",
            found=f"no {' and no '.join(missing)}",
            remedy="pip install nequip nequip-allegro",
        )
    found = f"nequip {metadata.version('nequip')}, allegro {metadata.version('nequip-allegro')}"
    return Check(subject="trainer", status="ok", found=found)


def _engines(campaign: Campaign | None) -> list[Check]:
    """Examine every engine, that of the campaign with its settings."""
    given = None if campaign is None else campaign.engine
    return [
        check
        for entry in ENGINES
        for check in entry.checks(given if given and given.name == entry.name else None)
    ]


def _campaign(campaign: Campaign) -> list[Check]:
    """Examine the engine of a campaign for the elements of its structures."""
    from workflows.inputs.campaign_crystals import campaign_crystals
    from workflows.labelling.unfit_settings import elements_of
    from workflows.plan import solids_of
    from workflows.stages.generate import campaign_candidates

    crystals = campaign_crystals(campaign)
    candidates = campaign_candidates(campaign, crystals)
    elements = elements_of(candidate.structure for candidate in candidates)
    entry = ENGINES[campaign.engine.name]
    checks = entry.campaign_checks(campaign.engine, elements)
    unfit = entry.unfit(campaign.engine, elements, solids_of(campaign, crystals))
    checks += [
        Check(subject=f"campaign {campaign.name}", status="note", found=note) for note in unfit
    ]
    if not unfit:
        found = f"nothing in the settings of {campaign.engine.name} speaks against its elements"
        checks.append(Check(subject=f"campaign {campaign.name}", status="ok", found=found))
    return checks
