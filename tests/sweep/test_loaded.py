"""Data that several runs share: read once, divided for each, and fitted by the baselines once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.build.readers import load_data
from mlpcli.build.splits import load_splits
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment
from mlpcli.sweep.loaded import LoadedData
from mlpcli.training import baselines
from mlpcli.training.run import Run


@pytest.fixture
def table(tmp_path: Path) -> Path:
    lines = "".join(f"{i},{i * 7 % 11},{'ab'[i * i % 3 % 2]}\n" for i in range(60))
    (tmp_path / "data.csv").write_text(f"a,b,y\n{lines}", encoding="utf-8")
    return tmp_path


def experiment(folder: Path, **sections: Any) -> Experiment:
    data = {"name": "csv", "path": "data.csv", "target": "y", **sections.pop("data", {})}
    return validate_experiment({"data": data, "model": {"hidden": [3]}, **sections}, folder)


def test_a_file_is_read_once_and_divided_by_each_seed(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr("mlpcli.sweep.loaded.load_data", lambda each: read.append(each) or load_data(each))
    loaded = LoadedData()
    each = [experiment(table, training={"seed": seed}) for seed in range(3)]
    for one in each:
        ours, theirs = loaded.splits(one, force_memory=False), load_splits(one)
        assert ours.fingerprint == theirs.fingerprint
        for part, split in theirs.parts.items():
            np.testing.assert_array_equal(ours.parts[part].rows, split.rows)
    assert len(read) == 1
    loaded.keep_for(each[:1])
    assert loaded.splits(each[0], force_memory=False) is loaded.splits(each[0], force_memory=False)
    other = experiment(table, data={"scaling": "range"})
    loaded.keep_for([other])
    loaded.splits(other, force_memory=False)
    assert len(read) == 2


def test_runs_with_the_same_data_share_their_baselines(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = []
    fit = baselines.fit_baselines
    monkeypatch.setattr("mlpcli.training.run.fit_baselines", lambda *args: fitted.append(args) or fit(*args))
    loaded = LoadedData()
    sections: list[dict[str, Any]] = [
        {},
        {"regularization": {"l2": 0.1}},
        {"training": {"seed": 1}},
        {"loss": {"name": "cross_entropy", "class_weights": "balanced"}},
    ]
    runs = []
    for each in sections:
        one = experiment(table, **each)
        runs.append(Run(one, loaded.splits(one, force_memory=False)))
        loaded.share_baselines(runs[-1])
    assert len(fitted) == 3
    assert runs[0].baselines is runs[1].baselines
