"""Takes dates and times apart into numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.labels import is_missing
from mlpcli.data.table.guesses import is_date

__all__ = ["DATE_PARTS", "date_of", "take_apart"]

DATE_PARTS = ("year", "month", "weekday", "hour", "seconds")

_OFFSET = re.compile(r" ?(Z|UTC|([+-])(\d\d):?(\d\d)?)$", re.ASCII)
_FRACTION = re.compile(r"[.,](\d+)")
_EPOCH = datetime(1970, 1, 1)


def date_of(column: str) -> str | None:
    """Return the column of dates that a column like ``when year`` is a part of, or None."""
    name, _, part = column.rpartition(" ")
    return name if part in DATE_PARTS else None


def take_apart(cells: Sequence[str]) -> tuple[NDArray[np.float64], list[int]]:
    """Return the parts (5, n) of ISO dates, and the places of cells that are none.

    The parts are year, month (1 to 12), weekday (0 for Monday), hour, and seconds since 1970, in UTC where
    the cell names its offset. Missing cells are NaN.
    """
    parts: dict[str, tuple[float, ...] | None] = {}
    for cell in set(cells):
        text = cell.strip()
        parts[cell] = (np.nan,) * 5 if is_missing(text) else _parts(text)
    nothing = (np.nan,) * 5
    found = [parts[cell] for cell in cells]
    numbers = np.array([part or nothing for part in found], np.float64).reshape(-1, 5)
    return numbers.T, [i for i, part in enumerate(found) if part is None]


def _parts(text: str) -> tuple[float, ...] | None:
    if not is_date(text):
        return None
    offset = timedelta(0)
    zone = _OFFSET.search(text) if len(text) > 10 else None
    if zone is not None:
        text = text[: zone.start()]
        if zone[2]:
            offset = timedelta(hours=int(zone[3]), minutes=int(zone[4] or 0))
            offset = -offset if zone[2] == "-" else offset
    fraction = _FRACTION.search(text)
    if fraction is not None:
        text = text[: fraction.start()]
    try:
        when = datetime.fromisoformat(text)
    except ValueError:  # the 30th of February
        return None
    seconds = (when - _EPOCH - offset).total_seconds() + (float(f"0.{fraction[1]}") if fraction else 0.0)
    return when.year, when.month, when.weekday(), when.hour, seconds
