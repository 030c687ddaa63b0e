"""Formats text: columns, sizes, counts, scores, and names from files so that they can be shown."""

from __future__ import annotations

import os
import re
import shlex
import sys
import unicodedata
from collections.abc import Sequence

__all__ = [
    "clip",
    "columns",
    "count",
    "escaped",
    "install_command",
    "listed",
    "memory",
    "nfc",
    "number",
    "percent",
    "printable",
    "repeated",
    "rounded",
    "shell_path",
    "shortened",
    "some",
]

# A joiner between two letters or emoji shapes them, as in Persian or in a family of emoji.
_WIDE = r"[^\x00-\xff\u2000-\u206f]"
_JOINER = rf"(?<={_WIDE})[\u200c\u200d](?={_WIDE})"
_JOINERS = re.compile(_JOINER)

# What a terminal obeys, or shows as nothing: control characters except line feed and tab, signs that change
# the direction of text, those without width, other ends of lines, tags, and halves of surrogate pairs.
_UNSEEN = re.compile(
    rf"(?!{_JOINER})[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_LONG = 200  # characters; the length of a longer text is told


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


def rounded(value: float) -> str:
    """Return a number for a sentence: three digits, or a whole number with commas, as 0.126 and 1,445."""
    return f"{value:,.0f}" if 999.5 <= abs(value) < 1e12 else f"{value:.3g}"


def printable(text: str) -> str:
    r"""Return a text with its lines, in which nothing moves the cursor, changes colors or hides.

    Such characters are written as JSON and YAML escape them: ``\u001b``.
    """
    return _UNSEEN.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escaped(text: str) -> str:
    """Return a text on one line, in which unseen characters, and blanks of other kinds, are escaped."""
    if text.isprintable():
        return text
    joiners = {found.start() for found in _JOINERS.finditer(text)}
    return "".join(
        character if character.isprintable() or i in joiners else repr(character)[1:-1]
        for i, character in enumerate(text)
    )


def clip(text: str, width: int) -> str:
    """Return a text on one line, no wider than ``width``, with unseen characters escaped.

    A longer one loses its middle.
    """
    if len(text) > 2 * width:
        text = text[:width] + text[-width:]
    shown = escaped(text)
    if len(shown) <= width:
        return shown
    end = (width - 1) // 2
    return shown[: width - 1 - end] + "~" + shown[len(shown) - end :]


def shortened(text: str) -> str:
    """Return a text from a file in quotes, on one line, of at most 50 characters, with unseen ones escaped.

    The length of a text of more than 200 characters is told after it.
    """
    quote = '"' if "'" in text[:50] and '"' not in text[:50] else "'"
    shown = text if len(text) <= 50 else text[:47] + "..."
    shown = escaped(shown.replace("\\", "\\\\").replace(quote, f"\\{quote}"))
    if len(shown) > 100:
        shown = f"{shown[:97]}..."
    length = f" ({len(text):,} characters)" if len(text) > _LONG else ""
    return f"{quote}{shown}{quote}{length}"


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
