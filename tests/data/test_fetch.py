"""Downloads: whole or not at all, gone on with where they broke off, and no server or archive is believed."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import re
import tarfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlpcli.data.cifar10 import cifar10_places, find_cifar10, read_cifar10
from mlpcli.data.fetch import CIFAR10, Archive, fetch, partial_file
from mlpcli.errors import DataError

FOLDER = "cifar-10-batches-bin"
NAMES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
Answer = Callable[[Any], None]


# A data set of 12 images in an archive, and a server that behaves as each test wants


def contents(i: int) -> bytes:
    rng = random.Random(i)
    return b"".join(bytes([label]) + rng.randbytes(3072) for label in (i, i + 1))


FILES = {**{name: contents(i) for i, name in enumerate(NAMES)}, "readme.html": b"<p>"}


def entry(name: str, data: bytes = b"", **changes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, data


def tar(*entries: tuple[tarfile.TarInfo, bytes], **options: Any) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", **options) as file:
        for info, data in entries:
            file.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def good(**others: tuple[tarfile.TarInfo, bytes] | None) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Return the entries of a right archive, with some of them replaced or left out."""
    entries = {name: entry(f"{FOLDER}/{name}", data) for name, data in FILES.items()}
    entries |= {name.replace("_bin", ".bin"): other for name, other in others.items()}  # type: ignore[misc]
    return [entry(FOLDER, type=tarfile.DIRTYPE), *(made for made in entries.values() if made is not None)]


def archive_of(data: bytes, url: str = "http://127.0.0.1:9/cifar.tar.gz") -> Archive:
    sizes = {name: len(content) for name, content in FILES.items()}
    return Archive(url, len(data), hashlib.md5(data).hexdigest(), FOLDER, sizes)


DATA = gzip.compress(tar(*good()), 1, mtime=0)
HALF = len(DATA) // 2


class Server(ThreadingHTTPServer):
    """Answers with ``answer``, and keeps the Range header of each request."""

    daemon_threads = True
    answer: Answer
    asked: list[str | None]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.headers.get("Range"))
        with suppress(ConnectionError):
            self.server.answer(self)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.answer, server.asked = whole, []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def archive(server: Server) -> Archive:
    return archive_of(DATA, f"http://127.0.0.1:{server.server_address[1]}/cifar.tar.gz")


def first(request: Handler) -> int:
    asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", "bytes=0-"))
    assert asked is not None
    return int(asked[1])


def head(request: Handler, status: int, **headers: object) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), str(value))
    request.end_headers()


def whole(request: Handler) -> None:
    """Answer as a good server does."""
    part(len(DATA))(request)


def part(most: int, content: bytes = DATA) -> Answer:
    """Say what is right, but break off after ``most`` bytes."""

    def answer(request: Handler) -> None:
        at, n = first(request), len(content)
        if at:
            head(request, 206, Content_Length=n - at, Content_Range=f"bytes {at}-{n - 1}/{n}")
        else:
            head(request, 200, Content_Length=n)
        request.wfile.write(content[at:][:most])

    return answer


def plain(content: bytes, **headers: object) -> Answer:
    """Answer 200 with these bytes, whatever was asked for."""

    def answer(request: Handler) -> None:
        head(request, 200, **headers)
        request.wfile.write(content)

    return answer


def in_turn(*answers: Answer) -> Answer:
    left = list(answers)
    return lambda request: left.pop(0)(request)


def come_before(archive: Archive, root: Path, data: bytes) -> Path:
    root.mkdir(exist_ok=True)
    path = partial_file(archive, root)
    path.write_bytes(data)
    return path


def refusal(archive: Archive, root: Path, *args: Any, **kwargs: Any) -> str:
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


def test_fetched_data_are_found_and_read(archive: Archive, server: Server, tmp_path: Path) -> None:
    root, heard = tmp_path / "new" / "data", list[int]()
    assert fetch(archive, root, on_progress=heard.append) == root / FOLDER
    assert_fetched(root)
    assert heard == sorted(heard)
    assert heard[-1] == len(DATA)
    assert find_cifar10(root) == root / FOLDER
    assert read_cifar10(root / FOLDER).y.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert server.asked == [None]


def test_a_mirror_is_used_instead(archive: Archive, server: Server, tmp_path: Path) -> None:
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


def test_goes_on_by_itself_where_the_connection_broke(
    archive: Archive, server: Server, tmp_path: Path
) -> None:
    server.answer = part(len(DATA) // 4 + 1)
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)
    step = len(DATA) // 4 + 1
    assert server.asked == [None, *(f"bytes={n * step}-" for n in (1, 2, 3))]


def test_the_next_call_goes_on(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.answer = in_turn(part(HALF), part(0), whole)
    message = refusal(archive, tmp_path)
    path = partial_file(archive, tmp_path)
    assert path.name == "cifar.tar.gz.part"
    assert path.read_bytes() == DATA[:HALF]
    assert f"the connection ended after {HALF:,} of {len(DATA):,} bytes" in message
    assert f"MB are kept in {path}: the same command goes on from there" in message
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)
    assert server.asked == [None, f"bytes={HALF}-", f"bytes={HALF}-"]


def test_a_server_that_always_breaks_off_is_left_in_the_end(
    archive: Archive, server: Server, tmp_path: Path
) -> None:
    server.answer = part(100)
    assert "ended after 500 of" in refusal(archive, tmp_path)
    assert len(server.asked) == 5


def test_what_is_whole_is_not_asked_for_again(archive: Archive, server: Server, tmp_path: Path) -> None:
    come_before(archive, tmp_path, DATA)
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)
    assert server.asked == []


def test_too_much_that_came_before_is_begun_again(archive: Archive, server: Server, tmp_path: Path) -> None:
    come_before(archive, tmp_path, DATA + b"more")
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)
    assert server.asked == [None]


def test_a_server_that_ignores_range_begins_again(archive: Archive, server: Server, tmp_path: Path) -> None:
    come_before(archive, tmp_path, b"x" * HALF)
    server.answer = plain(DATA, Content_Length=len(DATA))
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)
    assert server.asked == [f"bytes={HALF}-"]


def test_an_interrupt_keeps_what_came(archive: Archive, server: Server, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("most", [None, HALF])
def test_a_silent_server_is_left(archive: Archive, server: Server, tmp_path: Path, most: int | None) -> None:
    done = threading.Event()

    def stall(request: Handler) -> None:
        if most is not None:
            part(most)(request)
            request.wfile.flush()
        done.wait(10)

    server.answer = in_turn(stall, lambda _: done.wait(10) and None)
    start = time.perf_counter()
    try:
        message = refusal(archive, tmp_path, timeout=0.2)
        assert time.perf_counter() - start < 5
    finally:
        done.set()
    assert "nothing came for 0.2 seconds" in message
    assert partial_file(archive, tmp_path).exists() == (most is not None)
    server.answer = whole
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)


def test_nobody_there(tmp_path: Path) -> None:
    message = refusal(archive_of(DATA), tmp_path)
    assert message.startswith("http://127.0.0.1:9/cifar.tar.gz: ")
    assert "mirror of the official file with --url" in message
    assert list(tmp_path.iterdir()) == []


# A server that lies


@pytest.mark.parametrize("claimed", [len(DATA) + 1000, len(DATA) - 1000, 0, 10**15])
def test_another_length_is_refused_unread(
    archive: Archive, server: Server, tmp_path: Path, claimed: int
) -> None:
    path = come_before(archive, tmp_path, DATA[:100])
    server.answer = plain(DATA, Content_Length=claimed)
    message = refusal(archive, tmp_path)
    assert f"no copy of the official archive: it has {claimed:,} bytes, not {len(DATA):,}" in message
    assert path.read_bytes() == DATA[:100]


def test_another_total_is_refused_unread(archive: Archive, server: Server, tmp_path: Path) -> None:
    come_before(archive, tmp_path, DATA[:100])
    server.answer = lambda request: head(request, 206, Content_Range=f"bytes 100-{10**9 - 1}/{10**9}")
    assert "it has 1,000,000,000 bytes" in refusal(archive, tmp_path)


@pytest.mark.parametrize("said", ["bytes 0-9/10", "bytes 99-200/*", "100-", "", "bytes 100-9/" + "9" * 40])
def test_other_bytes_than_asked_for_are_refused(
    archive: Archive, server: Server, tmp_path: Path, said: str
) -> None:
    path = come_before(archive, tmp_path, DATA[:100])
    server.answer = lambda request: head(request, 206, Content_Range=said)
    assert "sends other bytes than it was asked for" in refusal(archive, tmp_path)
    assert path.read_bytes() == DATA[:100]


def test_no_length_is_no_trouble(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.answer = plain(DATA)
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)


def test_chunks_are_no_trouble(archive: Archive, server: Server, tmp_path: Path) -> None:
    def chunked(request: Handler) -> None:
        request.protocol_version = "HTTP/1.1"
        head(request, 200, Transfer_Encoding="chunked", Connection="close")
        for start in range(0, len(DATA), 5000):
            piece = DATA[start : start + 5000]
            request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        request.wfile.write(b"0\r\n\r\n")

    server.answer = chunked
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)


def test_a_server_that_never_ends_is_stopped_at_once(
    archive: Archive, server: Server, tmp_path: Path
) -> None:
    sent = []

    def endless(request: Handler) -> None:
        head(request, 200)
        while sum(sent) < 10**9:
            sent.append(request.wfile.write(bytes(1 << 16)))

    server.answer = endless
    assert f"more comes from there than the {len(DATA):,} bytes" in refusal(archive, tmp_path)
    assert sum(sent) < 20e6  # what the sockets hold
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_checksum_removes_what_came(archive: Archive, server: Server, tmp_path: Path) -> None:
    wrong = DATA[:-9] + bytes([DATA[-9] ^ 1]) + DATA[-8:]
    server.answer = part(len(wrong), wrong)
    message = refusal(archive, tmp_path)
    assert f"the MD5 of what came is {hashlib.md5(wrong).hexdigest()}" in message
    assert archive.md5 in message
    assert "What had come was removed, and nothing was unpacked." in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, "the server answers 404 (Not Found); check the address, or name a mirror"),
        (403, "the server answers 403 (Forbidden); check"),
        (429, "(Too Many Requests); try again later"),
        (500, "the server answers 500 (Internal Server Error); try again later"),
        (503, "try again later"),
        (416, "has fewer bytes than have come before"),
        (204, "the server answers 204 (No Content)"),
        (799, "the server answers 799; try again later"),
    ],
)
def test_a_refusal_is_told(
    archive: Archive, server: Server, tmp_path: Path, status: int, expected: str
) -> None:
    path = come_before(archive, tmp_path, DATA[:100])
    server.answer = lambda request: (request.send_response(status, "\x1b[2J<b>"), request.end_headers())[0]
    message = refusal(archive, tmp_path)
    assert message.startswith(f"{archive.url}: ")
    assert expected in message
    assert "\x1b" not in message
    assert path.read_bytes() == DATA[:100]


@pytest.mark.parametrize("answer", [b"", b"\x1b[2Jhello\r\n\r\n", b"HTTP/1.0 abc\r\n\r\n", b"x" * 70_000])
def test_what_is_no_http_is_told(archive: Archive, server: Server, tmp_path: Path, answer: bytes) -> None:
    server.answer = lambda request: request.wfile.write(answer) and None
    message = refusal(archive, tmp_path)
    assert "does not answer as a web server does" in message or "Remote end closed" in message
    assert list(tmp_path.iterdir()) == []


# Where it leads


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_and_go_on(
    archive: Archive, server: Server, tmp_path: Path, status: int
) -> None:
    come_before(archive, tmp_path, DATA[:HALF])
    server.answer = in_turn(lambda request: head(request, status, Location="/elsewhere?a=b"), whole)
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)
    assert server.asked == [f"bytes={HALF}-"] * 2


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "data:,x",
        "gopher://x",
        "javascript:1",
        "//h:x/",
    ],
)
def test_redirects_to_anything_but_http_are_refused(
    archive: Archive, server: Server, tmp_path: Path, location: str
) -> None:
    server.answer = lambda request: head(request, 302, Location=location)
    message = refusal(archive, tmp_path)
    assert message.startswith(f"{archive.url} redirects to ")
    assert "is no plain http:// or https:// address" in message
    assert list(tmp_path.iterdir()) == []


def test_redirects_in_a_circle_end(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.answer = lambda request: head(request, 302, Location="/again")
    assert "redirects more than 5 times" in refusal(archive, tmp_path)
    assert len(server.asked) == 6


def test_an_endless_redirect_is_not_read(archive: Archive, server: Server, tmp_path: Path) -> None:
    sent = []

    def endless(request: Handler) -> None:
        head(request, 302, Location="/cifar.tar.gz")
        while sum(sent) < 10**9:
            sent.append(request.wfile.write(bytes(1 << 16)))

    server.answer = in_turn(endless, whole)
    fetch(archive, tmp_path)
    assert sum(sent) < 20e6


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/x",
        "cifar.tar.gz",
        "http://",
        "https:///x",
        "http://host:port/x",
        "http://[::1/x",
        "http://me:secret@host/x",
        "http://host/a b",
        "http://host/\x1b[2J",
        "http://h\u00f6st/",
    ],
)
def test_other_addresses_are_refused(tmp_path: Path, url: str) -> None:
    message = refusal(archive_of(DATA), tmp_path / "data", url)
    assert "is no plain http:// or https:// address, and no other is used" in message
    assert message.isprintable()
    assert not (tmp_path / "data").exists()


# The disk


def test_what_is_there_is_left_alone(archive: Archive, server: Server, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "test_batch.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match=f"{FOLDER}: is there already; remove or rename it"):
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


def test_a_full_disk_keeps_what_came(archive: Archive, server: Server, tmp_path: Path) -> None:
    with files_up_to(HALF):
        message = refusal(archive, tmp_path)
    assert message.startswith(f"{tmp_path}: cannot be written (")
    assert "give the same command again" in message
    assert partial_file(archive, tmp_path).read_bytes() == DATA[:HALF]
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)


def test_a_disk_too_full_to_unpack_keeps_the_archive(tmp_path: Path) -> None:
    zeros = {**FILES, "test_batch.bin": bytes(200_000)}
    data = gzip.compress(tar(*(entry(f"{FOLDER}/{name}", content) for name, content in zeros.items())))
    archive = replace(archive_of(data), files={name: len(content) for name, content in zeros.items()})
    path = come_before(archive, tmp_path, data)
    with files_up_to(100_000):
        assert "cannot be written (" in refusal(archive, tmp_path)
    assert path.read_bytes() == data
    assert fetch(archive, tmp_path) == tmp_path / FOLDER


def test_too_little_room_is_told_before(
    archive: Archive, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 20_000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert re.search(r"0\.1 MB are needed .* and 0\.0 MB are free", refusal(archive, tmp_path))
    assert server.asked == []


def test_a_file_in_the_way(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is no folder; name one with --root" in refusal(archive, tmp_path / "file")
    assert "cannot be written (" in refusal(archive, tmp_path / "file" / "below")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who is root may write everything")
def test_a_folder_that_may_not_be_written(archive: Archive, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written (Permission denied)" in refusal(archive, tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_a_plain_file_is_gone_on_with(archive: Archive, tmp_path: Path, kind: str) -> None:
    path, victim = partial_file(archive, tmp_path), tmp_path / "victim"
    victim.write_text("precious")
    {"link": lambda: path.symlink_to(victim), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()
    assert f"{path}: is no plain file; remove it" in refusal(archive, tmp_path)
    assert victim.read_text() == "precious"


def test_what_a_killed_process_left_is_cleared_away(archive: Archive, server: Server, tmp_path: Path) -> None:
    left = tmp_path / f".{FOLDER}.tmp"
    left.mkdir()
    (left / "test_batch.bin").write_bytes(b"half")
    fetch(archive, tmp_path)
    assert_fetched(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such lock")
def test_two_at_once(archive: Archive, server: Server, tmp_path: Path) -> None:
    half_way, go_on = threading.Event(), threading.Event()

    def slow(request: Handler) -> None:
        head(request, 200, Content_Length=len(DATA))
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
        assert "another process is downloading this; wait until it is done" in refusal(archive, tmp_path)
    finally:
        go_on.set()
        thread.join()
    assert outcome == [tmp_path / FOLDER]
    assert_fetched(tmp_path)


# A hostile archive: of the right size and checksum, as if those had been forged


BATCH = f"{FOLDER}/data_batch_3.bin"
SIZE = len(FILES["data_batch_3.bin"])
PLAIN = f"data_batch_3.bin is no plain file of {SIZE:,} bytes"
PAX = {"format": tarfile.PAX_FORMAT}


def replaced(*args: Any, **changes: Any) -> bytes:
    return tar(*good(data_batch_3_bin=entry(BATCH, *args, **changes)))


def old_sparse() -> bytes:
    """Return a GNU sparse file: a map of one piece in the header, and a real size of SIZE."""
    header = bytearray(tarfile.TarInfo(BATCH).tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:410] = b"%011o\0%011o\0" % (0, 0)
    header[483:495] = b"%011o\0" % SIZE
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + tar(*good(data_batch_3_bin=None))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "symbolic link": (lambda: replaced(type=tarfile.SYMTYPE, linkname="/etc/passwd"), PLAIN),
    "hard link": (lambda: replaced(type=tarfile.LNKTYPE, linkname=f"{FOLDER}/data_batch_2.bin"), PLAIN),
    "pipe": (lambda: replaced(type=tarfile.FIFOTYPE), PLAIN),
    "device": (lambda: replaced(type=tarfile.CHRTYPE, devmajor=1, devminor=5), PLAIN),
    "folder": (lambda: replaced(type=tarfile.DIRTYPE), PLAIN),
    "unknown kind": (lambda: replaced(type=b"Z"), PLAIN),
    "sparse": (old_sparse, PLAIN),
    "sparse in a pax header": (
        lambda: tar(
            *good(
                data_batch_3_bin=entry(
                    BATCH, pax_headers={"GNU.sparse.map": "0,0", "GNU.sparse.size": str(SIZE)}
                )
            ),
            **PAX,
        ),
        PLAIN,
    ),
    "too short": (lambda: replaced(bytes(SIZE - 1)), PLAIN),
    "too long": (lambda: replaced(bytes(SIZE + 1)), PLAIN),
    "missing": (lambda: tar(*good(data_batch_3_bin=None)), "it has no data_batch_3.bin"),
    "twice": (lambda: tar(*good(), entry(BATCH, bytes(SIZE))), "data_batch_3.bin is there twice"),
    "nothing": (lambda: tar(), "it has no data_batch_1.bin, data_batch_2.bin"),
    "empty": (lambda: b"", "the archive is damaged"),
    "no archive": (lambda: b"hello" * 1000, "the archive is damaged"),
    "above": (lambda: replaced_name(f"../{BATCH}"), "it has no data_batch_3.bin"),
    "up and down": (lambda: replaced_name(f"{FOLDER}/../{BATCH}"), "it has no data_batch_3.bin"),
    "absolute": (lambda: replaced_name(f"/{BATCH}"), "it has no data_batch_3.bin"),
    "backslashes": (lambda: replaced_name(BATCH.replace("/", "\\")), "it has no data_batch_3.bin"),
    "cut short": (lambda: tar(*good())[:-30_000], "the archive is damaged"),
    "cut in a header": (lambda: tar(*good())[:100], "the archive is damaged"),
    "large stranger": (lambda: tar(*good(), entry("zeros", bytes(2 << 20))), "it holds more than"),
    "bomb": (lambda: tar(entry("zeros", bytes(50 << 20)), *good()), "it holds more than"),
    "bomb in a header": (
        lambda: tar(entry("x", pax_headers={"comment": "a" * (50 << 20)}), **PAX),
        "it holds more than",
    ),
    "many members": (lambda: entry("x")[0].tobuf() * 50_000, "it holds more than"),
    "headers of headers": (lambda: tar(entry("x", type=b"L"))[:512] * 2000, "the archive is damaged"),
    "claims more than the world": (
        lambda: entry("x", size=2**80)[0].tobuf(tarfile.GNU_FORMAT),
        "it holds more than",
    ),
    "claims the world": (lambda: entry("x", size=8**11 - 1)[0].tobuf(), "it holds more"),
}


def replaced_name(name: str) -> bytes:
    return tar(*good(data_batch_3_bin=entry(name, FILES["data_batch_3.bin"])))


def assert_refused(data: bytes, root: Path) -> str:
    archive = archive_of(data)
    come_before(archive, root, data)
    message = refusal(archive, root)
    assert list(root.iterdir()) == []
    assert [path.name for path in root.parent.iterdir()] == [root.name]
    return message


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused(tmp_path: Path, name: str) -> None:
    make, expected = HOSTILE[name]
    data = gzip.compress(make(), 1)
    start = time.process_time()
    assert expected in assert_refused(data, tmp_path / "root")
    assert time.process_time() - start < 2
    tracemalloc.start()
    try:
        assert_refused(data, tmp_path / "root")
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


DAMAGED = {
    "no gzip": b"hello" * 100,
    "nothing": b"",
    "cut short": DATA[:HALF],
    "cut at the end": DATA[: len(DATA) - 3000],
    "header alone": DATA[:10],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_gzip_is_refused(tmp_path: Path, name: str) -> None:
    assert "the archive is damaged" in assert_refused(DAMAGED[name], tmp_path / "root")


def test_strangers_are_passed_over(tmp_path: Path) -> None:
    root = tmp_path / "root"
    strangers = [
        entry("../evil", b"x"),
        entry(str(tmp_path / "evil"), b"x"),
        entry(f"{FOLDER}/evil", b"x"),
        entry(f"{FOLDER}/../../evil", b"x"),
        entry(f"{FOLDER}/data_batch_1.bin/evil", b"x"),
        entry("link", type=tarfile.SYMTYPE, linkname="/etc"),
        entry("link/evil", b"x"),
        entry(FOLDER, type=tarfile.SYMTYPE, linkname=str(tmp_path)),
        entry("pipe", type=tarfile.FIFOTYPE),
    ]
    data = gzip.compress(tar(*strangers, *good(), *strangers))
    archive = archive_of(data)
    come_before(archive, root, data)
    fetch(archive, root)
    assert_fetched(root)
    assert [path.name for path in tmp_path.iterdir()] == ["root"]
    assert all(path.stat().st_mode & 0o111 == 0 for path in (root / FOLDER).iterdir())


TAR = tar(*good(), entry("x", b"x", pax_headers={"comment": "x" * 50}), **PAX)
HEADERS = [match.start() - 257 for match in re.finditer(rb"ustar\x0000", TAR)]


@given(st.data())
@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_damaged_tar_is_unpacked_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(TAR)
    for _ in range(data.draw(st.integers(1, 4))):
        header = data.draw(st.sampled_from(HEADERS))
        at = header + data.draw(st.integers(0, 511))
        raw[at] = data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):  # a right checksum, so that what is behind it is believed
            raw[header + 148 : header + 156] = b" " * 8
            raw[header + 148 : header + 156] = b"%06o\0 " % sum(raw[header : header + 512])
    packed = gzip.compress(bytes(raw), 1)
    archive = archive_of(packed)
    come_before(archive, tmp_path, packed)
    try:
        folder = fetch(archive, tmp_path)
    except DataError:
        assert list(tmp_path.iterdir()) == []
        return
    names = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert names == archive.files
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
