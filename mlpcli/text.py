"""Lays out tables and sizes in text."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["columns", "memory"]


def columns(rows: Sequence[Sequence[str]], align: str) -> str:
    """Return rows as lines of aligned columns, two spaces apart; ``align`` has < or > for each column."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths, strict=True))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def memory(size: int) -> str:
    """Return a number of bytes in the unit that suits it (powers of 1000)."""
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= step:
            value = size / step
            return f"{value:.3g} {unit}" if value < 999.5 else f"{value:,.0f} {unit}"
    return f"{size} B"
