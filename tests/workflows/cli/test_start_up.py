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
