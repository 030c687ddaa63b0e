"""mlp sweep: what it prints and leaves, and that it goes on where it was stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpcli.cli.sweep import _other_than_a
from mlpcli.sweep.ranking import rank_sweep
from mlpcli.sweep.record import SweepRecord, SweepRow, read_record

Mlp = Callable[..., Any]
MOONS = "data: {name: moons, points: 60}\nmodel: {hidden: [4]}\ntraining: {epochs: 2}\n"
GRID = ("--grid", "model.hidden=[[3], [6]]", "--seeds", 2)


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "moons.yaml").write_text(MOONS, encoding="utf-8")
    return "moons.yaml"


@pytest.fixture
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train in this process instead of others, at once: what becomes of them is tested elsewhere."""
    from mlpcli.sweep import machine, processes, worker

    class Here:
        def __init__(self, _: int) -> None:
            self.claims: dict[int, Any] = {}
            self.connection: Any = self
            self._came: list[Any] = []

        def begin(self, claims: dict[int, Any], tasks: Any) -> None:
            self.claims = claims
            worker._Worker(self.connection)._train(tasks)

        def send(self, message: Any) -> None:
            self._came.append(message)

        def recv(self) -> Any:
            return self._came.pop(0)

        def stop(self, _: Any) -> None: ...
        def end(self) -> None: ...

    monkeypatch.setattr(processes, "TrainingProcess", Here)
    monkeypatch.setattr(machine, "wait", lambda connections, _: list(connections))


def rows(folder: Path) -> list[SweepRow]:
    return read_record(folder / "sweep.csv").rows


@pytest.mark.usefixtures("no_processes")
def test_it_shows_each_run_and_the_best_one(mlp: Mlp, config: str, tmp_path: Path) -> None:
    code, out, err = mlp("sweep", config, *GRID, "--workers", 2)
    assert code == 0
    lines = err.splitlines()
    assert re.fullmatch(r"4 runs: 2 settings \(a grid\) x 2 seeds, 2 workers with \d threads? each", lines[0])
    assert lines[1] == "-> runs/moons"
    assert lines[3].split() == ["run", "setting", "best", "epoch", "val", "accuracy", "time"]
    table = sorted(lines[4:8])
    assert re.fullmatch(r"  1  hidden=\[3\] seed=0 +\d +\d+\.\d\d% +\d\.\d s", table[0])
    assert re.fullmatch(r"  4  hidden=\[6\] seed=1 +\d +\d+\.\d\d% +\d\.\d s", table[3])
    found = rows(tmp_path / "runs" / "moons")
    best = max(found, key=lambda row: row.best["val_accuracy"] or 0.0)
    assert out.startswith(
        f"Best run: {best.run} of 4 (validation accuracy {best.best['val_accuracy']:.2%}), with "
    )
    assert f"mlp eval runs/moons/run-{best.run}\n" in out
    assert all(len(line) <= 100 for line in [*lines, *out.splitlines()])
    assert mlp("eval", f"runs/moons/run-{best.run}").code == 0


@pytest.mark.usefixtures("no_processes")
def test_a_sweep_of_data_sets_has_no_best_run(mlp: Mlp, config: str) -> None:
    code, out, _ = mlp("sweep", config, "--grid", "data.name=[moons, circles]", "--out", "swept")
    assert (code, out.partition("\n\n")[0]) == (
        0,
        "data.name differs between the runs of the sweep, and scores on other data cannot\n"
        "be compared; so there is no best run.",
    )
    for command in ("report", "compare"):
        code, _, err = mlp(command, "swept")
        assert (code, "on other data cannot be compared" in err) == (2, True)


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([0.9, 0.5, 0.6, 0.7], ""),
        ([0.9, 0.1, 0.6, 0.8], " It is of setting B; the best mean is that of setting A."),
        (
            [None, 0.1, 0.6, 0.7],
            " It was ended early and counts in no mean; the best mean is that of setting A.",
        ),
    ],
)
def test_a_best_run_of_another_setting_than_the_best_one_is_told(
    scores: list[float | None], said: str
) -> None:
    table = [
        SweepRow(
            i,
            "finished" if score else "pruned",
            i % 2,
            {"a": i // 2},
            1,
            {"val_r2": score or 0.95},
            {},
            1.0,
            "",
        )
        for i, score in enumerate(scores)
    ]
    assert _other_than_a(rank_sweep(SweepRecord(("a",), ("val_r2",), table)), table[0]) == said


@pytest.mark.usefixtures("no_processes")
def test_a_failed_run_is_named_and_fails_the_sweep(mlp: Mlp, config: str) -> None:
    failing = ("--grid", "data.val_size=[0.2, 59]")
    code, out, err = mlp("sweep", config, *failing)
    assert code == 1
    assert "     failed: the splits do not fit: 60 examples" in err
    assert out.startswith("Best run: 1 of 2 (")
    told = "Error: 1 of 2 runs failed; the column message of sweep.csv says why:\n  run 2, val_size=59: the"
    assert told in err
    assert mlp("sweep", config, *failing, "--quiet").err.startswith(told)


@pytest.mark.usefixtures("no_processes")
def test_a_sweep_whose_runs_all_fail_has_failed(mlp: Mlp, config: str) -> None:
    code, out, err = mlp("sweep", config, "--grid", "data.val_size=[58, 59]", "--quiet")
    assert (code, out) == (1, "")
    assert err.startswith("Error: all 2 runs failed; the first:\nthe splits do not fit")


@pytest.mark.usefixtures("no_processes")
def test_a_finished_sweep_is_shown_again(mlp: Mlp, config: str) -> None:
    out = mlp("sweep", config, *GRID).out
    for resume in (
        ("--resume", "runs/moons"),
        (config, *GRID, "--resume"),
        (config, "--resume"),  # the directory keeps the grid
        (config, "--resume", "runs/moons"),
        ("--out", "runs/moons", "--resume"),
    ):
        again = mlp("sweep", *resume)
        assert "-> runs/moons, resumed after 4 runs" in again.err
        assert again.out.splitlines()[0] == out.splitlines()[0]


@pytest.mark.usefixtures("no_processes")
def test_a_sweep_in_a_shared_storage_is_resumed_without_naming_it(
    mlp: Mlp, config: str, tmp_path: Path
) -> None:
    out = mlp("sweep", config, *GRID, "--storage", "shared.jsonl").out
    again = mlp("sweep", "--resume", "runs/moons")
    assert "-> runs/moons, resumed after 4 runs" in again.err
    assert again.out.splitlines()[0] == out.splitlines()[0]
    (tmp_path / "shared.jsonl").unlink()
    code, _, err = mlp("sweep", "--resume", "runs/moons")
    assert code == 2
    assert err.endswith(
        "shared.jsonl, which is not there; say where it is now\nAs an option: --storage PATH|URL\n"
    )
    assert not (tmp_path / "shared.jsonl").exists()


def test_the_runs_can_be_seen_before(mlp: Mlp, config: str, tmp_path: Path) -> None:
    code, out, _ = mlp("sweep", config, *GRID, "--dry-run")
    assert code == 0
    assert out.splitlines() == [
        "run  seed  setting",
        "  1     0  hidden=[3]",
        "  2     1  hidden=[3]",
        "  3     0  hidden=[6]",
        "  4     1  hidden=[6]",
    ]
    sample = ("--sample", "optimizer.learning_rate=log(1e-4, 1)", "--trials", 2)
    assert re.search(r"\n  2     0  learning_rate=[\de.-]+\n", mlp("sweep", config, *sample, "--dry-run").out)
    tpe = mlp("sweep", config, *sample, "--sampler", "tpe", "--dry-run").out
    assert tpe.splitlines()[1] == "  1     0  chosen by tpe"
    assert not (tmp_path / "runs").exists()


REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "nothing to resume": (("moons.yaml", "--resume"), "nothing is swept\nAs options: "),
    "nothing": (("moons.yaml",), "nothing is swept\nAs options: --grid regularization.l2="),
    "no config": ((), "name a config, as in mlp sweep spiral --seeds 5"),
    "a bad key": (
        ("moons.yaml", "--grid", "model.hiden=[1]"),
        "--grid model.hiden=[1]: model.hiden: unknown key",
    ),
    "two directories": (("moons.yaml", "--resume", "a", "--out", "b"), "--resume a and --out b both name"),
    "no sweep": (("--resume", "nowhere"), "nowhere"),
    "another directory": (
        ("moons.yaml", *GRID, "--out", "full"),
        "holds files that do not belong to a sweep",
    ),
    "no storage": (("moons.yaml", *GRID, "--storage", ""), "--storage is empty; name a file"),
    "a name alone": (("moons.yaml", *GRID, "--name", "x"), "--name x is for a sweep in a --storage; for"),
    "no database": (("moons.yaml", *GRID, "--storage", "oracle9://x"), "is not the address of a database"),
    "out of reach": (
        ("moons.yaml", *GRID, "--storage", "sqlite:////nowhere/x.db"),
        "the storage sqlite:////nowhere/x.db cannot be used: unable to open database file\nOnce it can",
    ),
}


@pytest.mark.parametrize(("args", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_said(
    mlp: Mlp, config: str, tmp_path: Path, args: tuple[Any, ...], says: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    code, out, err = mlp("sweep", *args)
    assert code in (1, 2)
    assert err.startswith("Error: ")
    assert says in err
    assert out == ""
    assert not (tmp_path / "runs").exists()


def test_a_directory_that_holds_a_sweep_is_not_overwritten(mlp: Mlp, config: str, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "sweep.yaml").write_text(MOONS, encoding="utf-8")
    err = mlp("sweep", config, *GRID, "--out", "s").err
    assert "s already holds a sweep; resume that sweep, or name another directory" in err
    assert err.endswith("--resume continues it, --out names another directory.\n")


@pytest.mark.usefixtures("no_processes")
def test_another_sweep_in_the_same_directory_is_refused(mlp: Mlp, config: str) -> None:
    mlp("sweep", config, *GRID)
    err = mlp("sweep", config, "--seeds", 3, "--resume", "runs/moons").err
    assert "this sweep was begun with another config:\n  sweep.grid.model.hidden: [[3], [6]] there" in err


def test_processes_that_mpiexec_has_started_are_refused_once(
    mlp: Mlp, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlpcli.cli.output._muted", None)  # as it is afterwards again
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setenv("PMI_RANK", "0")
    code, out, err = mlp("sweep", config, *GRID)
    assert (code, out) == (2, "")
    assert "2 processes were started to share the training of one; start one process" in err
    assert "MLP_MPI=0" in err
    monkeypatch.setenv("PMI_RANK", "1")
    code, out, err = mlp("sweep", config, *GRID)
    assert (code, out, err) == (2, "", "")
    assert not (tmp_path / "runs").exists()


def test_without_optuna_it_says_how_to_install_it(
    mlp: Mlp, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlpcli.cli.sweep.find_spec", lambda name: None)
    assert "mlp sweep needs Optuna: " in mlp("sweep", config, *GRID).err


@pytest.mark.exhaustive
def test_ctrl_c_saves_and_the_next_call_repeats_nothing(config: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlpcli", "sweep", config, "--workers", "1"]
    command += ["--grid", "model.hidden=[[3], [4], [5]]"]  # of other shapes: one after another
    command += ["--set", "training.epochs=300"]
    env = {**os.environ, "COLUMNS": "80"}
    first = subprocess.Popen(
        command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert first.stderr is not None
    for line in first.stderr:
        if line.startswith("  1  "):
            break
    os.killpg(first.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    _, err = first.communicate(timeout=30)
    assert first.returncode == 130
    ended = int(re.search(r"Interrupted after (\d) of 3 runs; everything is saved\.", err)[1])  # type: ignore[index]
    assert err.endswith("Resume with: mlp sweep --resume runs/moons\n")
    assert len(rows(tmp_path / "runs" / "moons")) == ended >= 1
    again = subprocess.run(
        [*command[:4], "--resume", "runs/moons"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(re.findall(r"^  \d  ", again.stderr, re.MULTILINE)) == 3 - ended
    assert [row.status for row in rows(tmp_path / "runs" / "moons")] == ["finished"] * 3


@pytest.mark.exhaustive
def test_a_sweep_that_is_killed_goes_on_and_leaves_no_process(config: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlpcli", "sweep", config, "--seeds", "2", "--workers", "1"]
    endless = [*command, "--set", "training.epochs=1000000"]
    killed = subprocess.Popen(endless, cwd=tmp_path, stderr=subprocess.DEVNULL)
    metrics = tmp_path / "runs" / "moons" / "run-1" / "metrics.jsonl"
    until = time.monotonic() + 30
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < until:
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    size = -1
    while size != (size := metrics.stat().st_size) and time.monotonic() < until:
        time.sleep(0.5)  # its worker ends, too, and trains no more
    assert time.monotonic() < until
    assert rows(tmp_path / "runs" / "moons") == []
