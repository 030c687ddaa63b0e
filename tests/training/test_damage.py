"""A damaged checkpoint is refused in one line or loaded correctly: no wrong weights, no traceback."""

from __future__ import annotations

import itertools
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mlpcli.errors import CheckpointError
from mlpcli.training.checkpoints import load_checkpoint, read_plan, save_checkpoint
from mlpcli.training.directory import RunDirectory

_NPY_HEADER = 128  # what NumPy pads it to
_TRUNCATIONS = 200


@pytest.fixture(scope="module", params=["stored", "compressed"])
def whole(
    request: pytest.FixtureRequest,
    trained: Callable[..., RunDirectory],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return a checkpoint with everything that a checkpoint can contain."""
    run = trained("iris", "training.epochs=2", "model.batch_norm=true")
    if request.param == "stored":
        return run.last
    path = tmp_path_factory.mktemp("compressed") / "last.npz"
    with np.load(run.last) as file:
        np.savez_compressed(path, **file)
    return path


def resaved(path: Path, tmp_path: Path) -> bytes:
    """Return the bytes of the checkpoint in ``path`` after loading and saving it."""
    again = tmp_path / "again.npz"
    save_checkpoint(again, load_checkpoint(path))
    return again.read_bytes()


def outcome(path: Path, tmp_path: Path) -> bytes | str:
    """Return the contents of a file as loaded, or the line that refuses it."""
    start = time.perf_counter()
    try:
        read_plan(path)
        found: bytes | str = resaved(path, tmp_path)
    except CheckpointError as error:
        found = str(error)
        assert found.startswith(str(path))
        assert "\n" not in found
        assert len(found) < 500
    assert time.perf_counter() - start < 2
    return found


def test_a_truncated_file_is_refused(whole: Path, tmp_path: Path) -> None:
    raw = whole.read_bytes()
    path = tmp_path / "cut.npz"
    ends = {0, 1, 2, len(raw) - 1, *np.linspace(3, len(raw) - 2, _TRUNCATIONS - 4, dtype=int).tolist()}
    assert len(ends) == _TRUNCATIONS
    for end in ends:
        path.write_bytes(raw[:end])
        assert isinstance(outcome(path, tmp_path), str), end


def regions(path: Path) -> dict[str, list[int]]:
    """Return the positions of each kind of byte in the file."""
    raw = path.read_bytes()
    kinds = ("local headers", "npy headers", "data", "meta", "last bytes")
    found: dict[str, list[int]] = {kind: [] for kind in kinds}
    end = raw.rindex(b"PK\5\6")
    with zipfile.ZipFile(path) as archive:
        directory = archive.start_dir
        for info in archive.infolist():
            start = info.header_offset + 30
            start += sum(int.from_bytes(raw[start - 4 + i : start - 2 + i], "little") for i in (0, 2))
            stop = start + info.compress_size
            inside = start if info.compress_type else start + _NPY_HEADER
            found["local headers"] += range(info.header_offset, start)
            if info.compress_type:  # deflate fills its last byte up with bits that mean nothing
                stop -= 1
                found["last bytes"].append(stop)
            found["npy headers"] += range(start, inside)
            found["meta" if info.filename == "meta.npy" else "data"] += range(inside, stop)
    found["directory"], found["end"] = list(range(directory, end)), list(range(end, len(raw)))
    assert sorted(itertools.chain(*found.values())) == list(range(len(raw)))  # every byte has a kind
    return {kind: places for kind, places in found.items() if places}


def flips(path: Path, n: int) -> Iterator[tuple[str, int, int]]:
    """Yield kinds, bytes and bits: equally many of each kind, without repetition."""
    rng = np.random.default_rng(0)
    kinds = regions(path)
    each = -(-n // len(kinds))
    for kind, places in kinds.items():
        for chosen in rng.choice(8 * len(places), min(each, 8 * len(places)), replace=False):
            yield kind, places[chosen // 8], int(chosen % 8)


@pytest.mark.parametrize("n", [100, pytest.param(500, marks=pytest.mark.exhaustive)])
def test_no_important_flipped_bit_goes_unnoticed(whole: Path, tmp_path: Path, n: int) -> None:
    raw, sound = whole.read_bytes(), resaved(whole, tmp_path)
    path = tmp_path / "flipped.npz"
    refused: dict[str, int] = {}
    tried: dict[str, int] = {}
    for kind, place, bit in flips(whole, n):
        damaged = bytearray(raw)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        found = outcome(path, tmp_path)
        assert isinstance(found, str) or found == sound, (kind, place, bit)
        tried[kind] = tried.get(kind, 0) + 1
        refused[kind] = refused.get(kind, 0) + isinstance(found, str)
    assert sum(tried.values()) >= n
    for kind in tried.keys() & {"npy headers", "data", "meta"}:  # every bit has a checksum
        assert refused[kind] == tried[kind]
    assert all(refused.values())
