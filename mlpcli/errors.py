"""Every error and warning that a user can cause; the text of each is what the user reads."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from itertools import islice
from types import FrameType
from typing import Any

__all__ = [
    "CheckpointError",
    "ConfigError",
    "ConfigWarning",
    "DataError",
    "DataWarning",
    "MlpError",
    "NoCheckpointError",
    "RunError",
    "RunWarning",
    "UnclearError",
    "UsageError",
    "did_you_mean",
    "nearest",
    "warn_caller",
]


class MlpError(Exception):
    """Something the user can put right.

    The message is shown as it stands, so it names the thing, its value, what is allowed and what to
    do next. It speaks of facts, and makes sense to a caller from Python: options and commands are named by
    `mlpcli.cli.hints`, which adds a sentence for the errors that have a ``topic``, worded with ``facts``.
    ``exit_code`` is what the process ends with: 1 where the run failed, 2 where the command line or the
    config is wrong.
    """

    exit_code = 1

    def __init__(self, message: str, *, topic: str | None = None, **facts: object) -> None:
        super().__init__(message)
        self.topic, self.facts = topic, facts


class ConfigError(MlpError):
    """The config, or a change that is asked of it, is wrong."""

    exit_code = 2


class ConfigWarning(FutureWarning):
    """A config is spelled in an old way, which is understood; the text says how it is written now."""


class DataWarning(UserWarning):
    """Rows are taken, but perhaps not as they are meant; the text says which cells, and how they are read."""


class RunWarning(UserWarning):
    """A file of a run is damaged, and what is whole in it is used; or its training was interrupted."""


class UsageError(MlpError):
    """Something is asked for that cannot be had: an option of a command, or an argument of a function."""

    exit_code = 2


class DataError(MlpError):
    """A data set is missing, unreadable or not what it has to be."""


class UnclearError(DataError):
    """Columns of a table are unclear unless the config says what they hold; those in ``dates`` hold dates."""

    def __init__(self, message: str, dates: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.dates = tuple(dates)


class CheckpointError(MlpError):
    """A checkpoint is missing, unreadable, damaged or not one of ours."""


class NoCheckpointError(CheckpointError):
    """A path names neither a checkpoint nor a run that has one; nothing has been read."""

    exit_code = 2


class RunError(MlpError):
    """A training run cannot start or go on.

    ``run`` is the `Run` that stopped, with all that it has kept, if it had begun to train; else None.
    """

    run: Any = None


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the known word that ``word`` was probably meant to be; only the first thousand are looked at."""
    import difflib

    short = {known.lower(): known for known in islice(words, 1000) if len(known) < 100}
    close = difflib.get_close_matches(word[:100].lower(), short, n=1, cutoff=0.7)
    return short[close[0]] if close else None


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return a line that suggests the nearest known word, or nothing where none is near."""
    near = nearest(word, words)
    return f"\nDid you mean {near!r}?" if near else ""


def warn_caller(message: str, category: type[Warning]) -> None:
    """Give a warning that points to the line of the program that calls this package."""
    frame: FrameType | None = sys._getframe()
    level = 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "mlpcli":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
