"""Bring a campaign's results home: what is new or has changed, each file whole or not at all."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from cuprolith.errors import CuprolithError
from cuprolith.json_files import write_atomically
from workflows.hpc.fetching.rsync import RemoteFile, RemoteFolder, names_file
from workflows.hpc.fetching.selection import Selection, fetch_order, open_databases, results_among
from workflows.progress import ProgressBar, progress_bar

MANIFEST_FILE = ".fetched.json"
ARRIVING = ".fetching"
"""Folder of what has come and is not in its place yet; a fetch that was cut off resumes there."""
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
        The same of what a fetch is about to bring: it may be killed before it can write what came.
    """

    model_config = ConfigDict(extra="forbid")

    source: str = ""
    files: dict[str, tuple[int, str]] = {}
    coming: dict[str, tuple[int, str]] = {}

    @classmethod
    def load(cls, folder: Path) -> FetchManifest:
        """Return what is known of a folder; nothing if nothing was fetched.

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
        """Write it, whole or not at all."""
        write_atomically(folder / MANIFEST_FILE, [self.model_dump_json(indent=1), "\n"])

    def brought(self, path: str, here: Path) -> bool:
        """Return whether a file came from a fetch and was not changed since."""
        return _state(here) in (self.files.get(path), self.coming.get(path))


@dataclass
class Fetched:
    """What a fetch found and did.

    Attributes
    ----------
    there
        Chosen files that are in the campaign's folder.
    came, same
        Files that were brought, and those that were here already.
    kept
        Files here that differ from the cluster's and did not come from a fetch.
    left
        Files that were not brought, with the reason.
    """

    there: list[RemoteFile] = field(default_factory=list)
    came: list[RemoteFile] = field(default_factory=list)
    same: list[RemoteFile] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def fetch(
    folder: RemoteFolder, target: Path, selection: Selection, *, force: bool = False
) -> Fetched:
    """Bring the chosen files of a campaign's folder home.

    A file whose content is here already is not brought again. Nothing here is deleted; a file that
    differs is replaced if an earlier fetch brought it as it is, and kept otherwise.

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
        no room, or `rsync` fails.
    """
    manifest = FetchManifest.load(target)
    source = str(folder.path)
    if manifest.source not in ("", source) and not force:
        raise CuprolithError(
            f"what is here was fetched from {manifest.source}, not from {source}",
            where=str(target),
            remedy="fetch into another folder with --to, or replace what differs with --force",
        )
    manifest.source = source
    result = _chosen(folder, target, selection)
    coming = _to_bring(target, manifest, result, force=force)
    if _CAMPAIGN in result.kept:
        raise CuprolithError(
            "another campaign is here, or this one with other settings, and it was not fetched",
            where=str(target / _CAMPAIGN),
            remedy="fetch into another folder with --to, or replace what differs with --force",
        )
    _require_room(target, coming)
    manifest.files |= {file.path: _state(target / file.path) for file in result.same}
    _bring(folder, coming, target, manifest, result)
    manifest.coming = {}
    manifest.save(target)
    return result


def _chosen(folder: RemoteFolder, target: Path, selection: Selection) -> Fetched:
    listing = folder.compare(target, selection.options())
    in_use = open_databases(listing.files)
    result = Fetched(left=dict(listing.problems))
    for file in results_among(listing.files):
        if file.path in in_use:
            result.left[file.path] = "is being written to; fetch again when no job does"
        else:
            result.there.append(file)
    return result


def _to_bring(
    target: Path, manifest: FetchManifest, result: Fetched, *, force: bool
) -> list[RemoteFile]:
    coming = []
    for file in result.there:
        path = target / file.path
        if path.is_dir():
            result.left[file.path] = "is a folder here"
        elif not file.differs:
            result.same.append(file)
        elif force or not path.exists() or manifest.brought(file.path, path):
            coming.append(file)
        else:
            result.kept.append(file.path)
    return coming


def _require_room(target: Path, coming: list[RemoteFile]) -> None:
    needed, free = sum(file.size for file in coming), shutil.disk_usage(target).free
    if needed > free:
        raise CuprolithError(
            f"{needed / 1e9:.1f} GB are to come, and the disk has {free / 1e9:.1f} GB left",
            where=str(target),
            remedy="free some space, or fetch to another disk with --to",
        )


def _bring(
    folder: RemoteFolder,
    coming: list[RemoteFile],
    target: Path,
    manifest: FetchManifest,
    result: Fetched,
) -> None:
    """Copy files beside their places, and move those that are as on the cluster into them."""
    arriving = target / ARRIVING
    arriving.mkdir(exist_ok=True)
    with progress_bar("fetch", sum(file.size for file in coming), in_bytes=True) as bar:
        for _ in range(_TRIES):
            if not coming:
                break
            coming = _copy(folder, coming, arriving, target, manifest, result, bar)
    result.left |= {file.path: "changes while it is fetched; fetch again later" for file in coming}
    shutil.rmtree(arriving)


def _copy(
    folder: RemoteFolder,
    coming: list[RemoteFile],
    arriving: Path,
    target: Path,
    manifest: FetchManifest,
    result: Fetched,
    bar: ProgressBar,
) -> list[RemoteFile]:
    """Copy files once; return those that changed meanwhile."""
    names = [file.path for file in coming]
    folder.copy(names, arriving, bar.advance)
    with names_file(names) as choice:
        found = {file.path: file for file in folder.compare(arriving, choice).files}
    for name in names:
        if name not in found:
            result.left[name] = "has gone from the cluster meanwhile"
    whole = [file for file in found.values() if not file.differs]
    manifest.coming = {file.path: _state(arriving / file.path) for file in whole}
    manifest.save(target)
    for file in sorted(whole, key=fetch_order):
        place = target / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        (arriving / file.path).replace(place)
        manifest.files[file.path] = manifest.coming[file.path]
        result.came.append(file)
    return [file for file in found.values() if file.differs]


def _state(path: Path) -> tuple[int, str]:
    """Return size and time of the last change of a file here."""
    found = path.stat()
    return found.st_size, f"{datetime.fromtimestamp(int(found.st_mtime), UTC):%Y/%m/%d-%H:%M:%S}"
