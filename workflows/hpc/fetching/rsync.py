"""A folder on a worker's host, read with ``rsync``: over SSH, or on this machine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import TYPE_CHECKING, Any

from cuprolith.errors import CuprolithError

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project

# With --out-format: what would change (a dot: nothing), size, time of the last change, name.
_LISTED = re.compile(r"([<>ch.])f\S* +(\d+) (\S+) (.+)")
_SKIPPED = re.compile(r'skipping non-regular file "(.+)"')
_ESCAPED = re.compile(r"\\#[0-7]{3}")
_PROGRESS = re.compile(rb"\s*(\d+)\s+\d+%")
_PARTLY, _VANISHED, _NOT_FOUND = 23, 24, 127
_CONNECTION = (10, 12, 30, 35, 255)


@dataclass(frozen=True)
class RemoteFile:
    """A file of the folder on the cluster.

    Attributes
    ----------
    path
        Relative to the folder.
    size
        In bytes.
    modified
        When it changed last, as ``2026/11/30-22:28:17`` in UTC.
    differs
        Whether its content is not that of the file here, or there is none here.
    """

    path: str
    size: int
    modified: str
    differs: bool


@dataclass
class Listing:
    """Files of a folder on the cluster, and those that are not handled, with the reason."""

    files: list[RemoteFile] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RemoteFolder:
    """A folder on the host of a worker.

    Attributes
    ----------
    path
        Full path there.
    host
        As `ssh` takes it; empty for this machine.
    shell
        The `ssh` command with its options.
    """

    path: PurePosixPath
    host: str = ""
    shell: tuple[str, ...] = ()

    def compare(self, here: Path, choice: Sequence[str]) -> Listing:
        """List the chosen files, and whether their content differs from that of the files here.

        Parameters
        ----------
        choice
            Options of `rsync` that choose files.

        Raises
        ------
        CuprolithError
            If `rsync` fails, or the folder is not there.
        """
        form = "--out-format=%i %l %M %n"
        options = ["--recursive", "--times", "--checksum", "--dry-run", "-ii", form, *choice]
        found = Listing()
        for line in self._run(options, here).decode(errors="surrogateescape").splitlines():
            if skipped := _SKIPPED.fullmatch(line):
                found.problems[skipped[1]] = "is a link or a special file"
            elif listed := _LISTED.fullmatch(line):
                change, size, modified, path = listed.groups()
                if problem := _name_problem(path):
                    found.problems[path] = problem
                else:
                    found.files.append(RemoteFile(path, int(size), modified, change != "."))
        return found

    def copy(self, names: Iterable[str], here: Path, advance: Callable[[float], None]) -> None:
        """Copy files into a folder here. A copy that was cut off is resumed.

        Parameters
        ----------
        advance
            Called with the number of bytes that have come since its last call.

        Raises
        ------
        CuprolithError
            If `rsync` fails. A file that is no longer there is not an error.
        """
        with names_file(names) as choice:
            shown = ["--info=progress2", "--no-human-readable"]
            self._run(["--times", "--checksum", "--partial", *shown, *choice], here, advance)

    def _run(
        self, options: list[str], here: Path, advance: Callable[[float], None] | None = None
    ) -> bytes:
        program = shutil.which("rsync")
        if program is None:
            raise CuprolithError("rsync is not installed on this machine", remedy="install rsync")
        shell = ["--rsh", shlex.join(self.shell)] if self.shell else []
        host = f"{self.host}:" if self.host else ""
        places = [f"{host}{self.path}/", f"{here.resolve()}/"]
        # names as they are, and no word of them for the shell on the cluster
        command = [program, "--protect-args", "--8-bit-output", *shell, *options, "--", *places]
        environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        with TemporaryFile() as errors:
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, env=environment
            ) as process:
                assert process.stdout is not None
                output = _read(process.stdout, advance)
            errors.seek(0)
            self._require_success(process.returncode, errors.read().decode(errors="replace"))
        return output

    def _require_success(self, code: int, errors: str) -> None:
        lines = [line for line in errors.splitlines() if line.strip()]
        complaints = [line for line in lines if not line.startswith("rsync error: some files")]
        gone = all("No such file or directory" in line for line in complaints)
        place = f"{self.host}:{self.path}" if self.host else str(self.path)
        if any("change_dir" in line for line in complaints) and gone:
            raise CuprolithError(
                "the campaign's folder is not on the cluster",
                where=place,
                remedy="its files may have been moved, or a file system there is not mounted",
            )
        if code in (0, _VANISHED) or (code == _PARTLY and gone):
            return
        if code == _NOT_FOUND or "rsync: command not found" in errors:
            raise CuprolithError(
                "rsync is not installed on the cluster, or not on the PATH of a command over SSH",
                where=place,
                remedy="install it there, or add its folder to the PATH in the shell's start-up "
                "file",
            )
        reason = "; ".join(complaints[:3]) or f"rsync ended with code {code}"
        remedy = "look at that folder on the cluster"
        if code in _CONNECTION:
            reason = f"the connection failed or broke off: {reason}"
            remedy = "run the same command again to resume"
            if self.shell:
                remedy += f"; if it fails again, try `{shlex.join([*self.shell, self.host])}`"
        elif "is your shell clean" in errors:
            remedy = "its shell prints text at login, which breaks rsync: print it in interactive "
            remedy += "shells only"
        raise CuprolithError(reason, where=place, remedy=remedy)


def remote_folder(project: Project, worker: str, path: PurePosixPath) -> RemoteFolder:
    """Return a folder on the host of a worker, which `ssh` reaches with the project's options."""
    given: Any = project.workers[worker]
    if given.is_local:
        return RemoteFolder(path)
    given = getattr(given, "transfer", given)  # a host of its own for files
    words = ["ssh", "-o", "StrictHostKeyChecking=accept-new"]
    if not getattr(given, "interactive_login", False):
        words += ["-o", "BatchMode=yes"]
    keys = given.key_filename or []
    for key in [keys] if isinstance(keys, str) else keys:
        words += ["-i", key]
    options = {"-p": given.port, "-l": given.user, "-J": _jump(given.gateway)}
    for option, value in options.items():
        words += [option, str(value)] if value else []
    host = f"[{given.host}]" if ":" in given.host else given.host
    return RemoteFolder(path, host, tuple(words))


@contextmanager
def names_file(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the options of `rsync` that choose the files of a list of names."""
    with NamedTemporaryFile("wb") as file:
        file.write(b"".join(os.fsencode(name) + b"\0" for name in names))
        file.flush()
        yield [f"--files-from={file.name}", "--from0"]


def _read(stream: Any, advance: Callable[[float], None] | None) -> bytes:
    """Read all output; with `advance`, tell how many bytes rsync says have been copied."""
    if advance is None:
        output: bytes = stream.read()
        return output
    done, rest = 0, b""
    while data := stream.read1(65536):
        *lines, rest = re.split(rb"[\r\n]", rest + data)
        for shown in filter(None, map(_PROGRESS.match, lines)):
            advance(int(shown[1]) - done)
            done = int(shown[1])
    return b""


def _jump(gateway: Any) -> str | None:
    if gateway is None or isinstance(gateway, str):
        return gateway
    user = f"{gateway.user}@" if gateway.user else ""
    return f"{user}{gateway.host}" + (f":{gateway.port}" if gateway.port else "")


def _name_problem(path: str) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        return "leads out of the folder"
    if _ESCAPED.search(path) or not path.isprintable():
        return "has control characters in its name"
    return ""
