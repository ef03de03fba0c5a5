"""Fetch a campaign's results: what is new or has changed, each file complete or not at all."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from cuprolith.errors import CuprolithError
from cuprolith.json_files import write_atomically
from cuprolith.progress import progress_bar
from workflows.hpc.fetching.rsync import RemoteFile, RemoteFolder, names_file
from workflows.hpc.fetching.selection import (
    BESIDE_DATABASES,
    Selection,
    fetch_order,
    open_databases,
)

MANIFEST_FILE = ".fetched.json"
ARRIVING = ".fetching"
"""Folder of files that have arrived and are not in their places yet; a fetch resumes there."""
_CAMPAIGN = "campaign.yaml"
_TRIES = 3


class FetchManifest(BaseModel):
    """What earlier fetches brought into a folder: ``.fetched.json``.

    Attributes
    ----------
    source
        The campaign's folder on the cluster.
    files
        Size and time of the last change of each file, by its path relative to the folder.
    coming
        The same for files that a fetch is about to move into place: it may be killed meanwhile.
    """

    model_config = ConfigDict(extra="forbid")

    source: str = ""
    files: dict[str, tuple[int, str]] = {}
    coming: dict[str, tuple[int, str]] = {}

    @classmethod
    def load(cls, folder: Path) -> FetchManifest:
        """Return what earlier fetches brought into a folder.

        Raises
        ------
        CuprolithError
            If the file is not a list of fetched files.
        """
        path = folder / MANIFEST_FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except ValidationError as error:
            raise CuprolithError(
                "not a list of fetched files, or one of Cuprolith 0.1.0",
                where=str(path),
                remedy="delete it; files that differ from the cluster's are then kept, unless "
                "--force is given",
            ) from error

    def save(self, folder: Path) -> None:
        """Write the file, complete or not at all."""
        write_atomically(folder / MANIFEST_FILE, [self.model_dump_json(indent=1), "\n"])


@dataclass
class Fetched:
    """What a fetch found and did.

    Attributes
    ----------
    there
        Chosen files that are in the campaign's folder.
    came, same
        Files that were fetched, and those that were here already.
    kept
        Files here that differ from the cluster's and did not come from a fetch.
    left
        Files that were not fetched, with the reason.
    """

    there: list[RemoteFile] = field(default_factory=list)
    came: list[RemoteFile] = field(default_factory=list)
    same: list[RemoteFile] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def fetch(
    folder: RemoteFolder, target: Path, selection: Selection, *, force: bool = False
) -> Fetched:
    """Fetch the chosen files of a campaign's folder.

    A file whose content is here already is not copied again. Nothing here is deleted; a file that
    differs is replaced if it is as an earlier fetch left it, and kept otherwise.

    Parameters
    ----------
    target
        Folder here, which exists.
    force
        Replace all that differ.

    Raises
    ------
    CuprolithError
        If the campaign has no folder on the cluster, `target` holds another campaign, the disk has
        too little space, or `rsync` fails.
    """
    manifest, source = FetchManifest.load(target), str(folder.path)
    another = "fetch into another folder with --to, or replace what differs with --force"
    if manifest.source not in ("", source) and not force:
        raise CuprolithError(
            f"the files here were fetched from {manifest.source}, not from {source}",
            where=str(target),
            remedy=another,
        )
    manifest.source = source
    listing = folder.compare(target, selection.options())
    result = Fetched(left=dict(listing.problems))
    in_use, coming = open_databases(listing.files), []
    for file in listing.files:
        here = target / file.path
        if file.path in in_use:
            result.left[file.path] = "is being written to; fetch again when no job does"
            continue
        if file.path.endswith(BESIDE_DATABASES):
            continue
        result.there.append(file)
        states = (manifest.files.get(file.path), manifest.coming.get(file.path))
        if here.is_dir():
            result.left[file.path] = "is a folder here"
        elif not file.differs:
            result.same.append(file)
            manifest.files[file.path] = _state(here)
        elif force or not here.exists() or _state(here) in states:
            coming.append(file)
        else:
            result.kept.append(file.path)
    if _CAMPAIGN in result.kept:
        raise CuprolithError(
            "another campaign is here, or this one with other settings, and it was not fetched",
            where=str(target / _CAMPAIGN),
            remedy=another,
        )
    _copy_all(folder, coming, target, manifest, result)
    manifest.coming = {}
    manifest.save(target)
    return result


def _copy_all(
    folder: RemoteFolder,
    coming: list[RemoteFile],
    target: Path,
    manifest: FetchManifest,
    result: Fetched,
) -> None:
    """Copy files beside their places; move those that are as on the cluster into their places."""
    needed, free = sum(file.size for file in coming), shutil.disk_usage(target).free
    if needed > free:
        raise CuprolithError(
            f"{needed / 1e9:.1f} GB are to be fetched, and the disk has {free / 1e9:.1f} GB left",
            where=str(target),
            remedy="free some space, or fetch to another disk with --to",
        )
    arriving = target / ARRIVING
    arriving.mkdir(exist_ok=True)
    names = [file.path for file in coming]
    with progress_bar("fetch", needed, in_bytes=True) as bar:
        for _ in range(_TRIES):
            if not names:
                break
            folder.copy(names, arriving, bar.advance)
            with names_file(names) as choice:
                found = {file.path: file for file in folder.compare(arriving, choice).files}
            for name in set(names) - found.keys():
                result.left[name] = "no longer exists on the cluster"
            _move([it for it in found.values() if not it.differs], target, manifest, result)
            names = [name for name, file in found.items() if file.differs]
    result.left |= dict.fromkeys(names, "changes while it is fetched; fetch again later")
    shutil.rmtree(arriving)


def _move(files: list[RemoteFile], target: Path, manifest: FetchManifest, result: Fetched) -> None:
    manifest.coming = {file.path: _state(target / ARRIVING / file.path) for file in files}
    manifest.save(target)
    for file in sorted(files, key=fetch_order):
        place = target / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        (target / ARRIVING / file.path).replace(place)
        result.came.append(file)
    manifest.files |= manifest.coming


def _state(path: Path) -> tuple[int, str]:
    """Return size and time of the last change of a file here."""
    found = path.stat()
    return found.st_size, f"{datetime.fromtimestamp(int(found.st_mtime), UTC):%Y/%m/%d-%H:%M:%S}"
