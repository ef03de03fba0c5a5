"""SHA-256 of files and texts."""

import hashlib
from pathlib import Path

_SHORT = 12


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256(content: str | bytes) -> str:
    """Return the SHA-256 of a text (as UTF-8) or of bytes, in hexadecimal digits."""
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()


def short_hash(content: str | bytes) -> str:
    """Return the first 12 hexadecimal digits of `sha256`: enough to name settings and runs."""
    return sha256(content)[:_SHORT]
