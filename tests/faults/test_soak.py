"""A very long run holds memory, open files and threads flat."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from mlpcli.config.loader import parse_experiment
from mlpcli.training.start import start_run, take_directory

CONFIG = """
data: {name: spiral, points: 100}
model: {hidden: [10], batch_norm: true, dropout: 0.1, input_noise: 0.1}
training: {epochs: EPOCHS, batch_size: 20, checkpoint_every: 2}
"""


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def soak(tmp_path: Path, epochs: int) -> None:
    experiment = parse_experiment(CONFIG.replace("EPOCHS", str(epochs)), "soak", Path())
    directory = take_directory("soak", tmp_path / "run")
    held = [
        (resident(), len(list(Path("/proc/self/fd").iterdir())), threading.active_count())
        for epoch in start_run(experiment, directory).epochs()
        if epoch.number in (epochs // 10, epochs)
    ]
    (before, files, threads), (after, *others) = held
    assert after - before < 2_000_000
    assert others == [files, threads]
    assert len(directory.metrics.read_bytes().splitlines()) == epochs


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux")
def test_memory_files_and_threads_stay_the_same(tmp_path: Path) -> None:
    soak(tmp_path, 150)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux")
def test_memory_files_and_threads_stay_the_same_for_10_000_epochs(tmp_path: Path) -> None:
    soak(tmp_path, 10_000)
