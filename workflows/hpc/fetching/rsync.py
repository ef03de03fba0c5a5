"""Read a folder on a worker's host with ``rsync``: over SSH, or on this machine."""

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
    differs
        Whether its content is not that of the file here, or there is none here.
    """

    path: str
    size: int
    differs: bool


@dataclass
class Listing:
    """Files of a folder on the cluster, and the reasons why others cannot be fetched."""

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

    @property
    def place(self) -> str:
        """The folder as `rsync` takes it."""
        return f"{self.host}:{self.path}" if self.host else str(self.path)

    def compare(self, here: Path, choice: Sequence[str]) -> Listing:
        """List the chosen files, and whether their content differs from that of the files here.

        Parameters
        ----------
        choice
            Options of `rsync` that choose files.

        Raises
        ------
        CuprolithError
            If `rsync` fails, or the folder does not exist.
        """
        form = "--out-format=%i %l %M %n"
        options = ["--recursive", "--times", "--checksum", "--dry-run", "-ii", form, *choice]
        found = Listing()
        for line in self._run(options, here).decode(errors="surrogateescape").splitlines():
            if skipped := _SKIPPED.fullmatch(line):
                found.problems[skipped[1]] = "is a link or a special file"
            elif listed := _LISTED.fullmatch(line):
                change, size, _, path = listed.groups()
                if _ESCAPED.search(path) or not path.isprintable():
                    found.problems[path] = "has control characters in its name"
                elif not path.startswith("/") and ".." not in path.split("/"):
                    found.files.append(RemoteFile(path, int(size), change != "."))
        return found

    def copy(self, names: Iterable[str], here: Path, advance: Callable[[float], None]) -> None:
        """Copy files into a folder here. A copy that was interrupted is resumed.

        Parameters
        ----------
        advance
            Called with the number of bytes that have arrived since its last call.

        Raises
        ------
        CuprolithError
            If `rsync` fails. A file that no longer exists is not an error.
        """
        with names_file(names) as choice:
            shown = ["--info=progress2", "--no-human-readable"]
            self._run(["--times", "--checksum", "--partial", *shown, *choice], here, advance)

    def _run(
        self, options: list[str], here: Path, advance: Callable[[float], None] | None = None
    ) -> bytes:
        if shutil.which("rsync") is None:
            raise CuprolithError("rsync is not installed on this machine", remedy="install rsync")
        shell = ["--rsh", shlex.join(self.shell)] if self.shell else []
        # names as they are: the shell on the cluster reads none of them
        fixed = ["--protect-args", "--8-bit-output", *shell]
        command = ["rsync", *fixed, *options, "--", f"{self.place}/", f"{here.resolve()}/"]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        with TemporaryFile() as errors:
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, env=environment
            ) as process:
                assert process.stdout is not None
                output = _read(process.stdout, advance)
            errors.seek(0)
            text = errors.read().decode(errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        self._require_success(
            process.returncode, [it for it in lines if not it.startswith("rsync error: some files")]
        )
        return output

    def _require_success(self, code: int, errors: list[str]) -> None:
        gone = all("No such file or directory" in line for line in errors)
        text = "; ".join(errors[:3])
        if gone and any("change_dir" in line for line in errors):
            text = "the campaign's folder is not on the cluster"
            remedy = "its files may have been moved, or a file system there is not mounted"
        elif code in (0, _VANISHED) or (code == _PARTLY and gone):
            return
        elif code == _NOT_FOUND or "rsync: command not found" in text:
            text = "rsync is not installed on the cluster, or not on the PATH of a command over SSH"
            remedy = "install it there, or add its folder to the PATH in the shell's start-up file"
        elif code in _CONNECTION:
            text = f"the connection failed or broke off: {text or f'rsync ended with code {code}'}"
            remedy = "run the same command again to resume"
            if self.shell:
                remedy += f"; if it fails again, try `{shlex.join([*self.shell, self.host])}`"
        elif any("is your shell clean" in line for line in errors):
            remedy = (
                "its shell prints text at login, which breaks rsync: print it in interactive "
                "shells only"
            )
        else:
            remedy = "look at that folder on the cluster"
        raise CuprolithError(
            text or f"rsync ended with code {code}", where=self.place, remedy=remedy
        )


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
    """Read all output; with `advance`, report how many bytes rsync says have been copied."""
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
