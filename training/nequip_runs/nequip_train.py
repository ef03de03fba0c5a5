"""``nequip-train`` as child processes that do not outlive the process that started them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from training.nequip_runs.child_process import end_with_command
from training.nequip_runs.quick_imports import quick_imports


def main() -> None:
    """Run NequIP's trainer with Hydra's arguments from the command line."""
    end_with_command()
    with quick_imports():
        from nequip.scripts.train import main as nequip_train

    nequip_train()


def launch(devices: int, command: list[str]) -> None:
    """Run a command that calls `main` once per device, and end as the first that fails does.

    Parameters
    ----------
    devices
        Number of processes; each ends with this one.
    command
        Program and arguments.
    """
    end_with_command()
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as torchrun

    # The machine's own name need not resolve to an address.
    place = ["--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", str(devices)]
    try:
        torchrun([*place, "--no-python", *command])
    except ChildFailedError as error:
        _end_with(error.get_first_failure()[1].exitcode)
    except SignalException as error:
        _end_with(-error.sigval)


def _end_with(code: int) -> None:
    """End with an exit code, or by the signal that a negative one means."""
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
