"""Machines that share a sweep, as processes in folders and networks of their own; one is killed mid-run."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from mlpcli.sweep.record import read_record
from mlpcli.sweep.storage import open_storage

pytestmark = pytest.mark.exhaustive  # test_trials.py tests the same in one process, quickly

# Runs of different lengths: when one has finished, another is still far from its end.
CONFIG = """\
data: {name: csv, path: data.csv, target: y}
model: {hidden: [4]}
sweep:
  grid: {training.epochs: [200, 600, 700, 800]}
  seeds: 2
"""
# What `mlp sweep --storage` does, with a patience that a test has.
MACHINE = """
import sys
from pathlib import Path
from mlpcli.config.sweeps import SweepConfig
from mlpcli.sweep.directory import take_sweep_directory
from mlpcli.sweep.machine import Began, Finished, SweepMachine
from mlpcli.sweep.processes import Processes

if __name__ == "__main__":
    directory = take_sweep_directory("c", Path("s"), resume=True)
    with Processes(2) as processes:
        config = SweepConfig(Path("c.yaml"))
        machine = SweepMachine(config, "c", directory, processes, sys.argv[1], beat=0.2, patience=2.0)
        for event in machine.events():
            if isinstance(event, (Began, Finished)):
                run = event.row.run if isinstance(event, Finished) else event.run
                print(type(event).__name__, run, flush=True)
"""


def apart() -> list[str]:
    """Return what begins a process in a network of its own, if this one may do that."""
    command = ["unshare", "--net"]
    try:
        done = subprocess.run([*command, "true"], capture_output=True, timeout=10)
    except OSError:
        return []
    return command if done.returncode == 0 else []


def machine(folder: Path, storage: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    (folder / "c.yaml").write_text(CONFIG, encoding="utf-8")
    rows = "".join(f"{i % 7},{i % 5},{'ab'[i * i % 3 % 2]}\n" for i in range(120))
    (folder / "data.csv").write_text(f"a,b,y\n{rows}", encoding="utf-8")
    (folder / "machine.py").write_text(MACHINE, encoding="utf-8")
    command = [*apart(), sys.executable, "machine.py", storage]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Start a PostgreSQL that listens on a socket in a folder of its own; yield its address."""
    program = shutil.which("postgres")
    if program is None:
        pytest.skip("needs postgres")
    programs = Path(program).resolve().parent
    user = "nobody" if os.getuid() == 0 else getpass.getuser()  # PostgreSQL does not run as root
    own = {"user": user} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as name:
        folder = Path(name)
        if own:
            shutil.chown(folder, user)
        made = subprocess.run(
            [
                programs / "initdb",
                "-D",
                folder / "data",
                "-U",
                "mlp",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            **own,  # type: ignore[call-overload]
        )
        if made.returncode != 0:
            pytest.skip(f"initdb does not run here: {made.stderr.strip().splitlines()[-1]}")
        settings = ["listen_addresses=", "fsync=off"]
        server = subprocess.Popen(
            [
                program,
                "-D",
                folder / "data",
                "-k",
                name,
                *(word for each in settings for word in ("-c", each)),
            ],
            cwd=folder,
            stderr=subprocess.DEVNULL,
            **own,  # type: ignore[call-overload]
        )
        try:
            until = time.monotonic() + 30
            while not (folder / ".s.PGSQL.5432").exists():
                assert server.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
            yield f"postgresql://mlp@/postgres?host={name}"
        finally:
            server.send_signal(signal.SIGINT)  # whoever is connected
            server.wait(30)


@pytest.fixture(params=["journal", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "journal":
        yield str(tmp_path / "shared" / "sweep.jsonl")
        return
    pytest.importorskip("psycopg", reason="needs psycopg")
    with postgres() as address:
        yield address


def wait_for(word: str, process: subprocess.Popen[str], times: int) -> None:
    """Wait until a machine has said so often that a run has begun, or finished."""
    assert process.stdout is not None
    heard = 0
    while heard < times:
        line = process.stdout.readline()
        assert line, "the machine ended"
        heard += line.startswith(word)


def trials_of(storage: str) -> list[optuna.trial.FrozenTrial]:
    """Return the trials in a storage; a database is left as it is found, without a connection."""
    opened = open_storage(storage)
    trials = optuna.load_study(study_name="c", storage=opened).get_trials()
    backend: Any = getattr(opened, "_backend", None)
    if isinstance(backend, optuna.storages.RDBStorage):
        backend.remove_session()
        backend.engine.dispose()
    return trials


def test_a_machine_is_killed_and_each_run_ends_once(tmp_path: Path, storage: str) -> None:
    killed, living = (machine(tmp_path / name, storage) for name in ("one", "two"))
    wait_for("Finished", killed, 1)
    wait_for("Began", living, 1)
    killed.kill()
    told, _ = living.communicate(timeout=100)
    killed.communicate(timeout=10)
    assert living.returncode == 0
    rows = read_record(tmp_path / "two" / "s" / "sweep.csv").rows
    assert [row.run for row in rows] == list(range(1, 9))
    assert {row.status for row in rows} == {"finished"}
    trials = trials_of(storage)
    given_up = [trial for trial in trials if trial.user_attrs.get("given_up")]
    assert given_up  # the killed machine was training
    ended = Counter(
        trial.user_attrs["run"]
        for trial in trials
        if trial not in given_up and trial.state == TrialState.COMPLETE
    )
    assert ended == dict.fromkeys(range(1, 9), 1)
    again = machine(tmp_path / "one", storage)  # finds that nothing is left, and has the whole table
    told, _ = again.communicate(timeout=60)
    assert (again.returncode, told) == (0, "")
    table = read_record(tmp_path / "one" / "s" / "sweep.csv").rows
    assert [(row.run, row.seed, row.values, row.best) for row in table] == [
        (row.run, row.seed, row.values, row.best) for row in rows
    ]
    trained_here = [row for row in rows if not Path(row.directory).is_absolute()]
    assert 0 < len(trained_here) < 8
    assert all((tmp_path / "two" / "s" / row.directory / "best.npz").exists() for row in trained_here)


def test_a_machine_that_is_killed_alone_goes_on(tmp_path: Path, storage: str) -> None:
    first = machine(tmp_path / "one", storage)
    wait_for("Finished", first, 1)
    first.kill()
    first.communicate(timeout=10)
    again = machine(tmp_path / "one", storage)
    told, _ = again.communicate(timeout=100)
    assert again.returncode == 0
    finished = [line for line in told.splitlines() if line.startswith("Finished")]
    rows = read_record(tmp_path / "one" / "s" / "sweep.csv").rows
    assert [row.run for row in rows] == list(range(1, 9))
    assert len(finished) == len(set(finished)) < 8
