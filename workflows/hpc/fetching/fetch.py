"""Bring a campaign's results home: what is new or has changed, each file whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cuprolith.errors import CuprolithError
from cuprolith.hashes import file_sha256
from cuprolith.staged_file import StagedFile
from workflows.hpc.fetching.campaign_folder import CampaignFolder, FolderFile
from workflows.hpc.fetching.manifest import FetchManifest
from workflows.hpc.fetching.selection import NEVER_FETCHED, Selection, fetch_order, open_databases
from workflows.progress import progress_bar

_CAMPAIGN = "campaign.yaml"
_TRIES = 3


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

    there: list[FolderFile] = field(default_factory=list)
    came: list[FolderFile] = field(default_factory=list)
    same: list[FolderFile] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def fetch(
    folder: CampaignFolder, target: Path, selection: Selection, *, force: bool = False
) -> Fetched:
    """Bring the chosen files of a campaign's folder home.

    What is here with the same size and SHA-256 is not brought again. Nothing here is deleted; a
    file that differs is replaced if an earlier fetch brought it as it is, and else kept.

    Parameters
    ----------
    target
        Folder here, which exists.
    force
        Replace all that differ.

    Raises
    ------
    CuprolithError
        If the campaign has no folder on the cluster, another campaign is at home in `target`, or
        the disk has no room.
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
    result = Fetched()
    result.there = _chosen(folder, selection, result)
    coming = _to_bring(target, manifest, result, force=force)
    if _CAMPAIGN in result.kept:
        raise CuprolithError(
            "another campaign is here, or this one with other settings, and it was not fetched",
            where=str(target / _CAMPAIGN),
            remedy="fetch into another folder with --to, or replace what differs with --force",
        )
    _require_room(target, coming)
    manifest.files |= {file.path: file.sha256 for file in result.same}
    manifest.coming = {file.path: file.sha256 for file in coming}
    manifest.save(target)
    try:
        with progress_bar("fetch", sum(file.size for file in coming), in_bytes=True) as bar:
            for file in sorted(coming, key=fetch_order):
                bar.say(file.path)
                _bring(folder, file, target, manifest, result, bar.advance)
    finally:
        # What came is here, also when the connection has broken.
        manifest.files |= {file.path: file.sha256 for file in result.came}
        manifest.save(target)
    manifest.coming = {}
    manifest.save(target)
    return result


def _chosen(folder: CampaignFolder, selection: Selection, result: Fetched) -> list[FolderFile]:
    """Return the files to have here, with their hashes."""
    if not folder.exists():
        raise CuprolithError(
            "the campaign's folder is not on the cluster",
            where=str(folder.path),
            remedy="its files may have been moved, or a file system there is not mounted",
        )
    files = folder.listing(leave_out=NEVER_FETCHED)
    in_use = open_databases(files)
    wanted = []
    for file in files:
        if not selection.includes(file.path):
            continue
        if file.problem:
            result.left[file.path] = file.problem
        elif file.path in in_use:
            result.left[file.path] = "is being written to; fetch again when no job does"
        else:
            wanted.append(file)
    hashes = folder.hashes(file.path for file in wanted)
    return [
        replace(file, sha256=hashes[file.path]) for file in wanted if file.path in hashes
    ]  # the others have gone since they were listed


def _to_bring(
    target: Path, manifest: FetchManifest, result: Fetched, *, force: bool
) -> list[FolderFile]:
    coming = []
    for file in result.there:
        path = target / file.path
        if path.is_dir():
            result.left[file.path] = "is a folder here"
            continue
        here = file_sha256(path) if path.is_file() else None
        if here == file.sha256:
            result.same.append(file)
        elif here is None or force:
            coming.append(file)
        elif manifest.brought(file.path, here):
            manifest.files[file.path] = here
            coming.append(file)
        else:
            result.kept.append(file.path)
    return coming


def _require_room(target: Path, coming: list[FolderFile]) -> None:
    needed, free = sum(file.size for file in coming), shutil.disk_usage(target).free
    if needed > free:
        raise CuprolithError(
            f"{needed / 1e9:.1f} GB are to come, and the disk has {free / 1e9:.1f} GB left",
            where=str(target),
            remedy="make room, or fetch to another disk with --to",
        )


def _bring(
    folder: CampaignFolder,
    file: FolderFile,
    target: Path,
    manifest: FetchManifest,
    result: Fetched,
    advance: Callable[[float], None],
) -> None:
    """Bring a file whose content is that of its hash; one that changes is tried again."""
    local = target / file.path
    local.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(_TRIES):
        try:
            with StagedFile(local) as staged:
                arriving = _Arriving(staged, advance)
                folder.read_into(file.path, arriving)
                if arriving.sha256 == file.sha256:
                    staged.commit()
                    result.came.append(replace(file, size=arriving.size))
                    return
        except FileNotFoundError:
            result.left[file.path] = "has gone from the cluster meanwhile"
            return
        advance(-arriving.size)
        now = folder.hashes([file.path]).get(file.path)
        if now is None:
            result.left[file.path] = "has gone from the cluster meanwhile"
            return
        file = replace(file, sha256=now)
        manifest.coming[file.path] = now
        manifest.save(target)
    result.left[file.path] = "changes while it is fetched; fetch again later"


class _Arriving:
    """Content on its way into a file: counted and hashed."""

    def __init__(self, staged: StagedFile, advance: Callable[[float], None]) -> None:
        self.size = 0
        self._staged = staged
        self._advance = advance
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        self._staged.write(data)
        self._hash.update(data)
        self.size += len(data)
        self._advance(len(data))
        return len(data)
