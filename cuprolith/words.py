"""Numbers with their nouns, and words in a row."""

from collections.abc import Sequence


def noun_of(number: float, noun: str) -> str:
    """Return a noun as it follows a number: ``frame`` after 1, ``frames`` after others."""
    if number == 1:
        return noun
    return noun[:-1] + "ies" if noun.endswith("y") else f"{noun}s"


def plural(number: int, noun: str) -> str:
    """Write a whole number and its noun: ``1 frame``, ``2,000 frames``."""
    return f"{number:,} {noun_of(number, noun)}"


def listed(words: Sequence[str], most: int | None = None) -> str:
    """Join words as in a sentence: ``a, b and c``.

    Parameters
    ----------
    words
        At least one.
    most
        How many are named; the others are counted (``a, b and 3 more``).
    """
    shown = list(words)
    if most is not None and len(shown) > most:
        shown = [*shown[:most], f"{len(shown) - most:,} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
