"""Handles signals during a long command: the first asks it to stop and save, a second ends it at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

import click

from mlpcli.cli.wrapping import fit_terminal

__all__ = ["Interrupt", "tell"]

_SIGNALS = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # by nohup
    _SIGNALS.append(signal.SIGHUP)


def tell(text: str) -> None:
    """Print on stderr, wrapped for a terminal, and ignore it if that has been closed."""
    with contextlib.suppress(OSError):
        click.echo(fit_terminal(text), err=True)


class Interrupt:
    """Handles SIGINT, SIGTERM and SIGHUP (a closed terminal) while its block runs.

    The first signal calls ``stop``, if that is set; a second one, or the first if it is not set, raises
    KeyboardInterrupt. ``exit_code`` is then the exit code for the process.
    """

    def __init__(self) -> None:
        self.stop: Callable[[], None] | None = None
        self.exit_code = 130
        self._asked = False
        self._before: list[Any] = []

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():  # Python allows it in no other
            self._before = [signal.signal(number, self._answer) for number in _SIGNALS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in zip(_SIGNALS, self._before, strict=False):
            signal.signal(number, handler)

    def _answer(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.exit_code = 128 + number
        if self._asked or self.stop is None:
            raise KeyboardInterrupt
        self._asked = True
        self.stop()
