"""``nequip-train`` as a child process that does not outlive the process that started it."""

from __future__ import annotations

import os
import threading

_STDIN = 0


def main() -> None:
    """Run NequIP's trainer with Hydra's arguments from the command line.

    Standard input must be a pipe whose other end the parent holds open and never writes to. It
    closes when the parent ends, however it ends; this process then ends at once. (The kernel's
    parent-death signal would do it on Linux only, and comes when the parent's *thread* ends.)
    """
    threading.Thread(target=end_with_parent, daemon=True).start()
    from nequip.scripts.train import main as nequip_train

    nequip_train()


def end_with_parent() -> None:
    """End this process when standard input closes."""
    # os.read, not sys.stdin.read: a daemon thread inside a buffered reader blocks a normal exit.
    while os.read(_STDIN, 1):
        pass
    os._exit(1)
