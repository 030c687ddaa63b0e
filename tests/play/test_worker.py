"""The thread of training answers waiting requests and forgets cancelled ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlpcli.config.loader import validate_experiment
from mlpcli.play.frames import View
from mlpcli.play.session import DEFAULT, Session
from mlpcli.play.worker import Worker


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(Session(validate_experiment(DEFAULT, tmp_path), tmp_path))
    worker.start()
    yield worker
    worker.stop()
    worker.join(5)


def test_a_frame_comes_with_each_new_version(worker: Worker) -> None:
    first = worker.frame(0, View()).result(5)
    assert first is not None
    waiting = worker.frame(first["version"], View())
    assert worker.submit(lambda session: session.epoch, quietly=True).result(5) == 0
    assert not waiting.done()
    worker.submit(Session.train_epoch).result(5)
    frame = waiting.result(5)
    assert frame is not None
    assert frame["epoch"] == 1


def test_the_caller_gets_the_exception_of_a_job(worker: Worker) -> None:
    with pytest.raises(ZeroDivisionError):
        worker.submit(lambda _: 1 // 0).result(5)
    assert worker.submit(lambda session: session.epoch).result(5) == 0


def test_cancelled_requests_are_forgotten(worker: Worker) -> None:
    """An open page asks again every two seconds, even if nothing happens for days."""
    for _ in range(50):
        worker.frame(worker.version, View()).cancel()
    worker.submit(lambda _: None, quietly=True).result(5)
    worker.submit(lambda _: None, quietly=True).result(5)  # by now, the first requests have been answered
    assert worker._waiting == []


def test_stopping_ends_all_waiting_requests(worker: Worker) -> None:
    waiting = worker.frame(worker.version, View())
    worker.stop()
    assert waiting.result(5) is None
