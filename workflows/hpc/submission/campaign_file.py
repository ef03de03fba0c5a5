"""The hash by which a flow and the campaign file of its folder are compared."""

from __future__ import annotations

from cuprolith.hashes import file_sha256
from workflows.workdir import Workdir

HASH_DIGITS = 12


def campaign_file_hash(workdir: Workdir) -> str:
    """Return the hash of a workdir's frozen campaign: the first hex digits of its SHA-256.

    Crystal files are named by their content there.
    """
    return file_sha256(workdir.campaign_yaml)[:HASH_DIGITS]
