"""A verdict says what the numbers support: with few examples it calls differences chance."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mlpcli.training.finished import Row
from mlpcli.training.verdict import judge


def rows(val: Any, train: Any) -> list[Row]:
    """Return rows of metrics with these losses."""
    return [
        Row(
            epoch=i + 1,
            train_loss=t,
            val_loss=v,
            gradient_norm=1.0,
            gradient_norms=[1.0],
            update_ratio=[0.1],
            dead=[],
            saturated=[],
        )
        for i, (v, t) in enumerate(zip(val, train, strict=True))
    ]


FLAT = rows(np.linspace(0.5, 0.2, 50) * 0 + 0.2, np.full(50, 0.2))


def run(losses: list[Row] = FLAT, *, part: str = "test", classes: Any = ("a", "b", "c"), **facts: Any) -> Any:
    """Return what a verdict reads of a run."""
    best = int(np.argmin([row.val_loss or 0 for row in losses])) + 1
    return SimpleNamespace(
        rows=losses,
        held_out=part,
        best_epoch=best,
        is_unfinished=facts.get("unfinished", False),
        checkpoint=SimpleNamespace(epoch=best, classes=classes, may_have_seen=facts.get("seen", False)),
        experiment=SimpleNamespace(
            monitor=facts.get("monitor", "loss"),
            training=SimpleNamespace(epochs=facts.get("epochs", len(losses)), patience=facts.get("patience")),
        ),
    )


def classified(n: int, *right: int, mistakes: Any = ()) -> dict[str, Any]:
    """Return the report of ``n`` examples of each class, of which so many are right."""
    return {
        "n": n * len(right),
        "accuracy": sum(right) / (n * len(right)),
        "classes": [
            {"class": name, "recall": k / n, "support": n} for name, k in zip("abc", right, strict=False)
        ],
        "mistakes": [{"class": a, "predicted": b, "count": k} for a, b, k in mistakes],
        "confusion": None,
    }


def answers(*args: Any) -> dict[str, str]:
    return dict(judge(*args))


def test_it_says_how_many_are_right_and_what_that_is_worth() -> None:
    report = classified(20, 19, 20, 18)
    for part, told in (
        ("test", "used neither to train nor to choose the epoch."),
        ("val", "a little worse"),
        ("train", "No examples are held out"),
    ):
        said = answers(run(part=part), {"train": report, part: report}, {})["How good is it?"]
        assert "classifies 57 of 60" in said
        assert "95.0%" in said
        assert told in said


@pytest.mark.parametrize(
    ("n", "right", "linear", "said"),
    [
        (100, 90, 0.5, "clearly better than a linear model (50.0%)"),
        (10, 9, 0.8, "not clearly better than a linear model (80.0%): with 30 examples, the difference may"),
        (10, 8, 0.9, "not clearly worse than a linear model (90.0%): with 30 examples, the difference may"),
        (100, 50, 0.9, "clearly worse than a linear model (90.0%)"),
        (10, 9, 0.9, "right as often as a linear model (90.0%)"),
    ],
)
def test_differences_that_may_be_chance_are_called_that(n: int, right: int, linear: float, said: str) -> None:
    report = classified(n, right, right, right)
    found = answers(run(), {"train": report, "test": report}, {"linear": {"accuracy": linear}})
    assert said in found["Does it beat simple models?"]


def test_a_rising_validation_loss_is_over_fitting() -> None:
    fall = np.linspace(1, 0.1, 50)
    rise = np.concatenate([np.linspace(1, 0.4, 20), np.linspace(0.4, 0.9, 30)])
    report = classified(20, 19, 19, 19)
    reports = {"train": report, "test": report}
    found = answers(run(rows(rise, fall)), reports, {})
    told = re.search(r"lowest in epoch (\d+), at (0.4), and rises to (0.8\d*)", found["Does it over-fit?"])
    assert told
    assert int(told[1]) == 20
    assert found["Would more training help?"].startswith("No: it over-fits")
    found = answers(run(rows(fall, fall)), reports, {})
    assert found["Does it over-fit?"].startswith("No sign of it")
    assert found["Would more training help?"].startswith("Probably: in the last tenth")
    assert answers(run(FLAT), reports, {})["Would more training help?"].startswith("Hardly")


@pytest.mark.parametrize(("start", "lowest"), [(0.35, 0), (None, 20)])
def test_what_is_said_of_over_and_under_fitting_agrees(start: float | None, lowest: int) -> None:
    """The epoch with the lowest loss is the best one, and no more training is advised."""
    rise = np.concatenate([np.linspace(1, 0.4, 20), np.linspace(0.4, 0.9, 30)])
    of = run(rows(rise, np.linspace(1, 0.1, 50)))
    report = classified(20, 15, 15, 15)
    reports = {"train": report, "test": report}
    if start is not None:
        of.checkpoint.epoch = of.best_epoch = 0
        of.checkpoint.scores = {"val_loss": start}
    found = answers(of, reports, {})
    assert f"in epoch {lowest}, at {start or 0.4}, and" in found["Does it over-fit?"]
    assert found["Does it over-fit?"].endswith(f"This page shows the best epoch, {lowest}.")
    assert found["Does it under-fit?"].startswith(
        "It is wrong on 25.0% of its own training examples, but not"
    )
    assert "weaker" not in found["Does it under-fit?"]
    assert found["Would more training help?"].startswith("No: it over-fits already.")
    of.experiment.monitor = "accuracy"
    assert "the best epoch by accuracy, " in answers(of, reports, {})["Does it over-fit?"]


def test_one_lucky_epoch_is_no_over_fitting() -> None:
    val, train = np.full(60, 0.5), np.linspace(1, 0.1, 60)
    val[20] = 0.3
    report = classified(20, 19, 19, 19)
    found = answers(run(rows(val, train)), {"train": report, "test": report}, {})
    assert found["Does it over-fit?"].startswith("No sign of it")


def test_a_noisy_validation_loss_is_no_over_fitting() -> None:
    rng = np.random.default_rng(0)
    report = classified(20, 19, 19, 19)
    for _ in range(20):
        val = 0.5 + 0.1 * rng.standard_normal(60)
        found = answers(run(rows(val, np.linspace(1, 0.1, 60))), {"train": report, "test": report}, {})
        assert found["Does it over-fit?"].startswith("No sign of it")


def test_training_examples_that_are_clearly_easier_are_learned_by_heart() -> None:
    trained, report = classified(100, 100, 100, 100), classified(50, 40, 40, 40)
    found = answers(run(), {"train": trained, "test": report}, {})
    assert (
        "right on 100.0% of the training examples, but on 80.0% of the test ones"
        in found["Does it over-fit?"]
    )
    few = classified(5, 5, 5, 4, mistakes=[("c", "a", 1)])
    assert "No sign" in answers(run(), {"train": trained, "test": few}, {})["Does it over-fit?"]


def test_a_low_score_on_its_own_examples_is_under_fitting() -> None:
    report = classified(50, 30, 30, 30)
    found = answers(run(), {"train": report, "test": report}, {})
    assert "wrong on 40.0% of its own training examples" in found["Does it under-fit?"]
    good = classified(50, 49, 49, 49)
    assert "Does it under-fit?" not in answers(run(), {"train": good, "test": good}, {})


def test_a_run_that_was_stopped_is_not_finished_and_one_out_of_patience_is() -> None:
    report = classified(20, 19, 19, 19)
    reports = {"train": report, "test": report}
    more = "Would more training help?"
    assert answers(run(epochs=80, unfinished=True), reports, {})[more] == (
        "It is not finished: 50 of 80 epochs are trained; "
        "in the last tenth of the epochs the validation loss did not fall."
    )
    assert "after 7 epochs without a better" in answers(run(epochs=80, patience=7), reports, {})[more]


def test_a_network_that_may_have_seen_the_examples_gets_no_praise() -> None:
    trained, report = classified(100, 99, 99, 99), classified(100, 95, 95, 95)
    baselines = {"linear": {"accuracy": 0.5}}
    for part in ("test", "val"):
        found = answers(run(part=part, seen=True), {"train": trained, part: report}, baselines)
        assert "began with another network, which may have learned some" in found["How good is it?"]
        assert "neither" not in found["How good is it?"]
        assert found["Does it beat simple models?"].startswith("Not known")
    good = answers(run(seen=True), {"train": trained, "test": trained}, baselines)
    assert good["Does it over-fit?"].startswith("Not known")


def test_the_hardest_class_is_named_with_what_it_is_taken_for() -> None:
    report = classified(20, 20, 12, 19, mistakes=[("b", "c", 6), ("b", "a", 2), ("c", "a", 1)])
    found = answers(run(), {"train": report, "test": report}, {})
    assert found["Where is it wrong?"] == (
        "Most often in class b: 8 of its 20 test examples are missed, most of them taken for c."
    )
    none = classified(20, 20, 20, 20)  # the rule of three: 3 / 60
    assert (
        "up to 5.0% of new ones may be wrong"
        in answers(run(), {"train": none, "test": none}, {})["Where is it wrong?"]
    )


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        ([[4, 0, 0], [0, 2, 2], [0, 0, 4]], "of its 4 test examples are missed, all taken for c."),
        ([[4, 0, 0], [1, 2, 1], [0, 0, 4]], "are missed, 1 taken for a and 1 for c."),
        ([[4, 0, 0], [1, 3, 0], [0, 0, 4]], "only mistake: a test example of class b, taken for class a."),
        ([[4, 0, 0], [2, 1, 1], [1, 0, 3]], "3 of its 4 test examples are missed, most of them taken for a."),
        ([[4, 0, 0], [1, 3, 0], [0, 1, 3]], "in classes b and c alike: 25.0% of the test examples of each"),
        ([[3, 1], [0, 4]], "The only mistake: a test example of class a, taken for class b."),
        ([[2, 2], [0, 4]], "in class a: 2 of its 4 test examples are missed."),
    ],
)  # fmt: skip
def test_what_is_said_of_mistakes_is_what_the_confusion_matrix_says(
    matrix: list[list[int]], said: str
) -> None:
    report = classified(4, *(row[i] for i, row in enumerate(matrix))) | {"confusion": matrix}
    found = answers(run(classes=tuple("abc"[: len(matrix)])), {"train": report, "test": report}, {})
    assert said in found["Where is it wrong?"]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (np.linspace(0.3, 0.2, 20), "Probably: in the last tenth"),
        (np.concatenate([np.linspace(0.3, 0.2, 11), np.linspace(0.21, 0.22, 9)]), "falls no longer"),
        (np.concatenate([np.linspace(0.3, 0.1, 10), np.linspace(0.25, 0.2, 10)]), "Hardly"),
    ],
)
def test_more_training_helps_only_where_the_loss_falls_to_the_end(end: Any, said: str) -> None:
    val = np.concatenate([np.linspace(1, 0.4, 80), end])
    report = classified(20, 19, 19, 19)
    losses = rows(val, np.full(100, 0.5))
    assert said in answers(run(losses), {"train": report, "test": report}, {})["Would more training help?"]


def test_weighted_examples_are_shares_and_no_counts() -> None:
    report = classified(20, 20, 12, 19) | {"weighted": True}
    found = answers(run(), {"train": report, "test": report}, {})
    assert found["How good is it?"].startswith(
        "Of 60 test examples it classifies 85.0% correctly, by their weights."
    )
    assert found["Where is it wrong?"] == (
        "Most often in class b: 40.0% of its test examples are missed, by their weights."
    )


def test_a_regression_is_judged_by_its_errors() -> None:
    trained, report = {"n": 90, "rmse": 1.0, "r2": 0.99}, {"n": 30, "rmse": 2.0, "r2": 0.9}
    baselines = {"linear": {"rmse": 2.1}, "mean": {"rmse": 8.0}}
    found = answers(run(classes=None), {"train": trained, "test": report}, baselines)
    assert "RMSE) on 30 test examples is 2; it explains 90.0%" in found["How good is it?"]
    assert "linear model, 2.1, is about the same" in found["Does it beat simple models?"]
    assert "the mean, 8, is 4 times as large" in found["Does it beat simple models?"]
    assert "2 times that on training examples" in found["Does it over-fit?"]
    assert "Where is it wrong?" not in found


def test_large_errors_are_written_with_commas() -> None:
    report = {"n": 30, "rmse": 1445.2, "r2": 0.9}
    found = answers(run(classes=None), {"train": report, "test": report}, {"mean": {"rmse": 8000.0}})
    assert "(RMSE) on 30 test examples is 1,445;" in found["How good is it?"]
    assert "the mean, 8,000, is" in found["Does it beat simple models?"]
