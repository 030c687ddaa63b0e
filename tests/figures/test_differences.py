"""The keys in which runs differ name them, and become the rows and columns of a contact sheet."""

from __future__ import annotations

from collections.abc import Callable

from mlpcli.figures.differences import arrange, find_differences, find_repeats, name_runs
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]
SHORT = "training.epochs=2"


def test_keys_that_differ_are_found_except_irrelevant_ones(finished: Finish) -> None:
    runs = [
        finished("moons", SHORT, "training.seed=1"),
        finished("moons", SHORT, "training.seed=2", "training.snapshots=2"),
    ]
    assert find_differences(runs) == {"training.seed": [1, 2]}
    assert name_runs(runs) == ["seed 1", "seed 2"]


def test_runs_of_one_config_have_the_names_of_their_folders(finished: Finish) -> None:
    runs = [finished("moons", SHORT), finished("moons", SHORT)]
    assert name_runs(runs) == ["moons", "moons"]


def test_runs_that_differ_in_many_keys_have_the_names_of_their_folders(finished: Finish) -> None:
    many = ("training.seed=5", "training.batch_size=8", "model.hidden=[3]", "optimizer.learning_rate=0.2")
    same = [finished("moons", SHORT), finished("moons", SHORT, *many)]
    assert name_runs(same)[0].startswith("moons: hidden")  # folders with one name are told apart by the keys
    other = [finished("moons", SHORT), finished("circles", SHORT, *many)]
    assert name_runs(other) == ["moons", "circles"]


def test_l2_is_named_as_it_is_in_force_and_not_where_it_follows_from_the_optimizer(finished: Finish) -> None:
    adam, adamw, same, weak = (
        finished("circles", SHORT, *overrides)
        for overrides in (
            ["optimizer=adam"],
            ["optimizer=adamw"],
            ["optimizer=adam", "regularization.l2=1e-4"],
            ["optimizer=adam", "regularization.l2=1e-5"],
        )
    )
    assert name_runs([adam, adamw]) == ["optimizer adam", "optimizer adamw"]
    assert find_differences([adam, same]) == {}
    assert name_runs([adam, weak]) == ["l2 0.0001", "l2 1e-05"]


def test_two_keys_are_rows_and_columns_in_the_order_of_the_runs(finished: Finish) -> None:
    made = {
        (rate, seed): finished("moons", SHORT, f"optimizer.learning_rate={rate}", f"training.seed={seed}")
        for rate in (0.1, 0.01)
        for seed in (3, 1, 2)
    }
    sheet = arrange(list(made.values()))
    assert (sheet.rows, sheet.columns) == (2, 3)
    assert sheet.row_names == ["learning_rate 0.1", "learning_rate 0.01"]
    assert sheet.column_names == ["seed 3", "seed 1", "seed 2"]
    assert dict(zip(made, sheet.places, strict=True)) == {
        (rate, seed): ([0.1, 0.01].index(rate), [3, 1, 2].index(seed)) for rate, seed in made
    }


def test_two_runs_with_the_same_values_have_different_places(finished: Finish) -> None:
    runs = [
        finished("moons", SHORT, f"optimizer.learning_rate={rate}", f"training.seed={seed}")
        for rate, seed in ((0.1, 1), (0.01, 2), (0.1, 1))
    ]
    sheet = arrange(runs)
    assert len(set(sheet.places)) == 3
    assert sheet.row_names == []


def test_two_runs_that_differ_in_two_keys_have_names_instead_of_half_a_table(finished: Finish) -> None:
    runs = [
        finished("moons", SHORT, f"optimizer.learning_rate={rate}", f"training.seed={seed}")
        for rate, seed in ((0.1, 1), (0.01, 2))
    ]
    sheet = arrange(runs)
    assert (sheet.rows, sheet.columns, sheet.row_names, sheet.column_names) == (1, 2, [], [])
    assert sheet.titles == ["learning_rate 0.1, seed 1", "learning_rate 0.01, seed 2"]


def test_runs_stay_in_the_order_in_which_they_are_given(finished: Finish) -> None:
    runs = [finished("moons", SHORT, f"training.seed={seed}") for seed in (2, 3, 1)]
    sheet = arrange(runs)
    assert (sheet.rows, sheet.columns) == (1, 3)
    assert sheet.places == [(0, 0), (0, 1), (0, 2)]
    assert sheet.titles == ["seed 2", "seed 3", "seed 1"]


def test_folds_are_called_folds(finished: Finish) -> None:
    runs = [finished("iris", f"data.fold={{number: {k}, of: 3}}", "training.epochs=1") for k in (1, 2)]
    assert name_runs(runs) == ["fold 1", "fold 2"]


def test_runs_that_differ_in_seeds_or_folds_are_repeats(finished: Finish) -> None:
    def run(rate: float, seed: int) -> FinishedRun:
        return finished("moons", SHORT, f"optimizer.learning_rate={rate}", f"training.seed={seed}")

    runs = [run(rate, seed) for seed in (3, 1, 2) for rate in (0.1, 0.01)]
    assert [(group.name, group.positions) for group in find_repeats(runs)] == [
        ("learning_rate 0.1 (3 seeds)", [0, 2, 4]),
        ("learning_rate 0.01 (3 seeds)", [1, 3, 5]),
    ]
    assert [group.name for group in find_repeats(runs[::2])] == ["3 seeds"]
    assert find_repeats(runs[:5]) == []  # two have no spread to speak of
    assert find_repeats([run(rate, 1) for rate in (0.1, 0.01, 0.001)]) == []
    folds = [finished("iris", f"data.fold={{number: {k}, of: 3}}", "training.epochs=1") for k in (1, 2, 3)]
    assert [group.name for group in find_repeats(folds)] == ["3 folds"]
