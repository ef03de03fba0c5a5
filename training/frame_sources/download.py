"""Download the public datasets: official files, checksummed, resumed where a try broke off."""

from __future__ import annotations

import bz2
import hashlib
import shutil
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from importlib import metadata
from pathlib import Path
from typing import Literal, get_args

from filelock import FileLock

from cuprolith.staged_file import StagedFile, sync_folder
from training.frame_sources.qm9_files import ARCHIVE, UNCHARACTERIZED
from training.sources.rmd17 import Molecule

PublicDataset = Literal["rmd17", "qm9"]
OnProgress = Callable[[str, int, int], None]

_CHUNK = 1 << 20
_TIMEOUT = 60.0  # seconds without a byte
_TRIES = 5
_PAUSE = 2.0  # seconds before the next try


class DownloadError(RuntimeError):
    """A file could not be had; the message says which, from where, and what to do."""


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


_FIGSHARE = "https://ndownloader.figshare.com/files/"
RMD17_ARCHIVE = RemoteFile(
    "rmd17.tar.bz2",
    _FIGSHARE + "23950376",
    1_066_301_513,
    "cb1a927628d96f2e966025da4fb63d18",
)
_FILES: dict[PublicDataset, tuple[RemoteFile, ...]] = {
    "rmd17": (RMD17_ARCHIVE,),
    "qm9": (
        RemoteFile(
            UNCHARACTERIZED, _FIGSHARE + "3195404", 486_752, "a361887bacb427b8a0ce7903d92a53b4"
        ),
        RemoteFile(ARCHIVE, _FIGSHARE + "3195389", 86_144_227, "ad1ebd51ee7f5b3a6e32e974e5d54012"),
    ),
}
_RMD17_MEMBERS = (
    *(f"npz_data/rmd17_{molecule}.npz" for molecule in get_args(Molecule)),
    *(f"splits/index_{part}_{n:02d}.csv" for part in ("train", "test") for n in range(1, 6)),
)


def download_dataset(
    name: PublicDataset, directory: Path, on_progress: OnProgress | None = None
) -> None:
    """Put the official files of a dataset into a folder; what is there and whole stays.

    rMD17's archive (1.1 GB) is unpacked into ``rmd17/`` beside it and may be removed then.

    Parameters
    ----------
    name
        ``rmd17`` or ``qm9``.
    directory
        Is made.
    on_progress
        Called with the name of a file, bytes done and bytes in all.

    Raises
    ------
    DownloadError
        If a file cannot be had or is not what it should be. The same call goes on from there.
    """
    report = on_progress or _silent
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / ".download.lock"):
        if name == "rmd17" and _unpacked(directory):
            return
        for file in _FILES[name]:
            download(file, directory, report)
        if name == "rmd17":
            _unpack(directory / RMD17_ARCHIVE.name, report)


def download(file: RemoteFile, directory: Path, on_progress: OnProgress | None = None) -> Path:
    """Download one file, or finish what an earlier call began, and check it.

    Returns
    -------
    Where it is; the file appears there only when it is whole.

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
    reason = "the connection broke off"
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
    """Append what is missing; start anew where the server does not give parts."""
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
        if response.status not in {200, 206}:  # 202 is how figshare turns robots away
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
        f"{file.url} could not be downloaded: {reason}. Give the same command again, it goes on "
        f"from there; or download the file otherwise and put it at {target} (MD5 {file.md5})"
    )


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _unpacked(directory: Path) -> bool:
    return all((directory / "rmd17" / member).is_file() for member in _RMD17_MEMBERS)


def _unpack(archive: Path, report: OnProgress) -> None:
    """Unpack arrays and splits in one pass; each file appears whole or not at all."""
    folder = archive.parent / "rmd17"
    wanted = {f"rmd17/{member}": folder / member for member in _RMD17_MEMBERS}
    size = archive.stat().st_size
    with (
        archive.open("rb") as compressed,
        bz2.open(compressed) as content,
        tarfile.open(fileobj=content, mode="r|") as stream,
    ):
        for member in stream:
            report(f"unpacking {archive.name}", compressed.tell(), size)
            target = wanted.get(member.name.removeprefix("./"))
            source = stream.extractfile(member)
            if target is None or source is None:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with StagedFile(target) as file:
                shutil.copyfileobj(source, file, _CHUNK)
                file.commit()
    report(f"unpacking {archive.name}", size, size)
    if not _unpacked(archive.parent):
        missing = [member for member in _RMD17_MEMBERS if not (folder / member).is_file()]
        raise DownloadError(f"{archive} does not hold {', '.join(missing)}")
