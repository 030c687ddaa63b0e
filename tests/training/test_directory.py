"""The run directory: a free name is found, no file is lost, only one run writes, and rows are complete."""

from __future__ import annotations

import json
import signal
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcli.config.loader import parse_experiment
from mlpcli.errors import RunError, UsageError
from mlpcli.files import temporary_name
from mlpcli.training.directory import (
    RunDirectory,
    choose_directory,
    find_snapshots,
    folder_of,
)

SPIRAL = parse_experiment("data: spiral", "test", Path())


def test_a_free_name_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [RunDirectory.create("x", None) for _ in range(3)]
    for run in runs:
        run.begin(SPIRAL)
    made = [run.path for run in runs]
    assert made == [Path("runs/x"), Path("runs/x-2"), Path("runs/x-3")]
    assert "data:\n  name: spiral" in (made[0] / "config.yaml").read_text()


def test_a_runs_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").write_text("a file")
    with pytest.raises(RunError, match="runs/x cannot be written: Not a directory"):
        RunDirectory.create("x", None)


@pytest.mark.parametrize("force", [False, True])
def test_choosing_a_directory(tmp_path: Path, force: bool) -> None:
    new, empty, run, other = (tmp_path / name for name in ("new", "empty", "run", "other"))
    for folder in (empty, run, other):
        folder.mkdir()
    (run / "config.yaml").touch()
    (other / "thesis.txt").touch()
    assert choose_directory(new, force) == new
    assert choose_directory(empty, force) == empty
    with pytest.raises(UsageError, match="do not belong to a run"):
        choose_directory(other, force)
    with pytest.raises(UsageError, match="is a file"):
        choose_directory(other / "thesis.txt", force)
    assert choose_directory(None, force) is None
    if force:
        assert choose_directory(run, force) == run
    else:
        with pytest.raises(UsageError, match="already holds a run"):
            choose_directory(run, force)


def test_snapshots_are_found_by_their_epochs_and_belong_to_the_run(tmp_path: Path) -> None:
    directory = RunDirectory.create("x", tmp_path / "run")
    directory.begin(SPIRAL)
    assert find_snapshots(directory.path) == {}
    for epoch in (10_000, 2, 30):
        directory.snapshot(epoch).parent.mkdir(exist_ok=True)
        directory.snapshot(epoch).touch()
    (directory.path / "snapshots" / "notes.txt").touch()
    assert list(find_snapshots(directory.path)) == [2, 30, 10_000]
    assert folder_of(directory.snapshot(2)) == folder_of(directory.best) == directory.path
    directory.forget_snapshots({30})
    assert list(find_snapshots(directory.path)) == [30]
    directory.begin(SPIRAL)
    assert find_snapshots(directory.path) == {}
    assert (directory.path / "snapshots" / "notes.txt").exists()


def test_a_new_run_removes_only_the_files_of_the_old_one(tmp_path: Path) -> None:
    directory = RunDirectory.create("x", tmp_path / "run")
    plots = directory.path / "plots"
    plots.mkdir()
    directory.snapshot(1).parent.mkdir()
    ours = [directory.metrics, directory.best, directory.last, directory.log, plots / "curves.png"]
    ours += [directory.path / "report.html", directory.snapshot(1)]
    killed = [temporary_name(file) for file in ours]
    theirs = [directory.path / "thesis.txt", plots / "notes.txt", directory.path / ".thesis.txt.tmp"]
    for file in (*ours, *killed, *theirs):
        file.touch()
    directory.begin(SPIRAL)
    assert [file for file in (*ours, *killed) if file.exists()] == []
    assert {file.exists() for file in (*theirs, directory.config)} == {True}


def test_what_killed_processes_left_is_removed_before_a_run_goes_on(tmp_path: Path) -> None:
    directory = RunDirectory.create("x", tmp_path / "run")
    directory.append_metrics({"epoch": 1})
    directory.snapshot(1).parent.mkdir()
    left = [temporary_name(file) for file in (directory.best, directory.last, directory.snapshot(1))]
    for file in left:
        file.touch()
    directory.rewind(1)
    assert [file for file in left if file.exists()] == []


def test_no_other_run_can_write_there_until_it_is_closed(tmp_path: Path) -> None:
    directory = RunDirectory.create("x", tmp_path / "run")
    with pytest.raises(RunError, match="is in use: another run is being written there") as caught:
        RunDirectory.reopen(tmp_path / "run")
    assert caught.value.topic == "directory in use"
    directory.close()
    assert RunDirectory.reopen(tmp_path / "run").goes_on


def test_unused_new_folders_are_removed_again(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for used in (False, True):
        directory = RunDirectory.create("x", tmp_path / "there" / "new" / "run")
        if used:
            directory.begin(SPIRAL)
        directory.close(discard=True)
        assert list((tmp_path / "there").iterdir()) == ([tmp_path / "there" / "new"] if used else [])


def test_rows_of_epochs_that_will_be_repeated_are_removed(tmp_path: Path) -> None:
    directory = RunDirectory.create("x", tmp_path / "run")
    rows = [{"epoch": epoch, "train_loss": 1 / epoch} for epoch in range(1, 6)]
    for row in rows:
        directory.append_metrics(row)
    with directory.metrics.open("ab") as file:
        file.write(b'{"epoch": 6, "tra')  # the process was killed here
    directory.rewind(3)
    assert directory.read_metrics()[0] == rows[:3]
    assert [json.loads(line) for line in directory.metrics.read_text().splitlines()] == rows[:3]
    directory.rewind(0)
    assert directory.read_metrics()[0] == []


@pytest.mark.parametrize(
    "text", ["", '{"epoch": 1}\n', '{"epoch": 1}\n{"epoch": 3}\n', '{"epoch": 1}\n{"epoch": 2}', "1\n2\n"]
)
def test_missing_rows_are_not_invented(tmp_path: Path, text: str) -> None:
    directory = RunDirectory.create("x", tmp_path / "run")
    directory.metrics.write_text(text)
    with pytest.raises(RunError, match=r"metrics\.jsonl does not"):
        directory.rewind(2)
    assert directory.metrics.read_text() == text
    directory.metrics.unlink()
    with pytest.raises(RunError, match=r"metrics\.jsonl does not"):
        directory.rewind(2)
    assert not directory.metrics.exists()


def test_a_line_that_is_not_a_row_is_refused(tmp_path: Path) -> None:
    directory = RunDirectory.create("x", tmp_path / "run")
    directory.metrics.write_text('{"epoch": 1}\nnonsense\n')
    with pytest.raises(RunError, match="not a row of metrics"):
        directory.read_metrics()


ROWS = [json.dumps({"epoch": epoch, "train_loss": 1 / epoch}).encode() + b"\n" for epoch in range(1, 8)]


@given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 100), st.booleans())
def test_whatever_is_left_of_a_row_is_removed_with_a_note(
    kept: int, more: int, length: int, is_end: bool
) -> None:
    """A row that was written in part has lost its end; what older versions wrote last, its beginning."""
    left = ROWS[6][-length:] if is_end and length else ROWS[6][:length]
    is_broken = 0 < length < len(ROWS[6])
    with tempfile.TemporaryDirectory() as folder, closing(RunDirectory(Path(folder))) as directory:
        directory.metrics.write_bytes(b"".join(ROWS[: kept + more]) + left)
        note = directory.rewind(kept)
        assert directory.metrics.read_bytes() == b"".join(ROWS[:kept])
    assert (note is not None) == is_broken


def test_a_disk_that_is_full_leaves_no_part_of_a_row(tmp_path: Path) -> None:
    """It takes a part of the row first; what it refuses is not written again when the file is closed."""
    directory = RunDirectory.create("x", tmp_path / "run")
    directory.append_metrics({"epoch": 1})
    size = directory.metrics.stat().st_size
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            directory.append_metrics({"epoch": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert directory.metrics.read_bytes() == b'{"epoch": 1}\n'


def test_rows_are_read_on_from_where_the_last_ones_ended(tmp_path: Path) -> None:
    """A row that is just being written is read once it has its end."""
    directory = RunDirectory.create("x", tmp_path / "run")
    assert directory.read_metrics() == ([], 0)
    directory.append_metrics({"epoch": 1})
    first, end = directory.read_metrics()
    with directory.metrics.open("ab") as stream:
        stream.write(b'{"epoch": 2}\n{"epo')
    second, end = directory.read_metrics(end)
    with directory.metrics.open("ab") as stream:
        stream.write(b'ch": 3}\n')
    third, end = directory.read_metrics(end)
    assert [first, second, third] == [[{"epoch": 1}], [{"epoch": 2}], [{"epoch": 3}]]
    assert directory.read_metrics(end) == ([], directory.metrics.stat().st_size)
