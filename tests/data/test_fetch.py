"""Fetching: the data set is there whole or not at all, and the bytes that came are kept."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from archives import DATA, FILES, FOLDER, HALF, entry, good, tar

from mlpcli.data.cifar10 import cifar10_places, find_cifar10, read_cifar10
from mlpcli.data.fetch import CIFAR10, Archive, fetch, partial_file
from mlpcli.errors import DataError


def archive_of(data: bytes, url: str = "http://127.0.0.1:9/cifar.tar.gz") -> Archive:
    sizes = {name: len(content) for name, content in FILES.items()}
    return Archive(url, len(data), hashlib.md5(data).hexdigest(), FOLDER, sizes)


@pytest.fixture
def archive(server: Any) -> Archive:
    """Return what the server serves."""
    server.data = DATA
    return archive_of(DATA, server.url)


def come_before(archive: Archive, root: Path, data: bytes) -> Path:
    root.mkdir(exist_ok=True)
    path = partial_file(archive, root)
    path.write_bytes(data)
    return path


def refused(archive: Archive, root: Path, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(DataError) as caught:
        fetch(archive, root, *args, **kwargs)
    assert not os.path.lexists(root / FOLDER)
    assert not list(root.glob(".*"))
    message = str(caught.value)
    assert len(message) < 600
    assert message.replace("\n", "").isprintable()
    return message


def assert_fetched(root: Path) -> None:
    """There is the data set, whole, and nothing else."""
    assert [path.name for path in root.iterdir()] == [FOLDER]
    assert {path.name: path.read_bytes() for path in (root / FOLDER).iterdir()} == FILES


# What the user wants


def test_fetched_data_are_found_and_read(archive: Archive, server: Any, tmp_path: Path) -> None:
    root, heard = tmp_path / "new" / "data", list[int]()
    assert fetch(archive, root, on_progress=heard.append) == root / FOLDER
    assert_fetched(root)
    assert heard == sorted(heard)
    assert heard[-1] == len(DATA)
    assert find_cifar10(root) == root / FOLDER
    assert read_cifar10(root / FOLDER).y.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert server.asked == [None]


def test_a_mirror_is_used_instead(archive: Archive, server: Any, tmp_path: Path) -> None:
    fetch(replace(archive, url="http://127.0.0.1:9/cifar.tar.gz"), tmp_path, archive.url)
    assert_fetched(tmp_path)


def test_the_official_facts() -> None:
    facts = {version: (known.size, known.md5, known.folder) for version, known in CIFAR10.items()}
    assert facts == {
        "binary": (170_052_171, "c32a1d4ab5d03f1284b67883e8d87530", "cifar-10-batches-bin"),
        "python": (170_498_071, "c58f30108f718f92721af3b95e74349a", "cifar-10-batches-py"),
    }
    for version, known in CIFAR10.items():
        assert known.url == f"https://www.cs.toronto.edu/~kriz/cifar-10-{version}.tar.gz"
        batches = [size for name, size in known.files.items() if "_batch" in name]
        assert len(batches) == 6
        assert min(batches) >= 10_000 * 3073


@pytest.mark.parametrize("known", CIFAR10.values(), ids=CIFAR10)
def test_every_version_is_looked_for_where_it_is_put(known: Archive, tmp_path: Path) -> None:
    (tmp_path / known.folder).mkdir()
    for name in known.files:
        (tmp_path / known.folder / name).touch()
    assert (tmp_path / known.folder, known.folder, 6) in cifar10_places(tmp_path)


# A connection that breaks


def test_goes_on_by_itself_where_the_connection_broke(archive: Archive, server: Any, tmp_path: Path) -> None:
    server.answer = server.part(len(DATA) // 4 + 1)
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)
    step = len(DATA) // 4 + 1
    assert server.asked == [None, *(f"bytes={n * step}-" for n in (1, 2, 3))]


def test_the_next_call_goes_on(archive: Archive, server: Any, tmp_path: Path) -> None:
    server.answer = server.in_turn(server.part(HALF), server.part(0), server.whole)
    message = refused(archive, tmp_path)
    path = partial_file(archive, tmp_path)
    assert path.name == "cifar.tar.gz.part"
    assert path.read_bytes() == DATA[:HALF]
    assert f"the connection ended after {HALF:,} of {len(DATA):,} bytes" in message
    assert f"MB are kept in {path}; the next try continues from there." in message
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)
    assert server.asked == [None, f"bytes={HALF}-", f"bytes={HALF}-"]


def test_a_server_that_always_breaks_off_is_left_in_the_end(
    archive: Archive, server: Any, tmp_path: Path
) -> None:
    server.answer = server.part(100)
    assert "ended after 500 of" in refused(archive, tmp_path)
    assert len(server.asked) == 5


def test_what_is_whole_is_not_asked_for_again(archive: Archive, server: Any, tmp_path: Path) -> None:
    come_before(archive, tmp_path, DATA)
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)
    assert server.asked == []


def test_too_much_that_came_before_is_begun_again(archive: Archive, server: Any, tmp_path: Path) -> None:
    come_before(archive, tmp_path, DATA + b"more")
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)
    assert server.asked == [None]


def test_a_server_that_ignores_range_begins_again(archive: Archive, server: Any, tmp_path: Path) -> None:
    come_before(archive, tmp_path, b"x" * HALF)
    server.answer = server.plain(DATA, Content_Length=len(DATA))
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)
    assert server.asked == [f"bytes={HALF}-"]


def test_an_interrupt_keeps_what_came(archive: Archive, server: Any, tmp_path: Path) -> None:
    def interrupt(done: int) -> None:
        if done >= HALF:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(archive, tmp_path, on_progress=interrupt)
    kept = partial_file(archive, tmp_path).read_bytes()
    assert len(kept) >= HALF
    assert DATA.startswith(kept)
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)


@pytest.mark.parametrize("most", [HALF, pytest.param(None, marks=pytest.mark.exhaustive)])
def test_a_silent_server_is_left(archive: Archive, server: Any, tmp_path: Path, most: int | None) -> None:
    done = threading.Event()

    def stall(request: Any) -> None:
        if most is not None:
            server.part(most)(request)
            request.wfile.flush()
        done.wait(10)

    server.answer = server.in_turn(stall, lambda _: done.wait(10) and None)
    start = time.perf_counter()
    try:
        message = refused(archive, tmp_path, timeout=0.2)
        assert time.perf_counter() - start < 5
    finally:
        done.set()
    assert "the server sent nothing for 0.2 seconds" in message
    assert partial_file(archive, tmp_path).exists() == (most is not None)
    server.answer = server.whole
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)


def test_nobody_there(tmp_path: Path) -> None:
    message = refused(archive_of(DATA), tmp_path)
    assert message.startswith("http://127.0.0.1:9/cifar.tar.gz: ")
    assert list(tmp_path.iterdir()) == []


# What is wrong


def test_a_refusal_of_the_server_keeps_what_came(archive: Archive, server: Any, tmp_path: Path) -> None:
    path = come_before(archive, tmp_path, DATA[:100])
    server.answer = partial(server.head, status=404)
    assert refused(archive, tmp_path).startswith(f"{archive.url}: the server answers 404 (Not Found)")
    assert path.read_bytes() == DATA[:100]


def test_another_address_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    assert "is not a plain http://" in refused(archive_of(DATA), tmp_path / "data", "file:///etc/passwd")
    assert not (tmp_path / "data").exists()


def test_a_wrong_checksum_removes_what_came(archive: Archive, server: Any, tmp_path: Path) -> None:
    wrong = DATA[:-9] + bytes([DATA[-9] ^ 1]) + DATA[-8:]
    server.data = wrong
    message = refused(archive, tmp_path)
    assert f"the MD5 of the download is {hashlib.md5(wrong).hexdigest()}" in message
    assert archive.md5 in message
    assert "The download was removed, and nothing was unpacked." in message
    assert list(tmp_path.iterdir()) == []


def test_too_many_bytes_are_removed(archive: Archive, server: Any, tmp_path: Path) -> None:
    server.answer = server.plain(DATA + b"more")
    assert "sends more than" in refused(archive, tmp_path)
    assert list(tmp_path.iterdir()) == []


WRONG = {
    "damaged": b"hello" * 100,
    "without a file": gzip.compress(tar(*good(data_batch_3_bin=None))),
    "with too large a stranger": gzip.compress(tar(*good(), entry("zeros", bytes(2 << 20)))),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_a_wrong_archive_leaves_nothing(tmp_path: Path, data: bytes) -> None:
    """Of the right size and checksum, as if those had been forged."""
    root = tmp_path / "root"
    archive = archive_of(data)
    come_before(archive, root, data)
    assert "The download was removed, and nothing was unpacked." in refused(archive, root)
    assert list(root.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


# The disk


def test_what_is_there_is_left_alone(archive: Archive, server: Any, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "test_batch.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match=f"{FOLDER} is already there; remove or rename it"):
        fetch(archive, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]
    assert (tmp_path / FOLDER / "test_batch.bin").read_bytes() == b"mine"
    assert server.asked == []


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let no file grow past ``size``, as a full disk would not."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_keeps_what_came(archive: Archive, server: Any, tmp_path: Path) -> None:
    with files_up_to(HALF):
        message = refused(archive, tmp_path)
    assert message.startswith(f"{tmp_path}: cannot be written (")
    assert "Once it can be written, the next try continues" in message
    assert partial_file(archive, tmp_path).read_bytes() == DATA[:HALF]
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)


def test_a_disk_too_full_to_unpack_keeps_the_archive(tmp_path: Path) -> None:
    zeros = {**FILES, "test_batch.bin": bytes(200_000)}
    data = gzip.compress(tar(*(entry(f"{FOLDER}/{name}", content) for name, content in zeros.items())))
    archive = replace(archive_of(data), files={name: len(content) for name, content in zeros.items()})
    path = come_before(archive, tmp_path, data)
    with files_up_to(100_000):
        assert "cannot be written (" in refused(archive, tmp_path)
    assert path.read_bytes() == data
    assert fetch(archive, tmp_path) == tmp_path / FOLDER


def test_too_little_room_is_told_before(
    archive: Archive, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 20_000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert re.search(r"0\.1 MB are needed .* and 0\.0 MB are free", refused(archive, tmp_path))
    assert server.asked == []


def test_a_file_in_the_way(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is not a folder" in refused(archive, tmp_path / "file")
    assert "cannot be written (" in refused(archive, tmp_path / "file" / "below")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who is root may write everything")
def test_a_folder_that_may_not_be_written(archive: Archive, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written (Permission denied)" in refused(archive, tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_a_plain_file_is_gone_on_with(archive: Archive, tmp_path: Path, kind: str) -> None:
    path, victim = partial_file(archive, tmp_path), tmp_path / "victim"
    victim.write_text("precious")
    {"link": lambda: path.symlink_to(victim), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()
    assert f"{path}: is not a regular file; remove it" in refused(archive, tmp_path)
    assert victim.read_text() == "precious"


def test_what_a_killed_process_left_is_cleared_away(archive: Archive, server: Any, tmp_path: Path) -> None:
    left = tmp_path / f".{FOLDER}.tmp"
    left.mkdir()
    (left / "test_batch.bin").write_bytes(b"half")
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such lock")
def test_two_at_once(archive: Archive, server: Any, tmp_path: Path) -> None:
    half_way, go_on = threading.Event(), threading.Event()

    def slow(request: Any) -> None:
        server.head(request, 200, Content_Length=len(DATA))
        request.wfile.write(DATA[:HALF])
        go_on.wait(10)
        request.wfile.write(DATA[HALF:])

    server.answer = slow
    outcome = []
    thread = threading.Thread(
        target=lambda: outcome.append(fetch(archive, tmp_path, on_progress=lambda _: half_way.set()))
    )
    thread.start()
    try:
        assert half_way.wait(10)
        assert "another process is downloading this; wait until it is done" in refused(archive, tmp_path)
    finally:
        go_on.set()
        thread.join()
    assert outcome == [tmp_path / FOLDER]
    assert_fetched(tmp_path)
