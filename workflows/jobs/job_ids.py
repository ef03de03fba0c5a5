"""Job uuids that are the same whenever and wherever a campaign runs."""

from __future__ import annotations

import json
import uuid

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "cuprolith")


def stable_uuid(*parts: str) -> str:
    """Return a uuid that depends on the parts alone, so that the next run finds finished jobs.

    The borders of the parts count: ``("ab", "c")`` and ``("a", "bc")`` give different uuids.
    """
    return str(uuid.uuid5(_NAMESPACE, json.dumps(parts)))
