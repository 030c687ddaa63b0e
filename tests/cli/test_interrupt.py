"""Interrupts: the first signal asks, the second ends, and afterwards all is as it was before."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from mlpcli.cli.interrupt import Interrupt

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


@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_is_ignored_stays_ignored(ignored: signal.Signals) -> None:
    """As in a job that a script has put into the background, and under nohup."""
    before = signal.signal(ignored, signal.SIG_IGN)
    try:
        with Interrupt() as interrupt:
            assert signal.getsignal(ignored) is signal.SIG_IGN
            send(ignored)
            with pytest.raises(KeyboardInterrupt):
                send(signal.SIGTERM)
            assert interrupt.exit_code == 143
        assert signal.getsignal(ignored) is signal.SIG_IGN
    finally:
        signal.signal(ignored, before)


# One step of Python that takes ten seconds, in which it answers no signal, as a product of large matrices.
LONG = """
import hashlib
from mlpcli.cli.interrupt import Interrupt
with Interrupt() as interrupt:
    interrupt.stop = lambda: print("asked", flush=True)
    interrupt.last_words = lambda: "what was saved is kept"
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", ROUNDS)
"""


@contextlib.contextmanager
def long_step(rounds: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", LONG.replace("ROUNDS", str(rounds))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)  # for the long step to begin
        yield process
        process.kill()


@pytest.mark.exhaustive
@pytest.mark.parametrize(("number", "code"), SIGNALS[:2])
def test_a_second_signal_within_a_long_step_ends_the_process(number: int, code: int) -> None:
    with long_step(50_000_000) as process:
        process.send_signal(number)
        time.sleep(0.3)
        process.send_signal(number)
        begin = time.monotonic()
        assert process.communicate() == ("", "what was saved is kept\n")
        assert (process.returncode, time.monotonic() - begin < 3) == (code, True)


@pytest.mark.exhaustive
def test_two_signals_at_once_are_one_within_a_long_step() -> None:
    """The command timeout sends its signal to the process and to the group of the process."""
    with long_step(5_000_000) as process:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.communicate() == ("asked\n", "")
        assert process.returncode == 0


def test_in_another_thread_no_signal_is_taken_over() -> None:
    seen = []

    def work() -> None:
        with Interrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
