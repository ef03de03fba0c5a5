"""Processes that outlive the command that started them, and are found again without doubt."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cuprolith.errors import CuprolithError
from training.nequip_runs.child_process import end_of_log

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# The process writes its own record and then becomes the daemon, which keeps its id and start time:
# no daemon runs without a record, whenever its starter is killed.
_RECORD_AND_BECOME = (
    f'cat {_BOOT_ID} /proc/$$/stat >"$1.partial" && mv "$1.partial" "$1" && shift && exec "$@"'
)
_POLL_SECONDS = 0.05
_KILL_SECONDS = 10.0


@dataclass(frozen=True)
class Daemon:
    """A process of a dev cluster.

    Attributes
    ----------
    record
        File with the boot's id and the kernel's line about the process; a process whose id,
        start time and boot are others is another one.
    log
        Takes standard output and standard error.
    """

    name: str
    record: Path
    log: Path

    @property
    def pid(self) -> int | None:
        """Process id; None unless it runs."""
        with self._handle() as handle:
            return handle[0] if handle else None

    def start(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
        """Start the process in a session of its own; nothing is to run yet."""
        self.record.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                ["sh", "-c", _RECORD_AND_BECOME, "sh", str(self.record), *command],
                env=dict(environment),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not self.record.exists() and process.poll() is None:
            time.sleep(_POLL_SECONDS)

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until a started process serves.

        Raises
        ------
        CuprolithError
            If it ends first, or does not serve in time.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if self.pid is None:
                raise self._failed("ended at once")
            if time.monotonic() > deadline:
                raise self._failed(f"does not answer after {seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def stop(self, seconds: float) -> bool:
        """Ask the process to end, and kill it if it has not after that time; False if none ran."""
        with self._handle() as handle:
            if handle is not None:
                _, descriptor = handle
                signal.pidfd_send_signal(descriptor, signal.SIGTERM)
                if not _ended(descriptor, seconds):
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    _ended(descriptor, _KILL_SECONDS)
        self.record.unlink(missing_ok=True)
        return handle is not None

    def kill(self) -> None:
        """End the process as ``kill -9`` does; its record stays, as it does then."""
        with self._handle() as handle:
            if handle is not None:
                signal.pidfd_send_signal(handle[1], signal.SIGKILL)
                _ended(handle[1], _KILL_SECONDS)

    @contextmanager
    def _handle(self) -> Iterator[tuple[int, int] | None]:
        """Hold process id and descriptor, which stays with this process when the id is reused."""
        recorded = _read(self.record, None)
        try:
            descriptor = os.pidfd_open(recorded[0]) if recorded else None
        except ProcessLookupError:
            descriptor = None
        if recorded is None or descriptor is None:
            yield None
            return
        try:
            alive = _read(Path(f"/proc/{recorded[0]}/stat"), _BOOT_ID) == recorded
            yield (recorded[0], descriptor) if alive else None
        finally:
            os.close(descriptor)

    def _failed(self, what: str) -> CuprolithError:
        return CuprolithError(
            f"{self.name} {what}; the end of its log:\n{end_of_log(self.log)}",
            where=str(self.log),
            remedy="fix what the log says, then run the command again",
        )


def accepts_connections(path: Path) -> bool:
    """Return whether a process listens at a unix socket; a killed one leaves the file behind."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _read(stat_file: Path, boot_file: Path | None) -> tuple[int, str, str] | None:
    """Return process id, start time and boot; None for no process and for one that has ended."""
    try:
        lines = stat_file.read_text().splitlines()
        boot = boot_file.read_text().splitlines() if boot_file else [lines.pop(0)]
        pid, _, rest = lines[0].partition(" (")
        fields = rest.rpartition(") ")[2].split()
        state, start_time = fields[0], fields[19]
        return None if state in "ZX" else (int(pid), start_time, boot[0])
    except (OSError, IndexError, ValueError):
        return None


def _ended(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])
