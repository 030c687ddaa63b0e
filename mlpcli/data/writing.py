"""Writes numbers and texts as cells of CSV that read back to the same."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

__all__ = ["number_cell", "text_cell"]

_BARE = re.compile(r'[^",\r\n]+')


def number_cell(number: np.floating[Any]) -> str:
    """Return the fewest digits that read back to the same number; extreme ones have an exponent."""
    plain = number == 0 or 1e-5 <= abs(number) < 1e15
    return (np.format_float_positional if plain else np.format_float_scientific)(number, trim="-")


def text_cell(text: str) -> str:
    """Return a cell that any reader of CSV takes for this text (csv leaves a lone carriage return bare)."""
    return '"' + text.replace('"', '""') + '"' if not _BARE.fullmatch(text) else text
