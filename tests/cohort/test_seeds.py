"""The runs of several seeds: what they leave, together and one by one, and how they go on."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest

from mlpcli.cohort.seeds import Seeds, SeedsRecord, read_seeds
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError, RunError, UsageError
from mlpcli.training.directory import NotWrittenError, RunDirectory, SeedsDirectory
from mlpcli.training.loop import Trainer
from mlpcli.training.start import take_folder, train_run

SCORES = ("loss", "accuracy")


def experiment(**training: Any) -> Experiment:
    config = {
        "data": {"name": "moons", "points": 60},
        "model": {"hidden": [4]},
        "training": {"epochs": 3, "batch_size": 8, **training},
    }
    return validate_experiment(config, Path())


def train(config: Experiment, n: int | None, out: Path, **options: Any) -> SeedsRecord:
    directory = take_folder(SeedsDirectory, "", out, resume=True)
    try:
        trained = Seeds(config, n, directory, **options)
        for _ in trained.waves.train():
            pass
        return trained.finish()
    finally:
        directory.close()


def arrays(file: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in np.load(file).items()}


def test_each_run_is_that_of_its_seed_alone(tmp_path: Path) -> None:
    config = experiment(seed=5)
    record = train(config, 3, tmp_path / "all")
    assert [(row.run, row.seed) for row in record.rows] == [("seed-5", 5), ("seed-6", 6), ("seed-7", 7)]
    for row in record.rows:
        alone = tmp_path / f"alone-{row.seed}"
        run = train_run(experiment(seed=row.seed), RunDirectory.create("", alone))
        folder = tmp_path / "all" / row.run
        assert {file.name for file in folder.iterdir()} == {file.name for file in alone.iterdir()}
        assert (folder / "config.yaml").read_bytes() == (alone / "config.yaml").read_bytes()
        for name in ("best.npz", "last.npz"):
            assert arrays(folder / name) == arrays(alone / name)
        assert row.scores == run.score_best()
        assert (row.epochs, row.best_epoch) == (3, run.trainer.progress.best_epoch)


def test_mean_and_spread_are_those_of_the_scores(tmp_path: Path) -> None:
    train(experiment(), 4, tmp_path)
    record = read_seeds(tmp_path / "seeds.json")
    assert record.mean is not None
    assert record.std is not None
    for split in ("train", "val", "test"):
        for name in SCORES:
            values = [row.scores[split][name] for row in record.rows]
            known = [value for value in values if value is not None]
            assert record.mean[split][name] == pytest.approx(fmean(known))
            assert record.std[split][name] == pytest.approx(stdev(known))


def test_they_go_on_and_grow_without_training_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(experiment(epochs=4), 3, tmp_path / "whole")
    directory = take_folder(SeedsDirectory, "", tmp_path / "parts", resume=True)
    trained = Seeds(experiment(epochs=4), 2, directory)
    for number, _ in enumerate(trained.waves.train(), start=1):
        if number == 3:
            trained.waves.stop()
    assert trained.record.rows == []
    directory.close()
    train(experiment(epochs=4), None, tmp_path / "parts")
    begun = []
    begin = Trainer.begin
    monkeypatch.setattr(Trainer, "begin", lambda self, number: begun.append(self.seed) or begin(self, number))
    assert train(experiment(epochs=4), 3, tmp_path / "parts") == whole
    assert set(begun) == {2}


def test_a_seed_that_diverges_is_kept_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Trainer.begin

    def spoil(self: Trainer, number: int) -> Any:
        if self.seed == 1 and number == 2:
            self.network.parameters.values[...] = np.nan
        return begin(self, number)

    monkeypatch.setattr(Trainer, "begin", spoil)
    record = train(experiment(), 3, tmp_path)
    messages = [row.message for row in record.rows]
    assert messages[0] is messages[2] is None
    assert messages[1] is not None
    assert "diverged" in messages[1]
    assert record.mean is not None
    assert record.mean["val"]["loss"] == pytest.approx(
        fmean(row.scores["val"]["loss"] or 0 for row in record.rows if not row.message)
    )
    assert train(experiment(), None, tmp_path) == record  # it would only diverge again


def test_a_full_disk_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: RunDirectory, row: dict[str, Any]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunDirectory, "append_metrics", refuse)
    with pytest.raises(NotWrittenError, match="No space left"):
        train(experiment(), 2, tmp_path)


def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="leaves no room for 3 seeds"):
        train(experiment(seed=2**32 - 2), 3, tmp_path / "new")
    with pytest.raises(UsageError, match="from 2 to 1,000"):
        train(experiment(), 1, tmp_path / "new")
    assert not list((tmp_path / "new").glob("*.json"))
    train(experiment(), 3, tmp_path / "old")
    before = (tmp_path / "old" / "seeds.json").read_bytes()
    with pytest.raises(UsageError, match="holds runs of 3 seeds; for 2"):
        train(experiment(), 2, tmp_path / "old")
    with pytest.raises(ConfigError, match=r"training\.batch_size: 8 at the start, now 4"):
        train(experiment(batch_size=4), 3, tmp_path / "old")
    assert (tmp_path / "old" / "seeds.json").read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", '{"rows": 3}', "[" * 100_000], ids=range(4))
def test_a_record_of_a_stranger_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "seeds.json").write_text(text)
    with pytest.raises(RunError, match="is not what runs of several seeds have written"):
        read_seeds(tmp_path / "seeds.json")


def test_seeds_keep_the_points_and_the_split_that_have_seeds_of_their_own(tmp_path: Path) -> None:
    config = {
        "data": {"name": "moons", "points": 60, "points_seed": 3, "split_seed": 4},
        "model": {"hidden": [4]},
        "training": {"epochs": 1},
    }
    directory = take_folder(SeedsDirectory, "", tmp_path, resume=True)
    trained = Seeds(validate_experiment(config, Path()), 2, directory)
    rows = [
        (run.splits.train.X.tobytes(), run.splits.train.rows.tobytes()) for run, _ in trained.waves.train()
    ]
    assert rows[0] == rows[1]
    assert json.loads((tmp_path / "seeds.json").read_text())["config"]["data"]["split_seed"] == 4
    directory.close()
