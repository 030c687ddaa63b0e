"""``mlp init`` asks in a terminal, and elsewhere takes options, and writes a config that loads."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpcli.cli.init import _data_sets
from mlpcli.config.loader import load_experiment
from mlpcli.config.shipped import shipped_configs

Mlp = Callable[..., Any]
IRIS = Path(__file__).parents[2] / "datasets" / "iris.csv"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that lets the command believe that a person types these lines."""

    def answers(*lines: str) -> None:
        monkeypatch.setattr(sys.modules["mlpcli.cli.init"], "_in_terminal", lambda: True)
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return answers


def test_a_table_gets_a_config_of_its_name(mlp: Mlp, tmp_path: Path) -> None:
    code, out, err = mlp("init", "--data", IRIS)
    assert (code, out) == (0, "iris.yaml is written.\nnext  mlp train iris.yaml\n")
    assert err == "'species' is taken as the column to predict; name another one with --target.\n"
    assert load_experiment(tmp_path / "iris.yaml").data.path == str(IRIS)
    assert (tmp_path / "iris.yaml").read_text().splitlines()[1:4] == [
        "#",
        "#   mlp data describe iris.yaml   tells more of the data",
        "#   mlp train iris.yaml           trains on them",
    ]


def test_with_a_target_nothing_more_is_said(mlp: Mlp, tmp_path: Path) -> None:
    code, out, err = mlp("init", "a b.yaml", "--data", IRIS, "--target", "petal_width")
    assert (code, out, err) == (0, "a b.yaml is written.\nnext  mlp train 'a b.yaml'\n", "")
    assert load_experiment(tmp_path / "a b.yaml").data.target == "petal_width"


@pytest.mark.parametrize("name", _data_sets())
def test_a_data_set_gets_the_config_that_comes_with_mlp(name: str, mlp: Mlp, tmp_path: Path) -> None:
    assert mlp("init", "--data", name).code == 0
    assert load_experiment(tmp_path / f"{name}.yaml") == load_experiment(shipped_configs()[name])
    assert "yaml-language-server" not in (tmp_path / f"{name}.yaml").read_text()


def test_the_line_for_editors_is_written_where_the_schema_is(mlp: Mlp, tmp_path: Path) -> None:
    (tmp_path / "schema.json").touch()
    mlp("init", "--data", "spiral")
    text = (tmp_path / "spiral.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=schema.json\n# Three")


def test_it_asks_for_data_and_target(mlp: Mlp, tmp_path: Path, answers: Callable[..., None]) -> None:
    answers(str(IRIS), "specis", "petal_length")
    code, _, err = mlp("init", "mine.yaml")
    assert code == 0
    assert "Data, a file or one of blobs, " in err
    assert "Which of them is to be predicted [species]: " in err
    assert "there is no column 'specis'; did you mean 'species'?" in err
    assert load_experiment(tmp_path / "mine.yaml").data.target == "petal_length"


def test_answers_have_defaults(mlp: Mlp, tmp_path: Path, answers: Callable[..., None]) -> None:
    answers("")
    assert mlp("init").code == 0
    assert load_experiment(tmp_path / "spiral.yaml").data.name == "spiral"
    answers("")
    assert mlp("init", "--data", IRIS).code == 0
    assert load_experiment(tmp_path / "iris.yaml").data.target == "species"


def test_the_end_of_the_input_is_an_interrupt(mlp: Mlp, tmp_path: Path, answers: Callable[..., None]) -> None:
    answers()
    assert mlp("init").code == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "name the data: mlp init --data my.csv, or --data spiral"),
        (["--data", "spirl"], "spirl is no file, and no data set of mlp; did you mean spiral? (blobs, "),
        (["--data", "spiral", "--target", "y"], "--target names a column of a table, and spiral is none"),
        (["--data", IRIS, "--target", "specis"], "has no column 'specis'; did you mean 'species'?"),
        (["there.yaml", "--data", "spiral"], "there.yaml is there already; --force replaces it"),
    ],
)
def test_what_is_refused_leaves_nothing(args: list[Any], said: str, mlp: Mlp, tmp_path: Path) -> None:
    (tmp_path / "there.yaml").touch()
    code, out, err = mlp("init", *args)
    assert (code, out) == (2, "")
    assert said in err
    assert [path.name for path in tmp_path.iterdir()] == ["there.yaml"]
    assert mlp("init", "there.yaml", "--data", "spiral", "--force").code == 0


def test_a_table_that_needs_a_word_gets_a_config_to_say_it_in(mlp: Mlp, tmp_path: Path) -> None:
    rows = "".join(f"{'unknown' if i % 20 == 3 else 10 * i},{'ab'[i % 2]}\n" for i in range(100))
    (tmp_path / "my.csv").write_text(f"income,kind\n{rows}")
    code, out, err = mlp("init", "--data", "my.csv", "--target", "kind")
    assert (code, out) == (1, "")
    assert "column 'income' is 'unknown', not a number\n" in err
    assert err.endswith(
        "my.yaml is written. Say it there, or change the data; then train: mlp train my.yaml\n"
    )
    assert load_experiment(tmp_path / "my.yaml").data.target == "kind"
