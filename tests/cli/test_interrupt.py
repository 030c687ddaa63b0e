"""Interrupts: the first signal asks, the second ends, and afterwards all is as it was before."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

import pytest

from mlpcli.cli.interrupt import Interrupt, tell

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_the_first_signal_asks_and_the_second_ends(number: int, code: int) -> None:
    asked = []
    with Interrupt() as interrupt:
        interrupt.stop = lambda: asked.append(number)
        send(number)
        assert asked == [number]
        with pytest.raises(KeyboardInterrupt):
            send(number)
    assert asked == [number]
    assert interrupt.exit_code == code


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_where_nothing_can_be_asked_the_first_ends(number: int, code: int) -> None:
    with Interrupt() as interrupt, pytest.raises(KeyboardInterrupt):
        send(number)
    assert interrupt.exit_code == code


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = [signal.getsignal(number) for number, _ in SIGNALS]
    with Interrupt():
        assert [signal.getsignal(number) for number, _ in SIGNALS] != before
    assert [signal.getsignal(number) for number, _ in SIGNALS] == before


def test_in_another_thread_no_signal_is_taken_over() -> None:
    seen = []

    def work() -> None:
        with Interrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


def test_a_terminal_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", buffering=1)
    monkeypatch.setattr(sys, "stderr", stream)
    tell("Interrupted.")
    monkeypatch.undo()
    with contextlib.suppress(BrokenPipeError):
        stream.close()
