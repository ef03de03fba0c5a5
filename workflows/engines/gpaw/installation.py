"""Check GPAW: whether it runs under the user's command, its version, and a libxc fit for slabs."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cuprolith.errors import CuprolithError
from cuprolith.hashes import short_hash
from workflows.checks import Check
from workflows.engines.gpaw.settings import GpawSettings

_PROBE = Path(__file__).with_name("probe.py")
_MARK = "GPAW-PROBE "
_PROBE_SECONDS = 120  # a cold network file system; warm it takes 1 s

INSTALL = (
    "build GPAW in an environment of its own (docs/how_to/gpaw.md) and give its full path as "
    "engine.gpaw.command, e.g. `/opt/gpaw/bin/gpaw python`"
)
REBUILD_LIBXC = (
    "this libxc enforces Fermi-hole curvature: r2SCAN diverges wherever there is vacuum (to "
    "-6e9 eV). Rebuild libxc with -DDISABLE_FHC=ON and let GPAW load it (docs/how_to/gpaw.md)"
)


@dataclass(frozen=True)
class GpawInstallation:
    """Versions and builds that decide GPAW's labels besides its settings.

    Attributes
    ----------
    gpaw, libxc
        Versions.
    setups
        Hash of the PAW setups.
    fermi_hole
        Whether libxc enforces Fermi-hole curvature, with which r2SCAN diverges in vacuum.
    processes
        MPI processes the command starts.
    """

    gpaw: str
    libxc: str
    setups: str
    fermi_hole: bool
    processes: int

    def config_hash(self, settings: GpawSettings) -> str:
        """Fingerprint of the labels: versions, setups and settings; 12 hex digits."""
        identity = {
            "engine": "gpaw",
            "gpaw": self.gpaw,
            "libxc": self.libxc,
            "setups": self.setups,
            "fermi_hole": self.fermi_hole,
            "settings": settings.identity(),
        }
        text = json.dumps(identity, sort_keys=True)
        return short_hash(text)


@lru_cache(maxsize=4)
def installation(command: str) -> GpawInstallation:
    """Ask the GPAW behind `command`, once per process.

    Raises
    ------
    CuprolithError
        If the command cannot be run or GPAW does not answer.
    """
    try:
        finished = subprocess.run(
            [*shlex.split(command), str(_PROBE)],
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unusable(command, str(error)) from error
    for line in finished.stdout.splitlines():
        if line.startswith(_MARK):
            findings: dict[str, Any] = json.loads(line.removeprefix(_MARK))
            return GpawInstallation(**findings)
    output = (finished.stderr or finished.stdout).splitlines()
    said = [line.strip() for line in output if any(map(str.isalnum, line))]
    errors = [line for line in said if "error" in line.lower()]  # launchers say more after it
    reason = (errors or said or [f"ended with status {finished.returncode}"])[-1]
    raise _unusable(command, reason)


def usable_installation(settings: GpawSettings) -> GpawInstallation:
    """Return the installation behind a campaign's settings.

    Raises
    ------
    CuprolithError
        If there is none, or its libxc would spoil the labels.
    """
    found = installation(settings.command)
    if found.fermi_hole and settings.functional == "r2scan":
        raise CuprolithError(
            f"GPAW {found.gpaw} uses a libxc {found.libxc} that is unfit for r2SCAN",
            key="engine.gpaw.command",
            remedy=REBUILD_LIBXC,
        )
    return found


def check(command: str) -> Check:
    """Examine GPAW for ``doctor``."""
    subject = "engine gpaw"
    try:
        found = installation(command)
    except CuprolithError as error:
        return Check(subject=subject, status="note", found=error.message, remedy=error.remedy)
    text = f"GPAW {found.gpaw}, libxc {found.libxc}, setups {found.setups}"
    if found.processes > 1:
        text += f", {found.processes} MPI processes"
    if found.fermi_hole:
        text += ", with Fermi-hole curvature enforced"
        return Check(subject=subject, status="missing", found=text, remedy=REBUILD_LIBXC)
    return Check(subject=subject, status="ok", found=text)


def _unusable(command: str, reason: str) -> CuprolithError:
    return CuprolithError(
        f"`{command}` does not run GPAW: {reason}", key="engine.gpaw.command", remedy=INSTALL
    )
