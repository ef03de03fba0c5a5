"""Numbers as Fortran prints them in VASP's files."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

KBAR_PER_EV_PER_A3 = 1602.176634
"""1 eV/Å³ in kbar; VASP's stress has the opposite sign to ASE's."""


def fortran_e(value: float, digits: int) -> str:
    """Return `value` as Fortran's E format prints it: a mantissa below one.

    VASP leaves out the zero before the point of negative numbers.
    """
    if value == 0:
        return f"{0:.{digits}f}E+00"
    mantissa, exponent = f"{abs(value):.{digits - 1}E}".split("E")
    sign = "-" if value < 0 else "0"
    return f"{sign}.{mantissa.replace('.', '')}E{int(exponent) + 1:+03d}"


def vectors(rows: np.ndarray, indent: str) -> str:
    """Return rows of three numbers as ``<v>`` elements of vasprun.xml."""
    return "".join(
        f"{indent}<v>{''.join(_eight_decimals(number) for number in row)} </v>\n" for row in rows
    )


def _eight_decimals(number: float) -> str:
    text = f"{number:16.8f}" if np.isfinite(number) else " " + "*" * 15
    return f" {text}"


def wrapped(scaled: np.ndarray) -> np.ndarray:
    """Return scaled positions in [0, 1), as VASP writes them."""
    return np.asarray(scaled) % 1.0 % 1.0


def columns(numbers: Iterable[float], width: int, decimals: int) -> str:
    """Return numbers in fixed-point columns; what does not fit becomes stars."""
    texts = (f"{number:{width}.{decimals}f}" for number in numbers)
    return "".join(
        text if len(text) == width and "nan" not in text else "*" * width for text in texts
    )
