"""Groups of results: who is in which, their order, and the verdict on their differences."""

from __future__ import annotations

import random

import pytest

from mlpcli.sweep.groups import Contrast, Result, contrast, group_results


def result(score: float, seed: int, hidden: int = 1, **others: object) -> Result:
    keys = {"model.hidden": [hidden], "training.seed": seed, **others}
    return Result(f"run-{hidden}-{seed}", keys, score, {"val_accuracy": score})


def results(**scores: list[float]) -> list[Result]:
    """Return a result for each score of groups that are called h1, h2 and so on; seeds are 0, 1, 2, ..."""
    return [
        result(score, seed, int(name[1:]))
        for name, values in scores.items()
        for seed, score in enumerate(values)
    ]


def compare(found: list[Result]) -> list[Contrast]:
    return contrast(group_results(found, higher_is_better=True)[1])


def test_groups_differ_in_keys_and_their_results_in_seeds() -> None:
    keys, groups, twice = group_results(results(h3=[0.5, 0.7], h20=[0.8, 0.9, 1.0]), higher_is_better=True)
    assert (keys, twice) == (["model.hidden"], [])
    assert [(group.name, group.values, len(group.results)) for group in groups] == [
        ("A", {"model.hidden": [20]}, 3),
        ("B", {"model.hidden": [3]}, 2),
    ]
    assert [group.mean for group in groups] == pytest.approx([0.9, 0.6])
    assert groups[0].spread == pytest.approx(0.1)
    assert groups[1].mean_beside("val_accuracy") == pytest.approx(0.6)
    assert groups[1].mean_beside("val_f1") is None


def test_folds_and_other_seeds_repeat_a_training_too() -> None:
    found = [result(0.5, 0, **{"data.fold.number": k, "data.seed": k}) for k in (1, 2)]
    keys, groups, _ = group_results(found, higher_is_better=True)
    assert (keys, len(groups), len(groups[0].results)) == ([], 1, 2)


def test_where_lower_is_better_the_lowest_is_first() -> None:
    _, groups, _ = group_results(results(h1=[0.5], h2=[0.1]), higher_is_better=False)
    assert groups[0].values == {"model.hidden": [2]}


def test_the_same_training_counts_once() -> None:
    one = result(0.5, 0)
    copy = Result("zz", one.keys, 0.5, {})
    _, groups, twice = group_results([copy, one], higher_is_better=True)
    assert twice == [(one, copy)]
    assert len(groups[0].results) == 1


def test_the_order_of_results_does_not_matter() -> None:
    found = results(h1=[0.5, 0.6, 0.4], h2=[0.5, 0.9, 0.4], h3=[0.5], h4=[0.5, 0.6, 0.4], h5=[0.1, 0.2])
    expected = compare(found)
    for seed in range(5):
        random.Random(seed).shuffle(found)
        assert compare(found) == expected


def test_pairs_are_of_equal_seeds() -> None:
    """The seeds differ far more than the groups: in pairs that is no matter."""
    (one,) = compare(results(h1=[0.11, 0.52, 0.93], h2=[0.10, 0.50, 0.92]))
    assert one.interval is not None
    assert (one.pairs, one.verdict) == (3, "not told apart")
    assert one.value == pytest.approx(0.04 / 3)
    (one,) = compare(results(h1=[0.12, 0.52, 0.93, 0.34], h2=[0.10, 0.50, 0.92, 0.32]))
    assert one.interval is not None
    assert (one.pairs, one.verdict) == (4, "larger")
    assert (one.a.name, one.b.name) == ("A", "B")


@pytest.mark.parametrize(
    ("seeds", "pairs"),
    [
        ([0, 1, 2], 3),
        ([0, 1], 2),  # all of the smaller group
        ([1, 2, 3, 9], 3),  # three agree
        ([3, 8, 9], None),
        ([7, 8, 9], None),
    ],
)
def test_pairs_are_taken_if_three_seeds_agree_or_all_of_a_group(seeds: list[int], pairs: int | None) -> None:
    first = [result(0.5 + seed**2 / 100, seed, 1) for seed in range(4)]
    (one,) = compare([*first, *(result(0.5 - seed / 100, seed, 2) for seed in seeds)])
    assert one.interval is not None
    assert one.pairs == pairs


def test_verdicts_without_an_interval() -> None:
    for scores, expected in (
        ({"h1": [0.9], "h2": [0.5]}, "one run"),
        ({"h1": [0.9, 0.8, 0.7], "h2": [0.5]}, "one run"),
        ({"h1": [0.9, 0.8], "h2": [0.8, 0.7]}, "no spread"),
        ({"h1": [0.9, 0.8], "h2": [0.9, 0.8]}, "equal"),
    ):
        (one,) = compare(results(**scores))
        assert (one.interval, one.verdict) == (None, expected)
    ours = [result(0.9, seed, 1) for seed in (0, 1)] + [result(0.9, seed, 2) for seed in (2, 3)]
    (one,) = compare(ours)
    assert one.verdict == "equal"


def test_up_to_three_groups_are_compared_each_with_each_and_more_with_the_best() -> None:
    scores = {f"h{i}": [0.9 - i / 100 + seed * i / 1000 for seed in range(3)] for i in range(1, 6)}
    three = compare(results(**dict(list(scores.items())[:3])))
    assert [(one.a.name, one.b.name) for one in three] == [("A", "B"), ("A", "C"), ("B", "C")]
    five = compare(results(**scores))
    assert [(one.a.name, one.b.name) for one in five] == [("A", "B"), ("A", "C"), ("A", "D"), ("A", "E")]


def test_one_of_many_comparisons_may_be_by_chance() -> None:
    alone = {"h1": [0.90, 0.92, 0.94, 0.97], "h2": [0.87, 0.88, 0.93, 0.93]}
    (one,) = compare(results(**alone))
    assert one.interval is not None
    assert 0.01 < one.interval.p < 0.05
    assert one.verdict == "larger"
    worse = {f"h{i}": [0.1 - i / 50, 1.5 - i / 50, 0.4, 1.0] for i in range(3, 10)}
    many = compare(results(**alone, **worse))
    assert many[0].verdict == "by chance"
    assert many[0].interval == one.interval


def test_a_difference_without_a_spread_is_one_of_those_that_are_judged_together() -> None:
    alone = {"h1": [0.90, 0.92, 0.94, 0.97], "h2": [0.87, 0.88, 0.93, 0.93]}
    same = {f"h{i}": alone["h1"] for i in range(3, 9)}
    many = compare(results(**alone, **same))
    assert [(one.verdict, one.is_judged) for one in many[:-1]] == [("equal", True)] * 6
    assert many[-1].verdict == "by chance"
    (*_, alone_with_one) = compare([*results(**alone), result(0.1, 0, 9)])
    assert (alone_with_one.verdict, alone_with_one.is_judged) == ("one run", False)


def test_letters_go_on_after_z() -> None:
    _, groups, _ = group_results([result(1 - i / 100, 0, i) for i in range(28)], higher_is_better=True)
    assert [group.name for group in groups[24:]] == ["Y", "Z", "AA", "AB"]
