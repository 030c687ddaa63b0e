"""The journal of a sweep: what Optuna's own breaks on, a killed writer and half a line, does no harm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from optuna.storages.journal import JournalFileBackend

from mlpcli.errors import RunError
from mlpcli.sweep.journal import JournalFile


def entries(path: Path, start: int = 0) -> list[dict[str, Any]]:
    return list(JournalFile(path).read_logs(start))


def test_entries_are_read_as_they_were_written_also_by_optuna_itself(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    journal, written = JournalFile(path), [{"n": n, "text": "\u00e9\n"} for n in range(5)]
    journal.append_logs(written[:2])
    assert list(journal.read_logs(0)) == written[:2]
    journal.append_logs(written[2:])
    assert list(journal.read_logs(2)) == written[2:]
    assert list(journal.read_logs(5)) == []
    assert entries(path, 1) == written[1:]
    assert list(JournalFileBackend(str(path)).read_logs(0)) == written


def test_half_a_line_is_not_read_and_is_gone_once_the_next_is_written(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    reader = JournalFile(path)
    reader.append_logs([{"n": 1}, {"n": 2}])
    whole = path.read_bytes()
    for torn in (b'{"n": 3', b"{", b"x" * 200_000, b'{"n": "\xc3'):
        path.write_bytes(whole + torn)
        assert [entry["n"] for entry in reader.read_logs(0)] == [1, 2]
        JournalFile(path).append_logs([{"n": 4}])
        assert path.read_bytes() == whole + b'{"n":4}\n'
        assert [entry["n"] for entry in reader.read_logs(2)] == [4]


def test_a_journal_that_is_nothing_but_half_a_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b"x" * 100_000)
    JournalFile(path).append_logs([{"n": 1}])
    assert path.read_bytes() == b'{"n":1}\n'


HOLDER = """
import fcntl, sys, time
with open(sys.argv[1], "r+b") as stream:
    fcntl.flock(stream, fcntl.LOCK_EX)
    stream.seek(0, 2)
    stream.write(b'{"n": 2, "te')
    stream.flush()
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_writer_that_is_killed_while_it_holds_the_lock_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    JournalFile(path).append_logs([{"n": 1}])
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"
    writer = threading.Thread(target=JournalFile(path).append_logs, args=([{"n": 3}],))
    writer.start()
    writer.join(0.1)
    assert writer.is_alive()  # it waits for the lock
    os.kill(holder.pid, signal.SIGKILL)
    writer.join(10)
    assert not writer.is_alive()
    holder.wait()
    holder.stdout.close()
    assert [entry["n"] for entry in entries(path)] == [1, 3]


def test_writers_at_the_same_time_do_not_break_each_others_lines(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"

    def write(writer: int) -> None:
        journal = JournalFile(path)
        for n in range(20):
            journal.append_logs([{"writer": writer, "n": n, "text": "x" * 5000}])

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = entries(path)
    for writer in range(4):
        assert [entry["n"] for entry in found if entry["writer"] == writer] == list(range(20))


@pytest.mark.parametrize("line", [b"{not json}\n", b"[1]\n", b"\n", b"\xff\n"])
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(json.dumps({"n": 1}).encode() + b"\n" + line)
    with pytest.raises(RunError, match=r"j\.jsonl:2: .* is not an entry of a journal"):
        entries(path)


def test_entries_that_are_written_together_wait_once_and_are_seen_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    journal, other = JournalFile(tmp_path / "j"), JournalFile(tmp_path / "j")
    with journal.together():
        for i in range(3):
            journal.append_logs([{"i": i}])
            assert list(other.read_logs(0))[-1] == {"i": i}
        assert not synced
    assert len(synced) == 1
    journal.append_logs([{"i": 3}])
    assert len(synced) == 2
