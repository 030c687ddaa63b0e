"""What a sweep varies: read from the config and from options, and refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlpcli.config.loader import parse_experiment
from mlpcli.config.schema import Range, to_plain
from mlpcli.config.schema.sweep import range_of
from mlpcli.config.sweeps import SweepConfig, SweepOptions
from mlpcli.errors import ConfigError, UsageError

CONFIG = "data: spiral\nmodel: {hidden: [8]}\n"


def read(folder: Path, text: str = CONFIG, *overrides: str, **options: Any) -> SweepConfig:
    (folder / "c.yaml").write_text(text, encoding="utf-8")
    return SweepConfig(folder / "c.yaml", overrides, SweepOptions(**options))


def test_the_section_and_the_options_say_the_same(tmp_path: Path) -> None:
    section = """sweep:
  grid:
    model.hidden: [[3], [6]]
  sample:
    optimizer.learning_rate: log(1e-4, 1e-1)
  seeds: 2
  trials: 7
  sampler: tpe
  prune: true
"""
    written = read(tmp_path, CONFIG + section)
    asked = read(
        tmp_path,
        grid=["model.hidden=[[3], [6]]"],
        sample=["optimizer.learning_rate=log(1e-4, 1e-1)"],
        seeds=2,
        trials=7,
        sampler="tpe",
        prune=True,
    )
    assert written.sweep == asked.sweep
    assert written.runs == 14
    assert written.keys == ("model.hidden", "optimizer.learning_rate")
    assert written.sweep.space["optimizer.learning_rate"] == Range(1e-4, 1e-1, log=True, whole=False)
    assert "sweep" not in to_plain(written.experiment)  # runs, and their bytes, know nothing of it


def test_options_replace_what_the_section_has_of_a_key(tmp_path: Path) -> None:
    section = "sweep: {seeds: 3, grid: {regularization.l2: [1, 0.1], model.hidden: [[3]]}}\n"
    config = read(tmp_path, CONFIG + section, grid=["regularization.l2=[0.5]"], seeds=2)
    assert config.sweep.grid == {"regularization.l2": [0.5], "model.hidden": [[3]]}
    assert config.sweep.seeds == 2


def test_a_run_is_the_config_with_its_values_and_its_seed(tmp_path: Path) -> None:
    options = ["optimizer.momentum=[0.5]", "optimizer=[sgd]"]
    config = read(tmp_path, "base: spiral\n", "training.seed=5", grid=options, seeds=3)
    assert [config.seed(number) for number in range(3)] == [5, 6, 7]
    made = config.make({"optimizer": "sgd", "optimizer.momentum": 0.5}, 6)  # a section before what is in it
    assert to_plain(made)["optimizer"]["momentum"] == 0.5
    assert made.training.seed == 6
    assert made.training.epochs == parse_experiment("base: spiral", "c", tmp_path).training.epochs


def test_the_config_that_is_kept_makes_the_same_sweep(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,y\n1,x\n2,z\n" * 10, encoding="utf-8")
    text = "data: {name: csv, path: data.csv, target: y}\nsweep: {grid: {training.epochs: [1, 2]}}\n"
    config = read(tmp_path, text, "training.batch_size=4", seeds=2)
    (tmp_path / "other").mkdir()
    again = read(tmp_path / "other", config.text())
    assert (again.experiment, again.sweep) == (config.experiment, config.sweep)
    assert again.experiment.model_fields_set == config.experiment.model_fields_set


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("uniform(0, 0.5)", Range(0, 0.5, log=False, whole=False)),
        (" log( 1e-4 ,1e-1 )", Range(1e-4, 0.1, log=True, whole=False)),
        ("int(-1, 9)", Range(-1, 9, log=False, whole=True)),
        ("log_int(16, 256)", Range(16, 256, log=True, whole=True)),
    ],
)
def test_a_range_is_read(text: str, expected: Range) -> None:
    assert range_of(text) == expected


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown key": (
        "",
        {"grid": ["model.hiden=[[3], [6]]"]},
        '--grid model.hiden=[[3], [6]]: model.hiden: unknown key "hiden"; did you mean "hidden"?',
    ),
    "bad value": (
        "",
        {"grid": ["regularization.l2=[1e-3, -1]", "model.hidden=[[3], [4]]"]},
        "--grid regularization.l2=[1e-3, -1]: regularization.l2: -1 is not a number, 0 or more",
    ),
    "place in the file": (
        "sweep:\n  grid:\n    regularization.l2: [1e-3, x]\n",
        {},
        'c.yaml:5:31: regularization.l2: "x" is not a number, 0 or more, or null\n'
        "      regularization.l2: [1e-3, x]\n" + " " * 32 + "^",
    ),
    "no list": (
        "",
        {"grid": ["model.hidden=3"]},
        "--grid model.hidden=3: sweep.grid.model.hidden: 3 is not a l",
    ),
    "no value": ("", {"grid": ["model.hidden"]}, "--grid model.hidden: write it as key=[...], as in"),
    "no range": ("", {"sample": ["model.dropout"]}, "--sample model.dropout: write it as key=range, as in"),
    "unknown range": (
        "",
        {"sample": ["model.dropout=normal(0, 1)"]},
        "or a range: uniform(0, 0.5), log(1e-4",
    ),
    "range the wrong way": ("", {"sample": ["model.dropout=uniform(1, 0)"]}, "must be lower than the second"),
    "log from 0": ("", {"sample": ["model.dropout=log(0, 1)"]}, "a range of factors begins above 0"),
    "int of halves": ("", {"sample": ["training.epochs=int(0.5, 2)"]}, "the ends of int are whole numbers"),
    "range cut by a comma": (
        "sweep: {sample: {model.dropout: uniform(0, 1)}}\n",
        {},
        "'uniform(0' has no end; within braces, write \"log(1e-4, 1e-1)\" with its quotes",
    ),
    "end of a range": (
        "",
        {"sample": ["model.dropout=uniform(0, 1.5)"]},
        "model.dropout: 1.5 is not a number",
    ),
    "fractions of epochs": (
        "",
        {"sample": ["training.epochs=log(1, 10)"]},
        "training.epochs is a whole number; write log_int(1, 10)",
    ),
    "twice in a list": ("", {"grid": ["training.epochs=[3, 4, 3]"]}, "'3' is listed twice"),
    "grid and sample": (
        "sweep: {grid: {training.epochs: [1, 2]}}\n",
        {"sample": ["training.epochs=int(1, 9)"]},
        "'training.epochs' is in grid, too; name each key once",
    ),
    "trials of a grid": (
        "",
        {"grid": ["training.epochs=[1]"], "trials": 3},
        "--trials 3: sweep.trials: a grid",
    ),
    "grid with a sample": (
        "",
        {"sample": ["training.epochs=int(1, 9)"], "sampler": "grid"},
        "--sampler grid: sweep.sampler: a grid has lists of values, and 'training.epochs' is sampled",
    ),
    "nothing to draw": ("", {"sampler": "tpe"}, "tpe has nothing to draw"),
    "another name of a sampler": ("sweep: {sampler: bayes}\n", {}, 'it is "tpe" here'),
    "seeds twice": (
        "",
        {"grid": ["training.seed=[1, 2]"], "seeds": 2},
        "training.seed is what sweep.seeds varies",
    ),
    "no seeds left": ("training: {seed: 4294967295}\n", {"seeds": 2}, "leaves no seeds for 2 runs"),
    "too many": (
        "",
        {"grid": [f"training.{key}={list(range(1, 102))}" for key in ("epochs", "batch_size")]},
        "10,201 settings are 10,201 runs; a sweep has up to 10,000",
    ),
    "monitor": (
        "",
        {"grid": ["training.monitor=[loss]"]},
        "training.monitor cannot be swept: runs are compared",
    ),
    "base": ("", {"grid": ["base=[spiral]"]}, "--grid base=[spiral]: the config itself names"),
    "itself": ("", {"grid": ["sweep.seeds=[1]"]}, "sweep.seeds cannot be swept"),
    "losses": (
        "training: {monitor: loss}\n",
        {"grid": ["loss=[cross_entropy, hinge]"]},
        "losses of other kinds cannot be compared; set training.monitor to another score",
    ),
    "classes and numbers": (
        "",
        {"grid": ["data=[moons, sine]"]},
        'with data="sine" a run is judged by its loss, and others by their accuracy',
    ),
    "values that do not fit": (
        "",
        {"grid": ["optimizer=[sgd, adam]", "optimizer.momentum=[0.1]"]},
        '--grid optimizer.momentum=[0.1]: optimizer.momentum: unknown key "momentum"',
    ),
    "several": (
        "",
        {"grid": ["model.hiden=[1]", "loss=[hing]"]},
        "2 problems in what is swept:\n\n--grid mo",
    ),
    "the config itself": ("models: 3\n", {"seeds": 2}, 'unknown key "models"; did you mean "model"?'),
}


@pytest.mark.parametrize(("text", "options", "says"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, text: str, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, CONFIG + text, **options)
    assert says in str(caught.value).replace(f"{tmp_path}/", "")
    assert len(str(caught.value)) < 1000


def test_a_problem_that_several_values_have_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, grid=["model.hiden=[1, 2, 3]", "training.epochs=[1, 2, 3]"])
    assert str(caught.value).count("unknown key") == 1


def test_of_a_range_no_number_is_told_that_nobody_wrote(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, sample=["optimizer.learning_rate=uniform(-1, 1)"])
    assert str(caught.value).endswith("optimizer.learning_rate: -1.0 is not a number above 0")
    assert "problems" not in str(caught.value)


def test_a_sweep_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is swept"):
        read(tmp_path)
    assert read(tmp_path, seeds=3).runs == 3


def test_a_wrong_section_is_refused_by_other_commands_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='unknown key "gird"; did you mean "grid"'):
        parse_experiment("data: spiral\nsweep: {gird: {}}", "c.yaml", tmp_path)
