"""Times the entries of a race in turn, A B A B, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.contenders import draw, find, is_here, write_cifar10
from benchmarks.works import ROOT, Command, Entry, Race, Work
from mlpcli.blas import thread_count

__all__ = ["Result", "describe_machine", "limit_cores", "time_race"]


@dataclass(frozen=True)
class Result:
    """The median time of a turn in seconds, and the peak memory of a command in bytes."""

    entry: Entry
    seconds: float
    peak: int | None


class _Worker:
    """A process that does a turn of ``work`` on request."""

    def __init__(self, contender: str, work: Work) -> None:
        arguments = [sys.executable, "-m", "benchmarks.timing", contender, json.dumps(asdict(work))]
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def turn(self) -> tuple[float, None]:
        """Return the seconds of a turn."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            print(file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit(f"{' '.join(self._process.args[1:4])} failed")  # type: ignore[index]
        return float(answer), None

    def stop(self) -> None:
        """End the process."""
        self._process.communicate()


class _Runner:
    """Runs a command in a new process for each turn."""

    def __init__(self, command: Command, folder: str) -> None:
        arguments = [argument.replace("{folder}", folder) for argument in command.arguments]
        self._arguments = [sys.executable, *arguments]
        # Let the first round compile the modules, as pip does when it installs them.
        self._environment = {
            name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
        }

    def turn(self) -> tuple[float, int | None]:
        """Return the seconds from the start of a process to its end, and its peak memory."""
        with tempfile.TemporaryFile() as output:
            start = time.perf_counter()
            process = subprocess.Popen(
                self._arguments, stdout=output, stderr=output, cwd=ROOT, env=self._environment
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                output.seek(0)
                sys.exit(f"{' '.join(self._arguments)} failed:\n{output.read().decode(errors='replace')}")
        return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    def stop(self) -> None:
        """Do nothing, since no process is left running."""


def time_race(race: Race, rounds: int) -> list[Result]:
    """Time the entries whose contenders are installed; the first round is a warm-up and does not count."""
    entries = [entry for entry in race.entries if entry.contender is None or is_here(entry.contender)]
    turns: list[list[tuple[float, int | None]]] = [[] for _ in entries]
    with _folder(race.images) as folder, contextlib.ExitStack() as stack:
        timers: list[_Worker | _Runner] = []
        for entry in entries:
            if isinstance(entry.does, Work):
                assert entry.contender is not None
                timers.append(_Worker(entry.contender, entry.does))
            else:
                timers.append(_Runner(entry.does, folder))
            stack.callback(timers[-1].stop)
        for _ in range(rounds + 1):
            for timer, times in zip(timers, turns, strict=True):
                times.append(timer.turn())
    results = []
    for entry, times in zip(entries, turns, strict=True):
        peaks = [peak for _, peak in times if peak is not None]
        results.append(
            Result(entry, statistics.median(seconds for seconds, _ in times[1:]), max(peaks, default=None))
        )
    return results


@contextlib.contextmanager
def _folder(images: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        if images:
            write_cifar10(Path(folder) / "cifar", *draw(Work((3072, 10), 1, 5 * images)))
        yield folder


def limit_cores() -> None:
    """Limit this process and its children to as many cores as mlp uses threads, as OMP_NUM_THREADS says.

    Not all contenders have a setting for that.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: thread_count()])


def describe_machine() -> dict[str, str]:
    """Return the processor, the BLAS as mlp sets it up, and versions."""
    code = (
        "from mlpcli.blas import describe_blas, prepare_blas; prepare_blas(); print(describe_blas());"
        "import numpy; print(numpy.__version__);"
        "from mlpcli.onednn import find_onednn; print(find_onednn()[0] and find_onednn()[0].version)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    blas, numpy, onednn = answer.stdout.splitlines()
    packages = {"PyTorch": "torch", "scikit-learn": "scikit-learn", "JAX": "jax"}
    return {
        "cpu": f"{_processor()}, {thread_count()} of {os.cpu_count()} cores",
        "blas": blas,
        "python": platform.python_version(),
        "numpy": numpy,
        "onednn": onednn,
        **{name: version(package) for name, package in packages.items() if is_here(name)},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _work(contender: str, work: dict[str, Any]) -> None:
    """Do a turn for each line on stdin, and print its seconds."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # anything else that is printed goes to stderr
    turn = find(contender)[1](Work(**{**work, "widths": tuple(work["widths"])}))
    for _ in sys.stdin:
        start = time.perf_counter()
        turn()
        print(time.perf_counter() - start, file=answers, flush=True)


if __name__ == "__main__":
    _work(sys.argv[1], json.loads(sys.argv[2]))
