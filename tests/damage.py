"""Ways in which a file is damaged."""

import random
from pathlib import Path


def cut(path: Path) -> None:
    """Leave the first half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path) -> None:
    """Leave nothing in it."""
    path.write_bytes(b"")


def remove(path: Path) -> None:
    """Leave nothing of it."""
    path.unlink()


def flip(path: Path, seed: int = 1) -> None:
    """Change one byte in fifty, 20 at most, wherever they are."""
    content = bytearray(path.read_bytes())
    rng = random.Random(seed)
    for place in rng.sample(range(len(content)), min(20, len(content) // 50 + bool(content))):
        content[place] ^= rng.randrange(1, 256)
    path.write_bytes(bytes(content))


DAMAGES = {"cut": cut, "emptied": empty, "removed": remove, "bytes flipped": flip}
