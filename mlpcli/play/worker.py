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
    frames. ``version`` counts the changes. It keeps step with its ``peers``, those of networks that it is
    compared with: no network trains an epoch before the others have trained the last one.
    """

    def __init__(self, session: Session, speed: float = 30) -> None:
        self.session, self.speed = session, speed
        self.version = 1
        self.peers: tuple[Worker, ...] = ()
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
        for peer in self.peers:  # which trains, too, while a page looks at this one
            peer.wake()
        return future

    def wake(self) -> None:
        """Let the thread see whether it may go on."""
        self._jobs.put(lambda: None)

    def _work(self) -> None:
        due = time.monotonic()
        while True:
            now = time.monotonic()
            running = self.session.playing and self._is_looked_at(now) and not self._is_ahead
            try:
                job = self._jobs.get(timeout=max(0.0, due - now) if running else None)
            except queue.Empty:
                due = max(due + 1 / self.speed, time.monotonic())
                self.session.train_epoch()
                self.version += 1
                for peer in self.peers:
                    peer.wake()
            else:
                if job is None:
                    break
                job()
            self._answer()
        for _, _, future in self._waiting:
            if future.set_running_or_notify_cancel():
                future.set_result(None)

    def _is_looked_at(self, now: float) -> bool:
        """Return whether a page has asked for a frame of this network, or of one that it is compared with."""
        return any(now - each._asked < _PATIENCE or each._waiting for each in (self, *self.peers))

    @property
    def _is_ahead(self) -> bool:
        sessions = [peer.session for peer in self.peers]
        return any(other.diverged is None and other.epoch < self.session.epoch for other in sessions)

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
