"""What earlier fetches brought into a folder: ``.fetched.json``."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from cuprolith.errors import CuprolithError
from cuprolith.json_files import write_atomically

MANIFEST_FILE = ".fetched.json"


class FetchManifest(BaseModel):
    """The files that came from the cluster.

    Attributes
    ----------
    source
        The campaign's folder on the cluster.
    files
        SHA-256 of each, by its path relative to the folder.
    coming
        The same of what a fetch is about to bring: it may be killed before it can say what came.
    """

    model_config = ConfigDict(extra="forbid")

    source: str = ""
    files: dict[str, str] = {}
    coming: dict[str, str] = {}

    @classmethod
    def load(cls, folder: Path) -> FetchManifest:
        """Return what is known of a folder; nothing if nothing was fetched.

        Raises
        ------
        CuprolithError
            If the file is none of ours.
        """
        path = folder / MANIFEST_FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except ValidationError as error:
            raise CuprolithError(
                "not a list of fetched files",
                where=str(path),
                remedy="delete it; files that differ from the cluster's are then kept, unless "
                "--force is given",
            ) from error

    def save(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        write_atomically(folder / MANIFEST_FILE, [self.model_dump_json(indent=1), "\n"])

    def brought(self, path: str, sha256: str) -> bool:
        """Return whether a file with this content came from a fetch."""
        return sha256 in (self.files.get(path), self.coming.get(path))
