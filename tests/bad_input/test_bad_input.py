import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_some_bad_input_of_each_kind_is_refused_as_it_should_be():
    """The quick part; `run_bad_input.py --cases 2000` is the full run."""
    run = Path(__file__).with_name("run_bad_input.py")
    command = [sys.executable, str(run), "--cases", "40", "--seed", "15"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 cases, 0 faults" in done.stdout
