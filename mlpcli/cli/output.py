"""Prints what commands have to say, so that a terminal shows all of it and obeys none of it.

Names and texts come from files of strangers. Commands print with these functions alone, never with
`click.echo` (tests/cli/test_output.py holds this).
"""

from __future__ import annotations

import sys
from typing import Any

import click

from mlpcli.cli.wrapping import fit_terminal
from mlpcli.text import printable

__all__ = ["mute", "said_muted", "show", "show_json", "tell", "write_data"]

_LONGEST = 2000  # characters of a line on stderr


_muted: list[str] | None = None  # what would have been told


def mute() -> None:
    """Print nothing from now on: another process, which does the same, says it all."""
    global _muted
    _muted = []


def said_muted() -> str:
    """Return what would have been told last if it had not been muted."""
    return _muted[-1] if _muted else ""


def show(text: object) -> None:
    """Print a result on stdout."""
    if _muted is not None:
        return
    click.echo(printable(str(text)))


def show_json(value: Any) -> None:
    """Print a result on stdout as one line of JSON."""
    import json

    show(json.dumps(value))


def tell(text: str) -> bool:
    """Print on stderr, wrapped for a terminal; return whether it could be written.

    Work goes on if it could not: a pipe may have been closed, and a disk be full.
    """
    lines = [_cut(line) for line in printable(text).split("\n")]
    if _muted is not None:
        _muted[:] = ["\n".join(lines)]
        return True
    try:
        click.echo(fit_terminal("\n".join(lines)), err=True)
    except (OSError, ValueError):
        return False
    return True


def write_data(text: str) -> None:
    """Write data to stdout: byte for byte into a file or pipe, as `show` does on a terminal."""
    if sys.stdout.isatty():
        text = printable(text)
    takes_bytes = hasattr(sys.stdout, "buffer")  # a stream that a program put in its place may not
    click.echo(text.encode() if takes_bytes else text, nl=False)


def _cut(line: str) -> str:
    if len(line) <= _LONGEST:
        return line
    half = _LONGEST // 2
    return f"{line[:half]} ... ({len(line) - 2 * half:,} characters) ... {line[-half:]}"
