"""Calls of the system fail below Python, as they do on a full or a broken disk; what is written stays whole.

A shim between the process and the C library (shim.c) lets one call fail, or all from it on. On Linux with a C
compiler; where the test may mount one, a small tmpfs fills up by itself.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlpcli.training.checkpoints import load_checkpoint

WORKER = Path(__file__).with_name("worker.py")
CONFIG = """
data: {name: spiral, points: 60}
model: {hidden: [5], dropout: 0.2}
training: {epochs: 4, batch_size: 18, checkpoint_every: 1, snapshots: 2}
"""
CODES = {
    "once": errno.EIO,
    "stays": errno.EROFS,
    "full": errno.ENOSPC,
    "freed": errno.ENOSPC,
    "torn": errno.EIO,
    "short": 0,
}
OUTCOME = ("config.yaml", "best.npz", "last.npz", "snapshots/epoch-0001.npz", "snapshots/epoch-0004.npz")

Mlp = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def mlp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlp]:
    """Return a function that carries out a command line; ``fault`` is for shim.c: folder, way and number.

    It returns the exit code and stderr; the attribute ``calls`` is the number of calls that were counted.
    """
    folder = tmp_path_factory.mktemp("shim")
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("needs Linux and a C compiler")
    source, library = WORKER.with_name("shim.c"), folder / "shim.so"
    command = ["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(library), str(source), "-ldl"]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"shim.c cannot be built here: {built.stderr.splitlines()[:1]}")
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "LD_PRELOAD": str(library)},
        text=True,
    )
    said = folder / "said"

    def mlp(
        *args: object, fault: tuple[Path, str, int] | None = None, save_every: float = 0.0
    ) -> tuple[int, str]:
        task: dict[str, Any] = {"args": list(map(str, args)), "kill_after": None, "save_every": save_every}
        task["said"] = str(said)
        if fault is not None:
            below, way, number = fault
            task["fault"] = [str(below), way, number, CODES[way]]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        code = int(process.stdout.readline())
        return code, said.read_text()

    def calls() -> int:
        return int(Path(f"{said}.calls").read_text())

    mlp.calls = calls  # type: ignore[attr-defined]
    yield mlp
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.wait()
    process.stdout.close()


def outcome(directory: Path) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    rows = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"], row["examples_per_second"]
    return {name: (directory / name).read_bytes() for name in OUTCOME}, rows


def require_whole(directory: Path, way: str) -> None:
    """Require that checkpoints are whole and that lines are; only a disk that broke may keep half a line."""
    for path in directory.rglob("*") if directory.exists() else ():
        if path.suffix == ".npz":
            load_checkpoint(path)
        elif path.name in ("metrics.jsonl", "run.log"):
            lines = path.read_bytes().splitlines(keepends=True)
            if way == "torn" and lines and not lines[-1].endswith(b"\n"):
                lines.pop()
            for line in lines:
                assert line.endswith(b"\n")
                if path.name == "metrics.jsonl":
                    json.loads(line)
        else:
            assert path.is_dir() or path.name == "config.yaml", path


@pytest.fixture(scope="module")
def unbroken(mlp: Mlp, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Return the directory of a run that nothing went wrong in, with its config beside it, and its calls."""
    folder = tmp_path_factory.mktemp("unbroken")
    (folder / "c.yaml").write_text(CONFIG)
    run = folder / "run"
    assert mlp("train", folder / "c.yaml", "--quiet", "--out", run, fault=(run, "once", 0)) == (0, "")
    assert mlp.calls() > 100  # type: ignore[attr-defined]
    return run, mlp.calls()  # type: ignore[attr-defined]


def fail_and_go_on(mlp: Mlp, unbroken: Path, broken: Path, way: str, number: int) -> None:
    """Let a call of a run fail, and require that it goes on to the bytes of the unbroken run."""
    train = ("train", unbroken.with_name("c.yaml"), "--quiet", "--out", broken)
    code, said = mlp(*train, fault=(broken, way, number))
    if way == "short" or (code == 0 and number < 5):  # where the folder is tried out, in several ways
        assert (code, said) == (0, "")
    else:
        assert code == 1
        assert said.startswith("Error: ")
        assert os.strerror(CODES[way]) in said
        saved = (broken / "last.npz").exists()
        assert ("mlp train --resume" in said, "Nothing had been saved" in said) in (
            [(True, False)] if saved else [(False, True), (False, False)]  # or nothing had been begun
        )
        require_whole(broken, way)
        if saved:
            code, said = mlp(
                *train, "--resume", fault=(broken, "once", 8)
            )  # once the folder has been tried out
            assert code == 1
            assert said.endswith(f"resume with: mlp train --resume {broken}\n")
        code, said = mlp(*train, "--resume")
        assert code == 0, said
    assert outcome(broken) == outcome(unbroken)
    assert not list(broken.rglob("*.tmp"))


@pytest.mark.exhaustive
def test_a_run_whose_disk_fails_stays_whole_and_goes_on_to_the_same_bytes(
    mlp: Mlp, unbroken: tuple[Path, int], tmp_path: Path
) -> None:
    directory, calls = unbroken
    ways = itertools.cycle(CODES)
    for number in range(1, calls + 1, 19):
        fail_and_go_on(mlp, directory, tmp_path / str(number), next(ways), number)


@pytest.mark.slow
@pytest.mark.parametrize("way", CODES)
def test_a_run_stays_whole_whichever_calls_fail(
    mlp: Mlp, unbroken: tuple[Path, int], tmp_path: Path, way: str
) -> None:
    directory, calls = unbroken
    for number in range(1 + list(CODES).index(way) % 4, calls + 1, 4):
        fail_and_go_on(mlp, directory, tmp_path / str(number), way, number)


# What each command writes, as [argument for its place]; RUN is a finished run, and PLACE a folder of its own.
WRITERS = {
    "predict": (["predict", "RUN", "rows.csv", "--out", "PLACE/p.csv"], "p.csv"),
    "report": (["report", "RUN", "--out", "PLACE/r.html"], "r.html"),
    "plot": (["plot", "RUN", "--kind", "curves", "--out", "PLACE/c.png"], "c.png"),
    "plot svg": (["plot", "RUN", "--kind", "boundary", "--out", "PLACE/b.svg"], "b.svg"),
    "animate": (["plot", "RUN", "--animate", "--out", "PLACE/b.gif"], "b.gif"),
}


def write_and_fail(mlp: Mlp, tmp_path: Path, name: str, numbers: Callable[[int], range]) -> None:
    config, made, place = tmp_path / "c.yaml", tmp_path / "run", tmp_path / "place"
    config.write_text(CONFIG)
    (tmp_path / "rows.csv").write_text("x1,x2\n" + "0.5,-0.25\n" * 3000)
    place.mkdir()
    assert mlp("train", config, "--quiet", "--out", made)[0] == 0
    words, file = WRITERS[name]
    paths = {"RUN": str(made), "rows.csv": str(tmp_path / "rows.csv")}
    args = [paths.get(word, word.replace("PLACE", str(place))) for word in words]
    code, said = mlp(*args, fault=(place, "once", 0))
    assert code == 0, said
    calls, whole = mlp.calls(), (place / file).read_bytes()  # type: ignore[attr-defined]
    states = itertools.cycle([None, b"what was there"])
    for way in CODES:
        refusals = 0
        for number in numbers(calls):
            before = next(states)
            (place / file).unlink(missing_ok=True)
            if before is not None:
                (place / file).write_bytes(before)
            code, said = mlp(*args, fault=(place, way, number))
            if code == 0:  # it could do without that call
                assert (place / file).read_bytes() == whole, (way, number)
            else:
                refusals += 1
                assert said.startswith("Error: ")
                assert os.strerror(CODES[way]) in said
                assert ((place / file).read_bytes() if (place / file).exists() else None) == before
            assert list(place.iterdir()) in ([], [place / file])
        assert (refusals > 0) == (way != "short")


@pytest.mark.exhaustive
def test_predictions_are_written_whole_or_not_at_all(mlp: Mlp, tmp_path: Path) -> None:
    write_and_fail(mlp, tmp_path, "predict", lambda calls: range(2, calls + 1, 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_files_are_written_whole_or_not_at_all(mlp: Mlp, tmp_path: Path, name: str) -> None:
    write_and_fail(mlp, tmp_path, name, lambda calls: range(1, calls + 1, max(1, calls // 3)))


@pytest.mark.slow
@pytest.mark.parametrize("way", CODES)
def test_a_cross_validation_stays_whole_and_goes_on_to_the_same_bytes(
    mlp: Mlp, tmp_path: Path, way: str
) -> None:
    config, unbroken = tmp_path / "c.yaml", tmp_path / "unbroken"
    config.write_text(CONFIG.replace("epochs: 4", "epochs: 2").replace(", snapshots: 2", ""))
    train = ("train", config, "--quiet", "--folds", 2, "--out")
    assert mlp(*train, unbroken, fault=(unbroken, "once", 0))[0] == 0

    def files(folder: Path) -> dict[Path, bytes]:
        return {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.name not in ("run.log", "metrics.jsonl")
        }

    for number in range(1 + list(CODES).index(way), mlp.calls() + 1, 23):  # type: ignore[attr-defined]
        broken = tmp_path / f"broken-{number}"
        code, said = mlp(*train, broken, fault=(broken, way, number))
        if way != "short" and (way != "freed" or code):  # freed: if a write follows
            assert code == 1, number
            assert os.strerror(CODES[way]) in said
            assert "Nothing had been saved" not in said
            if (broken / "folds.json").exists():
                assert said.endswith(f"resume with: mlp train --resume {broken}\n")
            code, said = mlp(*train, broken, "--resume")
        assert code == 0, said
        assert files(broken) == files(unbroken), number


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Return a function that gives a tmpfs so many kB in all; skip the test where none may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(*options: str) -> None:
        command = ["mount", "-t", "tmpfs", *options, "none", str(place)]
        if (
            shutil.which("mount") is None
            or subprocess.run(command, capture_output=True, check=False).returncode
        ):
            pytest.skip("may not mount a tmpfs")

    mount("-o", "size=8k")

    def resize(size: int) -> Path:
        mount("-o", f"remount,size={size}k")
        return place

    yield resize
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.exhaustive
@pytest.mark.parametrize("sizes", [(40, 52, 4), pytest.param((12, 96, 4), marks=pytest.mark.slow)])
def test_a_small_disk_that_is_full_keeps_whole_rows_and_the_run_goes_on(
    mlp: Mlp, tmp_path: Path, small_disk: Callable[[int], Path], sizes: tuple[int, int, int]
) -> None:
    config, unbroken = tmp_path / "c.yaml", tmp_path / "unbroken"
    config.write_text(CONFIG.replace("epochs: 4", "epochs: 150").replace("checkpoint_every: 1, ", ""))
    train = ("train", config, "--quiet", "--out")
    assert mlp(*train, unbroken)[0] == 0
    full = 0
    for size in range(*sizes):
        run = small_disk(size) / "run"
        code, said = mlp(*train, run, save_every=1.0)  # so that it is the rows that fill the disk
        assert code == 1
        assert os.strerror(errno.ENOSPC) in said
        require_whole(run, "full")
        full += (run / "metrics.jsonl").exists()
        if (run / "best.npz").exists():
            assert mlp("plot", run, "--text") == (0, "")
        small_disk(2000)
        assert mlp(*train, run, "--resume") == (0, "")
        for name in ("best.npz", "last.npz", "snapshots/epoch-0150.npz"):
            assert (run / name).read_bytes() == (unbroken / name).read_bytes()
        shutil.rmtree(run)
    assert full
