"""What signals do to a long command: the first asks it to end where nothing is lost, a second ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Interrupt"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Answers SIGINT and SIGTERM while its block runs.

    The first one calls ``stop``, where that is set; a second one, or the first where it is not, raises
    KeyboardInterrupt. ``exit_code`` is then what the process is to end with.
    """

    def __init__(self) -> None:
        self.stop: Callable[[], None] | None = None
        self.exit_code = 130
        self._asked = False
        self._before: list[Any] = []

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():  # no other may
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
