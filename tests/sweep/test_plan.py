"""The settings of a sweep: the same each time, of every kind that can be drawn, and known to Optuna."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlpcli.config.sweeps import SweepConfig, SweepOptions
from mlpcli.sweep.plan import SweepPlan


def plan(folder: Path, *overrides: str, **options: Any) -> SweepPlan:
    (folder / "c.yaml").write_text("data: spiral\n", encoding="utf-8")
    return SweepPlan(SweepConfig(folder / "c.yaml", overrides, SweepOptions(**options)))


def settings(found: SweepPlan) -> list[dict[str, Any] | None]:
    return [found.values(run) for run in range(1, found.runs + 1)]


def test_a_grid_has_each_combination_and_each_of_them_every_seed(tmp_path: Path) -> None:
    found = plan(tmp_path, grid=["model.hidden=[[3], [6]]", "training.batch_size=[8, 16]"], seeds=2)
    pairs = [(values["model.hidden"], values["training.batch_size"]) for values in settings(found) if values]
    assert pairs[::2] == [([3], 8), ([3], 16), ([6], 8), ([6], 16)]
    assert pairs[::2] == pairs[1::2]
    assert [found.training_seed(run) for run in range(1, 5)] == [0, 1, 0, 1]
    made = found.experiment(4, found.values(4) or {})
    assert (made.training.batch_size, made.training.seed) == (16, 1)
    assert [layer.units for layer in made.model.hidden] == [3]


def test_what_is_drawn_is_in_its_range_and_the_same_each_time(tmp_path: Path) -> None:
    sample = [
        "optimizer.learning_rate=log(1e-4, 1e-1)",
        "model.dropout=uniform(0, 0.5)",
        "training.epochs=int(1, 3)",
        "training.batch_size=log_int(2, 64)",
        "model.activation=[relu, tanh]",
    ]
    found = plan(tmp_path, sample=sample, trials=300)
    drawn = [values for values in settings(found) if values]
    assert drawn == settings(plan(tmp_path, sample=sample, trials=300))
    assert drawn[:10] == settings(plan(tmp_path, sample=sample, trials=10))  # more trials change none
    assert drawn != settings(plan(tmp_path, "training.seed=1", sample=sample, trials=300))
    columns = {key: [values[key] for values in drawn] for key in found.sweep.space}
    rates, sizes = columns["optimizer.learning_rate"], columns["training.batch_size"]
    assert min(rates) >= 1e-4
    assert max(rates) <= 1e-1
    assert 100 < sum(rate < 10**-2.5 for rate in rates) < 200  # half of the factors
    assert set(columns["training.epochs"]) == {1, 2, 3}
    assert {2, 64} < set(sizes) <= set(range(2, 65))
    assert 100 < sum(size <= 11 for size in sizes) < 200
    assert set(columns["model.activation"]) == {"relu", "tanh"}
    assert all(0 <= rate <= 0.5 for rate in columns["model.dropout"])


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ({"sample": ["model.hidden=int(1, 9)"]}, 9),
        ({"sample": ["model.hidden=int(1, 9)"], "trials": 5}, 5),
        ({"sample": ["model.hidden=log_int(1, 100)", "model.activation=[relu, tanh]"], "trials": 150}, 150),
        ({"grid": ["regularization.l2=[0, 1]"], "sampler": "random", "seeds": 2}, 4),
    ],
)
def test_no_setting_is_drawn_twice(tmp_path: Path, options: dict[str, Any], runs: int) -> None:
    found = plan(tmp_path, **options)
    drawn = settings(found)
    assert len(drawn) == runs
    assert len({str(values) for values in drawn}) == runs / options.get("seeds", 1)
    assert drawn[::-1] == [plan(tmp_path, **options).values(run) for run in range(runs, 0, -1)]


def test_values_go_to_optuna_and_come_back(tmp_path: Path) -> None:
    options = {
        "grid": ["model.hidden=[[3], [6, {units: 2}]]", "training.patience=[null, 3]"],
        "sample": ["model.dropout=uniform(0, 0.5)"],
        "trials": 5,
    }
    found = plan(tmp_path, **options)
    known = found.distributions()
    for values in settings(found):
        assert values is not None
        parameters = found.parameters(values)
        for key, value in parameters.items():
            assert known[key].to_external_repr(known[key].to_internal_repr(value)) == value
        assert found.from_parameters(parameters) == values


def test_two_machines_have_the_same_sweep_wherever_their_files_are(tmp_path: Path) -> None:
    def of_folder(name: str, *overrides: str) -> dict[str, Any]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "c.yaml").write_text("data: {name: csv, path: d.csv, target: y}\n", encoding="utf-8")
        options = SweepOptions(grid=["training.epochs=[1, 2]"])
        return SweepPlan(SweepConfig(folder / "c.yaml", overrides, options)).fingerprint()

    assert of_folder("one") == of_folder("two")
    assert of_folder("one") != of_folder("two", "training.batch_size=1")


@pytest.mark.parametrize(("optimizer", "is_same"), [("adam", True), ("adamw", False)])
def test_a_sweep_of_a_config_with_the_former_default_goes_on_if_it_is_in_force(
    optimizer: str, *, is_same: bool, tmp_path: Path
) -> None:
    open_, former = (
        plan(tmp_path, f"optimizer={optimizer}", *given, seeds=2).fingerprint()
        for given in ([], ["regularization.l2=1e-4"])
    )
    assert (open_ == former) is is_same


@pytest.mark.parametrize("seeds", [1, 3])
def test_runs_of_a_setting_share_the_seed_of_their_sampler(tmp_path: Path, seeds: int) -> None:
    found = plan(tmp_path, grid=["training.epochs=[1, 2, 3, 4]"], sampler="tpe", trials=4, seeds=seeds)
    assert settings(found) == [None] * 4 * seeds
    first = [found.first_run(run) for run in range(1, found.runs + 1)]
    assert first == [number * seeds + 1 for number in range(4) for _ in range(seeds)]
    assert len({found.seed(run) for run in first}) == 4
