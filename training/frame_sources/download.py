"""Download files of public datasets: checksums verified, interrupted downloads resumed."""

from __future__ import annotations

import hashlib
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from importlib import metadata
from pathlib import Path

from filelock import FileLock

from cuprolith.staged_file import sync_folder
from training.source import SOURCES, OnProgress

FIGSHARE = "https://ndownloader.figshare.com/files/"

_CHUNK = 1 << 20
_TIMEOUT = 60.0  # seconds without a byte
_TRIES = 5
_PAUSE = 2.0  # seconds before the next try


class DownloadError(RuntimeError):
    """A file could not be downloaded; the message names the file, its address and a remedy."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a public dataset.

    Attributes
    ----------
    name, url, size
        Size in bytes.
    md5
        As figshare publishes it.
    """

    name: str
    url: str
    size: int
    md5: str


def download_dataset(name: str, directory: Path, on_progress: OnProgress | None = None) -> None:
    """Download the official files of a source into a folder; complete files are kept.

    Parameters
    ----------
    name
        Name of the source.
    directory
        Target folder; made if missing.
    on_progress
        Called with the name of a file, bytes done and bytes in all.

    Raises
    ------
    DownloadError
        If the source has no such files, or a file cannot be downloaded or has the wrong checksum.
        The same call resumes the download.
    """
    public = {source.name: source.download for source in SOURCES if source.download is not None}
    if name not in public:
        raise DownloadError(f"{name}: nothing to download; choose one of {', '.join(public)}")
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / ".download.lock"):
        public[name](directory, on_progress or _silent)


def download(file: RemoteFile, directory: Path, on_progress: OnProgress | None = None) -> Path:
    """Download one file, or finish what an earlier call began, and check it.

    Returns
    -------
    Path of the file, which appears only when it is complete.

    Raises
    ------
    DownloadError
        As :func:`download_dataset`.
    """
    target = directory / file.name
    report = on_progress or _silent
    if target.is_file() and _md5(target) == file.md5:
        report(file.name, file.size, file.size)
        return target
    partial = directory / f".{file.name}.partial"
    reason = "the connection was interrupted"
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE)
        try:
            _fetch_rest(file, partial, report)
        except urllib.error.HTTPError as error:
            raise _failure(file, target, f"the server says {error.code} {error.reason}") from error
        except (OSError, HTTPException) as error:
            reason = str(error) or type(error).__name__
        if partial.is_file() and partial.stat().st_size >= file.size:
            break
    else:
        raise _failure(file, target, reason)
    if (found := _md5(partial)) != file.md5:
        partial.unlink()
        raise _failure(file, target, f"its MD5 is {found}, not {file.md5}")
    partial.replace(target)
    sync_folder(directory)
    return target


def _silent(name: str, done: int, total: int) -> None:
    pass


def _fetch_rest(file: RemoteFile, partial: Path, report: OnProgress) -> None:
    """Append what is missing; start again if the server does not send parts."""
    done = partial.stat().st_size if partial.is_file() else 0
    if done > file.size:
        done = 0
    if done == file.size:
        return
    request = urllib.request.Request(
        file.url,
        headers={
            "User-Agent": f"cuprolith/{metadata.version('cuprolith')}",
            **({"Range": f"bytes={done}-"} if done else {}),
        },
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        if response.status not in {200, 206}:  # figshare answers robots with 202
            raise OSError(f"the server answers {response.status} {response.reason}")
        if not _continues_at(response, done):
            done = 0
        with partial.open("ab" if done else "wb") as stream:
            while block := response.read(_CHUNK):
                stream.write(block)
                done += len(block)
                report(file.name, done, file.size)


def _continues_at(response: HTTPResponse, start: int) -> bool:
    return response.status == 206 and response.headers.get("Content-Range", "").startswith(
        f"bytes {start}-"
    )


def _failure(file: RemoteFile, target: Path, reason: str) -> DownloadError:
    return DownloadError(
        f"{file.url} could not be downloaded: {reason}. Rerun the same command to "
        f"resume; or download the file in another way and put it at {target} (MD5 {file.md5})"
    )


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
