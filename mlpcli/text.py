"""Formats text: columns, sizes, counts, scores, names."""

from __future__ import annotations

import os
import shlex
import sys
import textwrap
import unicodedata
from collections.abc import Sequence

__all__ = [
    "clip",
    "columns",
    "count",
    "install_command",
    "listed",
    "memory",
    "nfc",
    "number",
    "percent",
    "plain",
    "repeated",
    "shell_path",
    "shortened",
    "some",
]


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


def count(n: int, what: str) -> str:
    """Return a number with its noun: ``1 feature``, ``2,000 features``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def some(names: Sequence[str], most: int) -> str:
    """Return the first ``most`` names on one line, with dots where there are more."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def percent(share: float | None) -> str:
    """Return a share as a percentage, or a dash for None."""
    return "-" if share is None else f"{share:.2%}"


def number(value: float | None) -> str:
    """Return a score with the digits that matter, or a dash for None."""
    if value is None:
        return "-"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e6 or value == 0 else f"{value:.4g}"


def clip(text: str, width: int) -> str:
    """Return a printable text no wider than ``width``; a longer one loses its middle."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    if len(shown) <= width:
        return shown
    end = (width - 1) // 2
    return shown[: width - 1 - end] + "~" + shown[len(shown) - end :]


def plain(text: str) -> str:
    """Return a stranger's text on one line, printable and at most 100 characters long."""
    return textwrap.shorten(repr(text[:1000])[1:-1], 100)


def shortened(text: str) -> str:
    """Return a text from a file in quotes, on one line and no longer than 50 characters."""
    return repr(text if len(text) <= 50 else text[:47] + "...")


def listed(names: Sequence[str]) -> str:
    """Return the first ten names, each `shortened`, and how many there are where there are more."""
    shown = ", ".join(map(shortened, names[:10]))
    return f"{shown}, ... ({len(names):,} in all)" if len(names) > 10 else shown


def repeated(names: Sequence[str]) -> str | None:
    """Return the first name that occurs a second time, or None."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def nfc(text: str) -> str:
    """Return a name in Unicode's normal form C, in which one text has one spelling.

    A text of more than 200 characters is returned as it is: the time to normalize grows with its square.
    """
    return unicodedata.normalize("NFC", text) if len(text) <= 200 else text


def shell_path(path: str | os.PathLike[str]) -> str:
    """Return a path as an argument of a command: in quotes where it needs them, and never like an option."""
    text = os.fspath(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def install_command(*requirements: str) -> str:
    """Return the shell command that installs packages for the Python that runs now."""
    return shlex.join([sys.executable, "-m", "pip", "install", *requirements])
