"""The processes of a sweep: their share of threads, and how they end."""

from __future__ import annotations

import os
import signal
from multiprocessing import active_children

import pytest

from mlpcli.blas import thread_count
from mlpcli.sweep.processes import Processes


def test_processes_share_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpcli.sweep.processes.TrainingProcess", lambda threads: threads)
    assert Processes(1).threads == thread_count()
    assert Processes(thread_count()).threads == 1
    assert Processes(1000).threads == 1  # never none


def test_a_process_that_is_gone_is_replaced_and_says_how_it_ended() -> None:
    environment = dict(os.environ)
    with Processes(1) as processes:
        process = processes.free()
        assert process is not None
        process.claims = {1: "a claim"}
        assert processes.free() is None
        (child,) = active_children()
        os.kill(child.pid or 0, signal.SIGTERM)
        with pytest.raises(EOFError):
            process.connection.recv()
        assert process.last_words() == "its process was ended by SIGTERM"
        process.send("nobody hears this")
        processes.remove(process)
        assert processes.free() is not None
    assert not active_children()
    assert dict(os.environ) == environment
