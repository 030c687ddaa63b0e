"""Wraps messages at the width of the terminal, without breaking what is to be copied.

Elsewhere, as in a log file, lines stay whole.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap

__all__ = ["fit_terminal", "wrap"]

_NARROWEST = 40
_COMMAND = re.compile(r"(?<=: )mlp [a-z].*")  # to the end of its line
# YAML, whatever is quoted, and a key with its value
_WHOLE = re.compile(r"\{[^{}]*\}|'[^']*'|\"[^\"]*\"|`[^`]*`|(?<![\w/.-])(?:[a-z_]+\.[a-z_]+|loss): [\w.-]+")
_HELD = "\0"  # stands for a blank that no line ends at


def fit_terminal(message: str) -> str:
    """Return a message for stderr, wrapped if that is a terminal."""
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError, AttributeError):  # a file or a pipe; or there is no stderr
        return message
    return wrap(message, max(width, _NARROWEST))


def wrap(message: str, width: int) -> str:
    """Return a message with lines of at most ``width`` characters, as far as it has places to break them.

    Indented lines, such as tables and lines of a config, stay as they are. A command that does not fit has a
    line of its own, and values in quotes or braces, and keys with their values, are not broken.
    """
    return "\n".join(part for line in message.split("\n") for part in _wrap_line(line, width))


def _wrap_line(line: str, width: int) -> list[str]:
    if len(line) <= width or line.startswith((" ", "\t")):
        return [line]
    command = _COMMAND.search(line)
    if command is not None:
        return [*_wrap_line(line[: command.start()].rstrip(), width), f"  {command[0]}"]
    held = _WHOLE.sub(lambda found: found[0].replace(" ", _HELD), line)
    parts = textwrap.wrap(held, width, break_long_words=False, break_on_hyphens=False)
    return [part.replace(_HELD, " ") for part in parts]
