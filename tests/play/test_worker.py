"""The thread of training: who waits is answered, and who has gone is forgotten."""

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


def test_a_frame_comes_with_what_is_new(worker: Worker) -> None:
    first = worker.frame(0, View()).result(5)
    assert first is not None
    waiting = worker.frame(first["version"], View())
    assert worker.submit(lambda session: session.epoch, quietly=True).result(5) == 0
    assert not waiting.done()
    worker.submit(Session.train_epoch).result(5)
    frame = waiting.result(5)
    assert frame is not None
    assert frame["epoch"] == 1


def test_what_a_job_raises_is_its_callers(worker: Worker) -> None:
    with pytest.raises(ZeroDivisionError):
        worker.submit(lambda _: 1 // 0).result(5)
    assert worker.submit(lambda session: session.epoch).result(5) == 0


def test_who_has_gone_is_forgotten(worker: Worker) -> None:
    """A page that is open while nothing happens asks again every two seconds, for days."""
    for _ in range(50):
        worker.frame(worker.version, View()).cancel()
    worker.submit(lambda _: None, quietly=True).result(5)
    worker.submit(lambda _: None, quietly=True).result(5)  # the answers of the first have been given by now
    assert worker._waiting == []


def test_at_the_end_nobody_waits(worker: Worker) -> None:
    waiting = worker.frame(worker.version, View())
    worker.stop()
    assert waiting.result(5) is None
