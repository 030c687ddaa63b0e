"""mlp compare: what it prints, in 80 columns, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mlpcli.cli.compare import describe
from mlpcli.sweep.compare import Comparison
from mlpcli.sweep.groups import Result, contrast, group_results
from mlpcli.training.directory import RunDirectory

Mlp = Callable[..., Any]
Trained = Callable[..., RunDirectory]


def comparison(scores: dict[float, list[float]], score: str = "val_accuracy") -> Comparison:
    """Return the comparison of groups with other learning rates, with these scores of seeds 0, 1, 2, ..."""
    results = [
        Result(f"{rate}-{seed}", {"optimizer.learning_rate": rate, "training.seed": seed}, value, {})
        for rate, values in scores.items()
        for seed, value in enumerate(values)
    ]
    keys, groups, _ = group_results(results, higher_is_better=not score.endswith("loss"))
    return Comparison(score, keys, groups, contrast(groups), [], [])


def test_two_groups_with_the_interval_worked_by_hand() -> None:
    """The differences are 1, 2 and 3 points: 2 +- 4.303 / sqrt(3) = 2 +- 2.484."""
    found = comparison({0.1: [0.91, 0.93, 0.98], 0.01: [0.90, 0.91, 0.95]})
    assert describe(found, "--json").splitlines() == [
        "6 runs by validation accuracy at the best epoch; higher is better.",
        "2 groups that differ in optimizer.learning_rate.",
        "",
        "   seeds    mean  spread  learning_rate",
        "A      3  94.00%   3.61%  0.1",
        "B      3  92.00%   2.65%  0.01",
        "",
        "       points   95 % interval       by",
        "A - B   +2.00  -0.48 to +4.48  3 pairs  cannot be told apart with 3 seeds",
    ]


def test_losses_are_no_points_and_a_lower_one_is_better() -> None:
    found = comparison({0.1: [0.5, 0.7, 0.6], 0.01: [0.2, 0.41, 0.3]}, "val_loss")
    text = describe(found, "--json")
    assert "lower is better" in text
    assert "A      3  0.3033  0.1050  0.01" in text
    assert "\n       difference       95 % interval       by\nA - B     -0.2967" in text
    assert "larger than the spread over seeds" in text


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({0.1: [0.9], 0.2: [0.8]}, "one seed each: nothing can be said"),
        ({0.1: [0.9], 0.2: [0.8]}, "Train each group with more seeds"),
        ({0.1: [0.9, 0.8, 0.7], 0.2: [0.6]}, "3 and 1  one seed of B: nothing can be said"),
        ({0.1: [0.9, 0.5], 0.2: [0.6, 0.4]}, "2 pairs  cannot be told apart with 2 seeds"),
        ({0.1: [0.9, 0.5], 0.2: [0.6, 0.4]}, "With 2 seeds an interval reaches 9 standard deviations"),
        ({0.1: [0.9, 0.5], 0.2: [0.9, 0.5]}, "the same with every seed"),
        ({0.1: [0.9, 0.8, 0.7]}, "They differ in nothing but their seeds"),
        ({0.1: [0.9, 0.7], 0.2: [0.8, 0.3], 0.3: [0.5, 0.1]}, "the 3 verdicts are for all together (Holm)."),
        ({i: [1 - i / 9, 0.1] for i in range(5)}, "A is the best of 5 by these very scores"),
    ],
)
def test_what_it_says(scores: dict[float, list[float]], expected: str) -> None:
    assert expected in describe(comparison(scores), "--json")


def test_of_a_sweep_with_one_setting_that_finished_it_says_so() -> None:
    found = comparison({0.1: [0.9, 0.8]})
    for unranked, said in ((1, "no run of the other one finished"), (2, "no run of the 2 others finished")):
        assert f"They are of one setting; {said}, so" in describe(replace(found, unranked=unranked), "")


def test_the_number_of_comparisons_is_the_same_wherever_it_is_told() -> None:
    found = comparison(
        {0.1: [0.90, 0.92, 0.94, 0.97], 0.2: [0.90, 0.92, 0.94, 0.97], 0.3: [0.87, 0.88, 0.93, 0.93]}
    )
    text = describe(found, "--json")
    assert "the same with every seed" in text
    assert "may be chance, as one of 3" in text
    assert "the 3 verdicts are for all together (Holm)" in text


def test_many_groups_with_long_values_fit_80_columns() -> None:
    found = comparison({10 / 7**i: [0.9 - i / 100, 0.7, 0.8 + i / 90] for i in range(30)})
    text = describe(found, "--json")
    assert max(map(len, text.splitlines())) <= 80
    assert "and 10 groups that are worse; --json has them all" in text
    assert text.count("A - ") == 19
    keys = {f"section.a_long_name_of_a_key_{i}": "x" * 30 for i in range(4)}
    results = [Result(str(i), {**keys, "last.key": [i] * 40}, i / 9, {}) for i in range(3)]
    results += [Result(f"{i}b", dict.fromkeys(keys, i), i / 9, {}) for i in range(3)]
    named, groups, _ = group_results(results, higher_is_better=True)
    text = describe(Comparison("val_accuracy", named, groups, contrast(groups), [], []), "--json")
    assert max(map(len, text.splitlines())) <= 80
    assert "section.a_long_name_of_a_key_0=" in text


def test_a_name_of_a_file_moves_no_cursor() -> None:
    found = comparison({0.1: [0.9, 0.8], 0.2: [0.5, 0.1]})
    found.groups[0].values["optimizer.learning_rate"] = "\x1b[2J"
    assert "\x1b" not in describe(found, "--json")


def test_json_has_what_the_table_says(mlp: Mlp, trained: Trained) -> None:
    short = "training.epochs=3"
    runs = [
        trained("moons", short, f"training.seed={seed}", f"model.hidden=[{h}]").path
        for seed in (0, 1, 2)
        for h in (2, 9)
    ]
    code, out, err = mlp("compare", *runs)
    assert (code, err) == (0, "")
    assert out.startswith("6 runs by validation accuracy at the best epoch")
    report = json.loads(mlp("compare", *runs, "--json").out)
    assert [group["n"] for group in report["groups"]] == [3, 3]
    assert report["groups"][0]["runs"][1]["training.seed"] == 1
    (difference,) = report["differences"]
    means = [group["mean"] for group in report["groups"]]
    assert difference["difference"] == pytest.approx(means[0] - means[1])
    assert f"{100 * difference['low']:+.2f} to {100 * difference['high']:+.2f}" in out


def test_refusals_name_the_option_that_helps(mlp: Mlp, trained: Trained) -> None:
    short = "training.epochs=3"
    one, other = (trained("moons", short, f"training.monitor={name}").path for name in ("loss", "accuracy"))
    code, out, err = mlp("compare", one, other)
    assert (code, out) == (2, "")
    assert "\nAs an option: --score val_loss" in err
    assert mlp("compare", one, other, "--score", "val_loss").code == 0
    assert mlp("compare").code == 2


def test_runs_that_do_not_count_are_told_on_stderr(mlp: Mlp, trained: Trained) -> None:
    import shutil

    run = trained("moons", "training.epochs=3").path
    for i in range(9):
        shutil.copytree(run, f"copy-{i}")
    code, _, err = mlp("compare", run, *(f"copy-{i}" for i in range(9)))
    assert code == 2 or err.count("passed over: ") == 6
    assert "more" in err
