"""Writes command lines for messages, quoted so that any shell takes them as they are: zsh too."""

from __future__ import annotations

import shlex
from pathlib import Path

from mlpcli.text import shell_path

__all__ = ["command_line", "quoted"]


def quoted(word: object) -> str:
    """Return a path, or another word of a command line, as a shell reads it back."""
    return shell_path(word) if isinstance(word, Path) else shlex.quote(str(word))


def command_line(*args: object) -> str:
    """Return ``mlp`` with its arguments as a line that can be pasted."""
    return " ".join(["mlp", *map(quoted, args)])
