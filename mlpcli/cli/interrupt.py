"""Handles signals during a long command: the first asks it to stop and save, a second ends it at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from mlpcli.cli.output import tell

__all__ = ["Interrupt"]

_SIGNALS = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGHUP"):
    _SIGNALS.append(signal.SIGHUP)
_SAME = 0.2  # seconds in which signals are one: `timeout` sends two at a time
_PATIENCE = 1.0  # seconds that a command may take to end after the second signal


class Interrupt:
    """Handles SIGINT, SIGTERM and SIGHUP (a closed terminal) while its block runs.

    The first signal calls ``stop``, if that is set; a second one, or the first if it is not set, raises
    KeyboardInterrupt. ``exit_code`` is then the exit code for the process. Python raises it only between its
    own steps: where a product of large matrices keeps it waiting for a second, the process prints what
    ``last_words`` returns and ends without it.

    A signal that the process ignores stays ignored: that of a closed terminal under nohup, and that of Ctrl-C
    in a job that a shell script has put into the background.
    """

    def __init__(self) -> None:
        self.stop: Callable[[], None] | None = None
        self.last_words: Callable[[], str] = lambda: "\nInterrupted."
        self.exit_code = 130
        self._asked = False
        self._before: dict[int, Any] = {}
        self._left = threading.Event()

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():  # Python allows it in no other
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._answer)
            self._reader, self._writer = os.pipe()
            os.set_blocking(self._writer, False)
            self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
            self._watcher = threading.Thread(target=self._watch, daemon=True)
            self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._left.set()
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._writer)  # ends the watcher
        self._watcher.join()
        os.close(self._reader)

    def _answer(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.exit_code = 128 + number
        if self._asked or self.stop is None:
            raise KeyboardInterrupt
        self._asked = True
        self.stop()

    def _watch(self) -> None:
        """End the process where a second signal has not done so; the system writes each into the pipe."""
        first: float | None = None
        while came := os.read(self._reader, 1):
            now = time.monotonic()
            if came[0] not in self._before:
                continue
            if first is None:
                first = now
            elif now - first > _SAME:
                if not self._left.wait(_PATIENCE):
                    tell(self.last_words())
                    os._exit(128 + came[0])
                return
