"""Names of runs: each new run has a number of its own, and the last run is the one begun last."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcli.config.loader import parse_experiment
from mlpcli.training import names
from mlpcli.training.directory import RunDirectory, is_empty
from mlpcli.training.names import find_run, new_names, run_name

SPIRAL = parse_experiment("data: spiral", "test", Path())


def begin(path: Path, minute: int, hours_from_utc: int = 0) -> None:
    """Write what a run has that was begun so many minutes after a certain time."""
    path.mkdir(parents=True, exist_ok=True)
    zone = timezone(timedelta(hours=hours_from_utc))
    time = (datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=minute)).astimezone(zone)
    (path / "run.log").write_text(f"{time.isoformat(' ', 'milliseconds')} mlp 1\n")
    (path / "config.yaml").touch()


def test_the_run_to_resume_is_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_run("x") is None
    for number in range(3):
        directory = RunDirectory.create("x", None)
        if number < 2:
            directory.begin(SPIRAL)
    assert find_run("x") == Path("runs/x-2")


@given(
    st.lists(
        st.sampled_from(["new", "remove", "empty", "copy", "force", "touch"]).flatmap(
            lambda what: st.tuples(st.just(what), st.integers(0, 9))
        ),
        max_size=30,
    ),
    st.sampled_from(["s", "s-2", "a.b", "s["]),
)
def test_the_last_run_is_found_whatever_was_removed_copied_and_replaced(
    steps: list[tuple[str, int]], name: str
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "RUNS", Path(folder))
        begun: dict[Path, int] = {}  # the runs, and when they were begun
        for minute, (what, which) in enumerate(steps):
            path = sorted(begun)[which % len(begun)] if begun else None
            if what in ("new", "empty"):
                new = next(each for each in new_names(name) if not each.exists() or is_empty(each))
                new.mkdir(exist_ok=True)
                numbers = names._numbered(name)
                assert numbers[new] == max(numbers.values())
                if what == "new":
                    begin(new, minute, which - 5)
                    begun[new] = minute
            elif path is None:
                continue
            elif what == "remove":
                shutil.rmtree(path)
                del begun[path]
            elif what == "force":
                begin(path, minute, which - 5)
                begun[path] = minute
            elif what == "touch":
                os.utime(path / "config.yaml", (minute * 1000, minute * 1000))
            else:  # as from another machine: all files are new here
                shutil.copytree(path, f"{folder}/copy", copy_function=shutil.copyfile)
                shutil.rmtree(path)
                Path(folder, "copy").rename(path)
        assert find_run(name) == max(begun, key=lambda each: begun[each], default=None)


def test_a_run_is_as_old_as_its_log_says_in_the_format_of_earlier_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of before filled holes, so that the highest number need not be the newest run."""
    monkeypatch.chdir(tmp_path)
    for name, time in (("s", "2026-11-27 10:24:28,124"), ("s-2", "2026-11-27 10:24:28,123")):
        begin(Path("runs", name), 0)
        Path("runs", name, "run.log").write_text(f"{time} mlp 1, Python 3\n")
    assert find_run("s") == Path("runs/s")


@pytest.mark.parametrize("log", [None, "", "nonsense", "2026-02-31 10:00:00,000 mlp"])
def test_a_run_without_a_time_is_as_old_as_its_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    begin(Path("runs/s"), 0)
    begin(Path("runs/s-2"), 0)
    (Path("runs/s/run.log").unlink if log is None else lambda: Path("runs/s/run.log").write_text(log))()
    begun = datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()
    for seconds, expected in ((-1, "runs/s-2"), (1, "runs/s")):
        os.utime("runs/s/config.yaml", (begun + seconds, begun + seconds))
        assert find_run("s") == Path(expected)


def test_a_cross_validation_is_as_old_as_its_first_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, minute in (("s", 2), ("s-2", 1)):
        begin(Path("runs", name, "fold-1"), minute)
        Path("runs", name, "folds.json").touch()
    assert find_run("s", "folds.json") == Path("runs/s")
    assert find_run("s") is None


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("configs/spiral.yaml", "spiral"),
        ("config.yaml", "config"),
        ("runs/spiral/config.yaml", "spiral"),
        ("runs/spiral-12/config.yaml", "spiral"),
        ("runs/2024-06/config.yaml", "2024"),
        ("runs/-7/config.yaml", "-7"),
        ("..yaml", "run"),
        ("...yaml", "run"),
        ("....yaml", "run"),
        (".yaml", ".yaml"),
        ("..a.yaml", "..a"),
    ],
)
def test_a_run_is_named_after_its_config_or_the_run_that_holds_the_config(
    tmp_path: Path, config: str, name: str
) -> None:
    path = tmp_path / config
    path.parent.mkdir(parents=True, exist_ok=True)
    if config.startswith("runs"):
        (path.parent / "run.log").touch()
    assert run_name(path) == name
