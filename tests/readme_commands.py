"""The commands of the README, and a folder in which to give them."""

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECKS = "python3 bootstrap.py python checks.py"
# All families and lattice planes of the quickstart with a third of its ionic steps; of so few
# frames the model needs more epochs to learn the energies.
SMALLER = {
    "miller_indices: [[1, 0, 0], [1, 1, 0], [1, 1, 1]]\n    - crystals": (
        "miller_indices: [[1, 0, 0], [1, 1, 1]]\n    - crystals"
    ),
    "gaps: [1.8, 2.2, 2.6, 3.0, 3.4]": "gaps: [2.2, 2.6, 3.0]",
    "max_steps: 15": "max_steps: 5",
    "cooling_rate: 20000": "cooling_rate: 40000",
    "max_epochs: 18": "max_epochs: 24",
}


def readme_commands():
    """Every command in the README's bash blocks, in order."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def rehearsal_commands():
    """Return those that rehearse a VASP campaign; test_vasp_campaign gives them."""
    return [command for command in readme_commands() if "rehears" in command]


@dataclass
class Tour:
    """A folder in which a new user gives the README's commands."""

    folder: Path

    @classmethod
    def begin(cls, folder):
        """Link what the commands name; the quickstart is made smaller."""
        for name in ("bootstrap.py", "checks.py"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "inputs").mkdir()
        for path in (ROOT / "inputs").iterdir():
            (folder / "inputs" / path.name).symlink_to(path)
        quickstart = folder / "inputs" / "quickstart.yaml"
        text = quickstart.read_text()
        for given, smaller in SMALLER.items():
            assert given in text, given
            text = text.replace(given, smaller)
        quickstart.unlink()
        quickstart.write_text(text)
        return cls(folder)

    @property
    def workdir(self):
        return self.folder / "campaigns" / "quickstart"

    def give(self, command):
        """Run one command and return what it printed; fail the test if it fails."""
        run = subprocess.run(
            shlex.split(command), cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"
        assert run.stdout.strip()
        return run.stdout
