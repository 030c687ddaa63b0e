"""What a run will begin with is found without training, and the data are read only if they must be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlpcli.config.loader import parse_experiment
from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError, DataError
from mlpcli.machine import Available
from mlpcli.training import memory
from mlpcli.training.plan import plan_run

CSV = "a,b,kind\n" + "".join(f"{2 * i},{i % 3},{'xyz'[i % 3]}\n" for i in range(30))


def read(text: str, folder: Path) -> Experiment:
    return parse_experiment(text, "c.yaml", folder, [])


def test_what_the_config_tells_is_not_looked_up() -> None:
    data = "data: {name: csv, path: missing.csv, target: y}\nloss: hinge\n"
    experiment = read(data + "model: {hidden: [4], inputs: 3, outputs: 2}", Path())
    assert plan_run(experiment) == (experiment, (3, 4, 2), None, None, None)


def test_a_loss_that_is_left_out_is_chosen_by_the_data(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(CSV)
    sizes = "model: {hidden: [4], inputs: 1, outputs: 1}"
    plan = plan_run(read("data: {name: csv, path: t.csv, target: a, features: [b]}\n" + sizes, tmp_path))
    assert plan.experiment.loss.name == "mse"
    assert plan.note is not None
    assert plan.note.startswith("loss: mse, since 'a' holds 30 different numbers.")


def test_a_csv_file_is_read_for_its_features_and_classes(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(CSV)
    plan = plan_run(read("data: {name: csv, path: t.csv, target: kind}\nmodel: {hidden: [5]}", tmp_path))
    assert plan.widths == (2, 5, 3)
    assert plan.data is not None
    assert (plan.data.inputs, plan.data.outputs) == (2, 3)


def test_an_npz_file_is_read_for_its_features_and_values(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "t.npz",
        X=np.ones((20, 4, 2)) * np.arange(20)[:, None, None],
        y=np.arange(60).reshape(20, 3),
    )
    plan = plan_run(read("data: {name: npz, path: t.npz}\nloss: mse\nmodel: {hidden: [5]}", tmp_path))
    assert plan.widths == (8, 5, 3)


def test_data_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.csv"):
        plan_run(read("data: {name: csv, path: missing.csv, target: y}", tmp_path))


def test_data_that_do_not_fit_into_memory_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text(CSV)
    monkeypatch.setattr(memory, "available_memory", lambda: Available(50_000_000, "this machine"))
    with pytest.raises(ConfigError, match=r"reading the data would take .* this machine has 50 MB left"):
        plan_run(read("data: {name: csv, path: t.csv, target: kind}", tmp_path))
