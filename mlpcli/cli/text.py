"""Lays out text for a terminal: columns, sizes, counts."""

from __future__ import annotations

from mlpcli.text import columns, memory

__all__ = ["clip", "columns", "count", "memory", "number", "percent"]


def count(n: int, what: str) -> str:
    """Return a number with its noun: ``1 feature``, ``2,000 features``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def percent(share: float | None) -> str:
    """Return a share as per cent, and a dash where there is none."""
    return "-" if share is None else f"{share:.2%}"


def number(value: float | None) -> str:
    """Return a score with the digits that matter, and a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e6 or value == 0 else f"{value:.4g}"


def clip(text: str, width: int) -> str:
    """Return a text that is printable and no wider than ``width``; what is too long loses its middle."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    if len(shown) <= width:
        return shown
    end = (width - 1) // 2
    return shown[: width - 1 - end] + "~" + shown[len(shown) - end :]
