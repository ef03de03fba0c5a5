import sys
from pathlib import Path

import pytest

from cuprolith.errors import CuprolithError
from workflows.engines.gpaw.installation import check, installation, usable_installation
from workflows.engines.gpaw.settings import GpawSettings

STAND_IN = Path(__file__).with_name("gpaw_stand_in")
GOOD = f"env PYTHONPATH={STAND_IN} {sys.executable}"
TRAPPED = f"env PYTHONPATH={STAND_IN} GPAW_STAND_IN_FERMI_HOLE=1 {sys.executable}"


def test_an_installation_tells_its_versions():
    found = check(GOOD)
    assert (found.status, found.remedy) == ("ok", "")
    assert "GPAW 0.stand-in, libxc 7.0.0" in found.found


def test_fermi_hole_curvature_is_found_and_r2scan_refused():
    found = check(TRAPPED)
    assert found.status == "missing"
    assert "Fermi-hole" in found.found
    assert "DISABLE_FHC=ON" in found.remedy
    with pytest.raises(CuprolithError, match="unfit for r2SCAN"):
        usable_installation(GpawSettings(command=TRAPPED))
    assert usable_installation(GpawSettings(command=TRAPPED, functional="pbe")).fermi_hole


@pytest.mark.parametrize("command", ["/nowhere/gpaw python", f"{sys.executable} -S", "false"])
def test_no_gpaw_says_how_to_get_it(command):
    found = check(command)
    assert found.status == "note"
    assert command in found.found
    assert "docs/how_to/gpaw.md" in found.remedy


def test_fingerprint_tells_what_decides_labels_and_nothing_else():
    found = installation(GOOD)
    plain = found.config_hash(GpawSettings())
    assert len(plain) == 12
    assert plain == found.config_hash(GpawSettings(command="mpirun -np 4 gpaw python"))
    others = [
        {"cutoff": 400},
        {"functional": "pbe"},
        {"kpoint_length": 20},
        {"smearing_width": 0.2},
    ]
    hashes = {found.config_hash(GpawSettings(**other)) for other in others}
    assert len(hashes | {plain}) == 1 + len(others)
    assert installation(TRAPPED).config_hash(GpawSettings()) != plain
