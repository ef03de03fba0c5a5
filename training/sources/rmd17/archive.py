"""Download and unpack the archive of rMD17."""

from __future__ import annotations

import bz2
import shutil
import tarfile
from pathlib import Path
from typing import get_args

from cuprolith.staged_file import StagedFile
from training.frame_sources.download import FIGSHARE, DownloadError, RemoteFile, download
from training.source import OnProgress
from training.sources.rmd17.molecule_names import Molecule

ARCHIVE = RemoteFile(
    "rmd17.tar.bz2",
    FIGSHARE + "23950376",
    1_066_301_513,
    "cb1a927628d96f2e966025da4fb63d18",
)
_CHUNK = 1 << 20
MEMBERS = (
    *(f"npz_data/rmd17_{molecule}.npz" for molecule in get_args(Molecule)),
    *(f"splits/index_{part}_{n:02d}.csv" for part in ("train", "test") for n in range(1, 6)),
)


def download_rmd17(directory: Path, report: OnProgress) -> None:
    """Download the archive (1.1 GB) and unpack it into ``rmd17/`` beside it.

    The archive is not needed after that.

    Raises
    ------
    DownloadError
        If it cannot be downloaded, or files are missing in it.
    """
    if not _unpacked(directory):
        _unpack(download(ARCHIVE, directory, report), report)


def _unpacked(directory: Path) -> bool:
    return all((directory / "rmd17" / member).is_file() for member in MEMBERS)


def _unpack(archive: Path, report: OnProgress) -> None:
    """Unpack arrays and splits in one pass; each file appears complete or not at all."""
    folder = archive.parent / "rmd17"
    wanted = {f"rmd17/{member}": folder / member for member in MEMBERS}
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
        missing = [member for member in MEMBERS if not (folder / member).is_file()]
        raise DownloadError(f"{archive} lacks {', '.join(missing)}")
