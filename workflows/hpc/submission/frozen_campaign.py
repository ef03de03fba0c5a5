"""The campaign file in a folder on the cluster, and the one to put there.

A submission that is killed between two files, or before its flow is added, leaves a campaign whose
hash no flow has: the next submission notices that and completes it.
"""

from __future__ import annotations

import json
from pathlib import Path

from cuprolith.errors import CuprolithError
from cuprolith.hashes import file_sha256
from cuprolith.json_files import read_json
from workflows.hpc.submission.campaign_folder import CampaignFolder
from workflows.hpc.submission.queue_file import (
    HASH_DIGITS,
    QueueFile,
    campaign_file_hash,
    queue_file,
    write_queue_file,
)
from workflows.inputs.campaign import Campaign, campaign_differences, load_campaign
from workflows.workdir import Workdir

_CRYSTALS = "crystals"


class FrozenCampaign:
    """A campaign as it will be in a folder on the cluster, and the one that is there now.

    Parameters
    ----------
    campaign
        The one to submit.
    folder
        The campaign's folder on the cluster.
    scratch
        An empty folder here.
    """

    def __init__(self, campaign: Campaign, folder: CampaignFolder, scratch: Path) -> None:
        self._folder = folder
        self._local = Workdir(scratch)
        self._name = self._local.campaign_yaml.name
        self._present_yaml = scratch / f"present-{self._name}"
        self.campaign = self._local.freeze(campaign)
        self.hash = campaign_file_hash(self._local)
        self.present_hash = ""
        if (content := folder.read(self._name)) is not None:
            self._present_yaml.write_bytes(content)
            self.present_hash = file_sha256(self._present_yaml)[:HASH_DIGITS]

    def differences(self) -> list[str]:
        """List the differences from the campaign in the folder; none if there is none.

        Raises
        ------
        CuprolithError
            If that one cannot be read.
        """
        if not self.present_hash or self.present_hash == self.hash:
            return []
        # Below the same folder, so that equal crystal files have equal paths.
        for name in self._crystals():
            local = self._local.root / name
            if not local.exists() and (content := self._folder.read(name)) is not None:
                local.parent.mkdir(parents=True, exist_ok=True)
                local.write_bytes(content)
        try:
            present = load_campaign(self._present_yaml)
        except CuprolithError as error:
            error.message = error.message.replace(str(self._present_yaml), self._name)
            error.where = error.where.replace(str(self._present_yaml), self._place)
            error.remedy = "`cuprolith submit` with --update replaces it; finished labels that "
            error.remedy += "still fit are kept"
            raise
        root = f"{self._local.root.resolve()}/"
        return [line.replace(root, "") for line in campaign_differences(present, self.campaign)]

    def require_same(self) -> None:
        """Raise unless the folder holds this campaign, or none.

        Raises
        ------
        CuprolithError
            With the differences.
        """
        if differences := self.differences():
            raise CuprolithError(
                "the folder holds another campaign; it differs in\n    "
                + "\n    ".join(differences),
                where=self._place,
                remedy="use another --workdir, or --update to continue there with this campaign "
                "(finished labels that still fit are kept)",
            )

    def put(self, queue: QueueFile) -> None:
        """Copy the campaign into the folder: crystals first, the queue's file last."""
        write_queue_file(self._local, queue)
        there = self._crystals()
        for crystal in sorted(self._local.crystals.glob("*/*")):
            if self._name_of(crystal) not in there:
                self._put(crystal)
        self._put(self._local.campaign_yaml)
        if not self._environment_is_current():
            self._put(self._local.environment_json)
        self._put(queue_file(self._local))

    def _put(self, path: Path) -> None:
        self._folder.put(path, self._name_of(path))

    def _name_of(self, path: Path) -> str:
        return path.relative_to(self._local.root).as_posix()

    def _crystals(self) -> list[str]:
        """Return the crystal files in the folder; their folders are named by content."""
        folders = self._folder.names(_CRYSTALS)
        return [name for folder in folders for name in self._folder.names(folder)]

    def _environment_is_current(self) -> bool:
        """Return whether the folder has the environment of this campaign's first submission."""
        name = self._local.environment_json.name
        try:
            present = json.loads(self._folder.read(name) or b"")["campaign_hash"]
        except (ValueError, KeyError, TypeError):
            return False
        return bool(present == read_json(self._local.environment_json)["campaign_hash"])

    @property
    def _place(self) -> str:
        return str(self._folder.path / self._name)
