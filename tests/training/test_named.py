"""A run is named by its directory or by a checkpoint, for every command in one way."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.errors import CheckpointError, NoCheckpointError
from mlpcli.training.checkpoints.reading import load_checkpoint
from mlpcli.training.named import find_checkpoint, is_run, runs_in

FILES = {
    "configs/moons.yaml": "data: moons",
    "configs/new.yaml": "data: moons",
    "runs/moons/config.yaml": "data: moons",
    "runs/moons/best.npz": "PK",
    "runs/moons/snapshots/epoch-0001.npz": "PK",
    "runs/moons-2/config.yaml": "data: moons",
    "runs/folds/folds.json": "{}",
    "runs/folds/folds.npz": "PK",
    "runs/begun/folds.json": "{}",
    "runs/notes.txt": "",
    "kept/best": "PK",
    "a.csv": "x,y",
}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("runs/moons", "runs/moons/best.npz"),
        ("runs/folds", "runs/folds/folds.npz"),
        ("runs/moons/best.npz", "runs/moons/best.npz"),
        ("runs/moons/snapshots/epoch-0001.npz", "runs/moons/snapshots/epoch-0001.npz"),
        ("kept/best", "kept/best"),
    ],
)
def test_a_run_or_a_checkpoint_is_found(named: str, found: str) -> None:
    assert find_checkpoint(Path(named)) == Path(found)


ONE = "name the directory of a run, as in runs/spiral, or a checkpoint in it"
REFUSED = {
    "runs/moons-2": "runs/moons-2 has no best.npz yet: no epoch has been finished",
    "runs/begun": "runs/begun has no folds.npz yet: not all of its folds are trained",
    "runs": "runs is not the directory of a run: it has no config.yaml; it holds "
    "runs/begun, runs/folds, runs/moons, runs/moons-2: name one of them",
    "configs": f"configs is not the directory of a run: it has no config.yaml; {ONE}",
    "runs/moons/config.yaml": "runs/moons/config.yaml is not a checkpoint; name its run, runs/moons",
    "configs/moons.yaml": "configs/moons.yaml is a config, not a run; its last run is runs/moons-2",
    "configs/new.yaml": f"configs/new.yaml is a config, not a run; {ONE}",
    "a.csv": f"a.csv is not a run or a checkpoint; {ONE}",
    "moons": "moons: there is no such run or checkpoint; did you mean runs/moons?",
    "runs/mons": "runs/mons: there is no such run or checkpoint; did you mean runs/moons?",
    "mons": "mons: there is no such run or checkpoint; did you mean runs/moons?",
    "runs/moons/bets.npz": "runs/moons/bets.npz: there is no such run or checkpoint; "
    "did you mean runs/moons/best.npz?",
    "zzz/zzz": f"zzz/zzz: there is no such run or checkpoint; {ONE}",
    "a.csv/zzz": f"a.csv/zzz: there is no such run or checkpoint; {ONE}",
}


@pytest.mark.parametrize("named", REFUSED)
def test_what_is_neither_is_told_apart(named: str) -> None:
    with pytest.raises(NoCheckpointError) as caught:
        find_checkpoint(Path(named))
    assert str(caught.value) == REFUSED[named]
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, CheckpointError)


def test_a_network_that_comes_with_mlp_is_found_by_its_name_where_no_file_has_it() -> None:
    found = find_checkpoint(Path("cifar10/small"))
    assert found.parts[-3:] == ("configs", "cifar10", "small.npz")
    assert load_checkpoint(found).experiment.data.name == "cifar10"
    own = Path("cifar10/small/best.npz")
    own.parent.mkdir(parents=True)
    (own.parent / "config.yaml").touch()
    own.touch()
    assert find_checkpoint(own.parent) == own


def test_a_path_that_no_system_takes_is_left_to_the_reader() -> None:
    for name in ("a\0b", "x" * 5000):
        assert find_checkpoint(Path(name)) == Path(name)


def test_runs_in_a_folder() -> None:
    assert is_run(Path("runs/moons"))
    assert not is_run(Path("runs"))
    assert [path.name for path in runs_in(Path("runs"))] == ["begun", "folds", "moons", "moons-2"]
