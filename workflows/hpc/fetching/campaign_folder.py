"""A campaign's folder on the cluster's file system, reached through a worker's host.

jobflow-remote's hosts give a shell and file transfers, on this machine or behind SSH. What goes
through the shell is quoted here, and names are checked, so that spaces, quotes, leading dashes and
``..`` are what they are: parts of a name, or refused.
"""

from __future__ import annotations

import io
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from cuprolith.errors import CuprolithError
from cuprolith.hashes import file_sha256
from cuprolith.staged_file import StagedFile

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project
    from jobflow_remote.remote.host.base import BaseHost

_CHUNK = 1 << 20
# A login shell takes a command as one argument, of at most 128 KiB on Linux; it is quoted twice.
_LONGEST_COMMAND = 30_000
_SHORT_SECONDS = 120
_LONG_SECONDS = 3600  # hashes of gigabytes on a busy file system
_LISTED = re.compile(r"([a-zA-Z]) (\d+) \./(.+)", re.DOTALL)
_HASHED = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.+)")
_PATTERN_CHARACTER = re.compile(r"([\\*?\[\]])")


class Writer(Protocol):
    """What takes the content of a file, piece by piece."""

    def write(self, data: bytes, /) -> object:
        """Append."""


@dataclass(frozen=True)
class FolderFile:
    """A file of the folder.

    Attributes
    ----------
    path
        Relative to the folder.
    size
        In bytes.
    sha256
        Empty unless it was asked for and the file could be read.
    problem
        Why it is not handled: it is a link, or its name cannot be trusted. Empty if it is.
    """

    path: str
    size: int
    sha256: str = ""
    problem: str = ""


class CampaignFolder:
    """The folder of a campaign on a host.

    Parameters
    ----------
    host
        A connected host of jobflow-remote, see `worker_host`.
    path
        Absolute, as all jobs see it.

    Raises
    ------
    CuprolithError
        If `path` is not absolute.
    """

    def __init__(self, host: BaseHost, path: PurePosixPath) -> None:
        if not path.is_absolute() or ".." in path.parts or not str(path).isprintable():
            raise CuprolithError(
                "the folder of a campaign on the cluster is named by its full path",
                where=str(path),
            )
        self.host = host
        self.path = path

    def make(self) -> None:
        """Make the folder and those above it, where they are missing."""
        self._run("true", make=True)

    def exists(self, relative: str = ".") -> bool:
        """Return whether a file or folder is there."""
        return bool(self.host.exists(str(self._absolute(relative))))

    def read_text(self, relative: str) -> str:
        """Return the content of a UTF-8 file.

        Raises
        ------
        FileNotFoundError
            If there is none.
        """
        content = io.BytesIO()
        self.read_into(relative, content)
        return content.getvalue().decode("utf-8")

    def read_into(self, relative: str, out: Writer) -> None:
        """Write the content of a file to `out`, piece by piece.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        """
        from jobflow_remote.remote.host.local import LocalHost

        path = self._absolute(relative)
        if isinstance(self.host, LocalHost):  # whose own `get` reads all of it into memory
            with Path(path).open("rb") as stream:
                shutil.copyfileobj(stream, out, _CHUNK)
        else:
            self.host.get(str(path), out)

    def get(self, relative: str, local: Path) -> None:
        """Bring a file here, whole or not at all."""
        local.parent.mkdir(parents=True, exist_ok=True)
        with StagedFile(local) as staged:
            self.read_into(relative, staged)
            staged.commit()

    def put(self, local: Path, relative: str) -> None:
        """Put a file there, whole or not at all; its folder is made."""
        self._put({relative: local})

    def put_tree(self, local_folder: Path, relative: str = ".") -> list[str]:
        """Put all files of a folder there; what is the same already stays untouched.

        Parameters
        ----------
        relative
            Where the content of `local_folder` shall be.

        Returns
        -------
        What was put, relative to the campaign's folder.
        """
        files = {
            str(PurePosixPath(relative) / path.relative_to(local_folder).as_posix()): path
            for path in sorted(local_folder.rglob("*"))
            if path.is_file()
        }
        present = self.hashes(files)
        changed = {
            name: path for name, path in files.items() if file_sha256(path) != present.get(name)
        }
        self._put(changed)
        return list(changed)

    def listing(
        self, relative: str = ".", *, leave_out: Sequence[str] = (), hashes: bool = False
    ) -> list[FolderFile]:
        """List the files below a folder, or a file; links are listed, not followed.

        Parameters
        ----------
        relative
            Where to begin; nothing is listed if it does not exist.
        leave_out
            Folders, relative to the campaign's, that are not looked into.
        hashes
            Whether to compute their SHA-256, on the cluster.
        """
        name = self._relative(relative)
        begin = "." if name == "." else shlex.quote(f"./{name}")
        patterns = [f"-path {shlex.quote(_as_pattern(name))} -prune -o" for name in leave_out]
        find = f"find {begin} {' '.join(patterns)} ! -type d -printf '%y %s %p\\0'"
        output = self._run(f"if [ -e {begin} ]; then {find}; fi", may_vanish=True)
        files = sorted(map(_listed, filter(None, output.split("\0"))), key=lambda file: file.path)
        if not hashes:
            return files
        found = self.hashes(file.path for file in files if not file.problem)
        return [replace(file, sha256=found.get(file.path, "")) for file in files]

    def hashes(self, names: Iterable[str]) -> dict[str, str]:
        """Return the SHA-256 of files, computed on the cluster; those that are gone are left out.

        It takes one command for some hundred files.
        """
        found: dict[str, str] = {}
        words = (shlex.quote(self._relative(name)) for name in names)
        for part in _parts(words, " "):
            output = self._run(f"sha256sum -- {part}", seconds=_LONG_SECONDS, may_vanish=True)
            for line in output.splitlines():
                if match := _HASHED.fullmatch(line):
                    escaped, digest, name = match.groups()
                    found[name.replace("\\\\", "\\") if escaped else name] = digest
        return found

    def _put(self, files: dict[str, Path]) -> None:
        if not files:
            return
        places = {name: self._absolute(name) for name in files}
        staged = {name: path.with_name(f".{path.name}.partial") for name, path in places.items()}
        folders = sorted({str(PurePosixPath(name).parent) for name in files})
        for part in _parts((shlex.quote(f"./{folder}") for folder in folders), " "):
            self._run(f"mkdir -p -- {part}", make=True)
        for name, local in files.items():
            self.host.put(str(local), str(staged[name]))
        moves = (
            f"mv -fT -- {shlex.quote(str(staged[name]))} {shlex.quote(str(place))}"
            for name, place in places.items()
        )
        for part in _parts(moves, " && "):
            self._run(part)

    def _run(
        self,
        command: str,
        *,
        seconds: int = _SHORT_SECONDS,
        make: bool = False,
        may_vanish: bool = False,
    ) -> str:
        """Return what a command, which runs in the folder, prints.

        Parameters
        ----------
        make
            Make the folder first, rather than fail without it.
        may_vanish
            Files, and the folder, may be missing or go while the command runs: no failure.
        """
        root = shlex.quote(str(self.path))
        first = f"mkdir -p -- {root} && " if make else ""
        if may_vanish:
            first = f"[ -d {root} ] || exit 0; "
        script = f"export LC_ALL=C.UTF-8; {first}cd -- {root} && {{ {command}; }}"
        # A host that sanitises its output returns the code of its own last command.
        output, errors, _ = self.host.execute(f"( {script} ); printf '\\n%d' $?", timeout=seconds)
        output, _, code = output.rpartition("\n")
        if code.strip() == "0":
            return output
        complaints = [line for line in errors.splitlines() if line.strip()]
        if may_vanish and code.strip() == "1" and all(map(_tells_of_absence, complaints)):
            return output
        raise CuprolithError(
            "; ".join(complaints[:3]) or f"a command ended with code {code.strip() or 'unknown'}",
            where=str(self.path),
            remedy="look at that folder on the cluster; if its shell prints other text at login, "
            "set `sanitize_command: true` for the worker",
        )

    def _absolute(self, relative: str) -> PurePosixPath:
        return self.path / self._relative(relative)

    def _relative(self, relative: str) -> str:
        problem = name_problem(relative)
        if problem:
            raise CuprolithError(f"{relative!r}: {problem}", where=str(self.path))
        return str(PurePosixPath(relative))


@contextmanager
def worker_host(project: Project, worker: str) -> Iterator[BaseHost]:
    """Connect to the host of a worker, and close the connection at the end.

    Raises
    ------
    CuprolithError
        If the project has no such worker, its host does not answer, or the connection breaks off.
    """
    if worker not in project.workers:
        raise CuprolithError(
            f"no worker {worker}; workers here: {', '.join(sorted(project.workers))}",
            where=f"project {project.name}",
        )
    from subprocess import TimeoutExpired

    from invoke.exceptions import CommandTimedOut
    from paramiko.ssh_exception import SSHException

    host = project.workers[worker].get_host()
    remedy = f"see what `jf -p {project.name} project check -w {worker}` says"
    try:
        host.connect()
    # SSH libraries raise what they like: names, keys, gateways, sockets
    except Exception as error:
        raise CuprolithError(
            f"no connection: {error}", where=f"worker {worker}", remedy=remedy
        ) from error
    try:
        yield host
    except (SSHException, EOFError, ConnectionError) as error:
        raise CuprolithError(
            f"the connection broke off: {str(error) or type(error).__name__}",
            where=f"worker {worker}",
            remedy=f"give the same command again; if it happens again, {remedy}",
        ) from error
    except (CommandTimedOut, TimeoutExpired, TimeoutError) as error:
        raise CuprolithError(
            "the host takes too long to answer", where=f"worker {worker}", remedy=remedy
        ) from error
    finally:
        host.close()


def name_problem(relative: str) -> str:
    """Return why a name is none of a file inside a folder; empty if it is one."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts:
        return "leads out of the folder"
    if not relative.isprintable():
        return "has control characters in its name"
    return ""


def _listed(entry: str) -> FolderFile:
    match = _LISTED.fullmatch(entry.lstrip("\n"))
    if match is None:
        raise CuprolithError(
            f"the cluster's answer is no list of files: {entry[:80]!r}",
            remedy="if its shell prints other text at login, set `sanitize_command: true` for the "
            "worker",
        )
    kind, size, path = match.groups()
    problem = name_problem(path)
    if kind != "f":
        problem = "is a link" if kind == "l" else "is no file"
    return FolderFile(str(PurePosixPath(path)), int(size), problem=problem)


def _as_pattern(name: str) -> str:
    return _PATTERN_CHARACTER.sub(r"\\\1", f"./{PurePosixPath(name)}")


def _tells_of_absence(line: str) -> bool:
    return "No such file or directory" in line


def _parts(words: Iterable[str], separator: str) -> Iterator[str]:
    """Join words to commands that are not too long."""
    part: list[str] = []
    length = 0
    for word in words:
        if part and length + len(word) > _LONGEST_COMMAND:
            yield separator.join(part)
            part, length = [], 0
        part.append(word)
        length += len(word) + len(separator)
    if part:
        yield separator.join(part)
