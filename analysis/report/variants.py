"""How the variants are called and coloured on all pages."""

from __future__ import annotations

from analysis.report.figures import PALETTE
from training.settings import Variant

VARIANT_NAMES: dict[Variant, str] = {
    "allegro": "Allegro",
    "allegro-mlp": "Allegro+MLP",
    "allegro-qdi": "Allegro+QDI",
}
_BLUE, _ORANGE, _GREEN, *_ = PALETTE
VARIANT_COLOURS: dict[Variant, str] = {
    "allegro": _BLUE,
    "allegro-mlp": _ORANGE,
    "allegro-qdi": _GREEN,
}
