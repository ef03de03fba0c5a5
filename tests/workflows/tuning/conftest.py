import pytest
from optuna.storages._rdb.storage import _VersionManager
from sqlalchemy import event
from sqlalchemy.engine import Engine


@pytest.fixture(autouse=True, scope="session")
def storage_does_not_wait_for_the_disk():
    """Optuna's storage commits some three hundred times in a small study."""

    def unsynchronised(connection, _record):
        connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", unsynchronised)
    yield
    event.remove(Engine, "connect", unsynchronised)


@pytest.fixture(autouse=True, scope="session")
def migrations_are_read_once():
    """Optuna reads its twelve scripts of migrations whenever a storage is opened."""
    read, known = _VersionManager.get_head_version, []

    def head_version(manager):
        if not known:
            known.append(read(manager))
        return known[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_VersionManager, "get_head_version", head_version)
        yield
