"""Numbers with their nouns."""


def noun_of(number: float, noun: str) -> str:
    """Return a noun as it follows a number: ``frame`` after 1, ``frames`` after others."""
    if number == 1:
        return noun
    return noun[:-1] + "ies" if noun.endswith("y") else f"{noun}s"


def plural(number: int, noun: str) -> str:
    """Write a whole number and its noun: ``1 frame``, ``2,000 frames``."""
    return f"{number:,} {noun_of(number, noun)}"
