"""The thread of a session: it trains, answers requests between epochs, and pauses while nobody is looking."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from mlpcli.play.frames import View, draw_frame
from mlpcli.play.session import Session

__all__ = ["Worker"]

T = TypeVar("T")
_PATIENCE = 3.0  # seconds after the last request for a frame; then training pauses


class Worker:
    """Runs a session's epochs, at most ``speed`` a second, and submitted functions between two epochs.

    A frame is drawn only if a page has asked for one and something has changed, so a slow page gets fewer
    frames. ``version`` counts the changes.
    """

    def __init__(self, session: Session, speed: float = 30) -> None:
        self.session, self.speed = session, speed
        self.version = 1
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting: list[tuple[int, View, Future[dict[str, Any] | None]]] = []
        self._asked = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="training", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current batch; requests that wait for a frame get none."""
        self.session.stop()
        self._jobs.put(None)

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended."""
        self._thread.join(timeout)

    def submit(self, do: Callable[[Session], T], *, quietly: bool = False) -> Future[T]:
        """Let the thread call ``do``; the future gets what it returns or raises.

        ``quietly`` means that it changes nothing that the page shows.
        """
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = do(self.session)
            except Exception as error:
                future.set_exception(error)
            else:
                self.version += not quietly
                future.set_result(result)

        self._jobs.put(job)
        return future

    def frame(self, after: int, view: View) -> Future[dict[str, Any] | None]:
        """Return the next frame with a version other than ``after``."""
        future: Future[dict[str, Any] | None] = Future()
        self._jobs.put(lambda: self._waiting.append((after, view, future)))
        return future

    def _work(self) -> None:
        due = time.monotonic()
        while True:
            now = time.monotonic()
            looked_at = now - self._asked < _PATIENCE or self._waiting
            running = self.session.playing and looked_at
            try:
                job = self._jobs.get(timeout=max(0.0, due - now) if running else None)
            except queue.Empty:
                due = max(due + 1 / self.speed, time.monotonic())
                self.session.train_epoch()
                self.version += 1
            else:
                if job is None:
                    break
                job()
            self._answer()
        for _, _, future in self._waiting:
            if future.set_running_or_notify_cancel():
                future.set_result(None)

    def _answer(self) -> None:
        """Send a frame to the requests that have not seen this version."""
        left = []
        for after, view, future in self._waiting:
            if future.cancelled():  # the request was cancelled
                continue
            if after == self.version:
                left.append((after, view, future))
            elif future.set_running_or_notify_cancel():
                self._asked = time.monotonic()
                try:
                    future.set_result(
                        {"version": self.version, "speed": self.speed, **draw_frame(self.session, view)}
                    )
                except Exception as error:
                    future.set_exception(error)
        self._waiting = left
