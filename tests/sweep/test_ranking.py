"""The settings of a sweep are ranked by its table."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mlpcli.errors import RunError, UsageError
from mlpcli.sweep.ranking import finished_rows, rank_sweep, why_not_ranked
from mlpcli.sweep.record import Status, SweepRecord, SweepRow


def row(
    run: int, rate: float, seed: int, score: float | None, status: Status = "finished", **more: Any
) -> SweepRow:
    best = {"val_loss": score} if score is not None else {}
    values = {"optimizer.learning_rate": rate, **more}
    return SweepRow(run, status, seed, values, 3, best, best, 1.0, f"run-{run}")


def record(*rows: SweepRow) -> SweepRecord:
    return SweepRecord(tuple(rows[0].values), ("val_loss", "train_loss"), list(rows))


SCORES = {0.1: [0.3, 0.5, 0.4], 0.01: [0.31, 0.52, 0.43], 1.0: [0.9, 0.8, 0.7]}
ROWS = [
    row(3 * i + seed + 1, rate, seed, score)
    for i, (rate, scores) in enumerate(SCORES.items())
    for seed, score in enumerate(scores)
]


def test_settings_are_groups_of_seeds_and_a_lower_loss_is_better() -> None:
    found = rank_sweep(record(*ROWS))
    assert (found.score, found.keys, found.notes) == ("val_loss", ["optimizer.learning_rate"], [])
    assert [group.values["optimizer.learning_rate"] for group in found.groups] == [0.1, 0.01, 1.0]
    assert [group.mean for group in found.groups] == pytest.approx([0.4, 0.42, 0.8])
    assert found.contrasts[0].interval is not None
    assert found.contrasts[0].pairs == 3


def test_settings_without_a_finished_run_are_counted() -> None:
    others = [
        row(20, 5.0, 0, None, "failed"),
        row(21, 5.0, 1, None, "failed"),
        row(22, 6.0, 0, 0.1, "pruned"),
    ]
    assert rank_sweep(record(*ROWS)).unranked == 0
    assert rank_sweep(record(*ROWS, *others)).unranked == 2


def test_the_best_result_need_not_be_of_the_best_group() -> None:
    group, result = rank_sweep(record(*ROWS)).best
    assert (group.name, result.name, result.score) == ("A", "run 1", 0.3)
    group, result = rank_sweep(record(*ROWS, row(20, 1.0, 3, 0.2))).best
    assert (group.name, result.name, result.score) == ("C", "run 20", 0.2)


def test_the_order_of_rows_does_not_matter() -> None:
    shuffled = list(ROWS)
    random.Random(2).shuffle(shuffled)
    assert rank_sweep(record(*shuffled)) == rank_sweep(record(*ROWS))


def test_runs_that_did_not_finish_count_in_no_mean_and_are_told() -> None:
    others = [
        row(20, 0.1, 7, 0.0001, "pruned"),
        row(21, 5.0, 0, None, "failed"),
        row(22, 0.1, 8, None),
    ]
    found = rank_sweep(record(*ROWS, *others))
    assert [len(group.results) for group in found.groups] == [3, 3, 3]
    assert found.notes == [
        "1 of 12 runs failed and count in no mean, as run 21.",
        "1 of 12 runs lay behind and were ended early; they count in no mean.",
    ]
    assert len(finished_rows(record(*ROWS, *others))) == 9


def test_a_swept_loss_is_told() -> None:
    rows = [row(i, 0.1, 0, 0.5, **{"loss.name": name}) for i, name in enumerate(("mse", "huber"))]
    assert rank_sweep(record(*rows)).notes == [
        "loss.name is swept, so the losses measure other things; monitor another score."
    ]
    rows = [row(i, 0.1, 0, 0.5, **{"data.val_size": size}) for i, size in enumerate((0.1, 0.2))]
    assert rank_sweep(record(*rows)).notes[0].startswith("data.val_size differs: the groups are scored on")


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        (
            "data.target",
            ("bought", "city"),
            "scores of other targets cannot be compared; sweep each by itself",
        ),
        ("data.target", (["a", "b"], "b"), "data.target differs"),
        ("data.path", ("one.csv", "two.csv"), "scores on other data cannot be compared"),
        ("data.name", ("moons", "circles"), "scores on other data cannot be compared"),
    ],
)
def test_other_data_and_other_targets_are_not_ranked(
    key: str, values: tuple[Any, ...], expected: str
) -> None:
    rows = [row(i, 0.1, 0, 0.5, **{key: value}) for i, value in enumerate(values)]
    with pytest.raises(UsageError, match=expected):
        rank_sweep(record(*rows))
    assert why_not_ranked(record(*rows)) is not None
    same = [row(i, 0.1, i, 0.5, **{key: values[0]}) for i in range(2)]
    assert why_not_ranked(record(*same)) is None
    assert len(rank_sweep(record(*same)).groups) == 1


def test_two_runs_have_to_be_finished() -> None:
    with pytest.raises(RunError, match="1 run of the sweep finished with a score"):
        rank_sweep(record(ROWS[0], row(9, 0.1, 5, None, "failed")))
    with pytest.raises(RunError, match="0 runs of the sweep"):
        rank_sweep(SweepRecord((), (), []))
