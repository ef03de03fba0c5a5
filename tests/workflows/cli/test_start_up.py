import subprocess
import sys

import pytest

PROGRAM = "import sys, workflows.cli.main; sys.exit(sys.argv[1] in sys.modules)"


@pytest.mark.parametrize(
    "module",
    ["torch", "nequip", "numpy", "pymatgen.io.vasp", "pymatgen.symmetry.analyzer", "scipy"],
)
def test_no_command_waits_for_what_it_may_not_need(module):
    """Each takes a good part of a second to import."""
    assert subprocess.run([sys.executable, "-c", PROGRAM, module], check=False).returncode == 0


@pytest.mark.parametrize("module", ["scipy", "pymatgen.core.surface", "torch"])
def test_no_campaign_waits_for_what_its_families_may_not_need(module):
    program = PROGRAM.replace("workflows.cli.main", "workflows.inputs.campaign")
    assert subprocess.run([sys.executable, "-c", program, module], check=False).returncode == 0
