"""A drafted config says what is in the data, and trains well as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlpcli.build.splits import load_splits
from mlpcli.config.loader import load_experiment
from mlpcli.config.schema import to_plain
from mlpcli.errors import UsageError
from mlpcli.training.draft import draft_config
from mlpcli.training.start import train_run

DATASETS = Path(__file__).parents[2] / "datasets"


def drafted(tmp_path: Path, file: Path, target: str | None = None) -> tuple[str, Path]:
    config = tmp_path / "my.yaml"
    text = draft_config(file, target, config).text
    config.write_text(text)
    return text, config


def test_it_is_the_smallest_config_with_comments(tmp_path: Path) -> None:
    text, config = drafted(tmp_path, DATASETS / "penguins.csv", "species")
    smallest = tmp_path / "small.yaml"
    smallest.write_text(f"data: {{name: csv, path: '{DATASETS / 'penguins.csv'}', target: species}}\n")
    assert to_plain(load_experiment(config)) == to_plain(load_experiment(smallest))
    assert text.splitlines()[0] == (
        "# penguins.csv: 344 rows; 3 classes (Adelie, Chinstrap, Gentoo) to be predicted from 7 columns."
    )
    assert "#   island             category  Biscoe, Dream, Torgersen\n" in text
    assert "#   bill_length_mm     number    32.1 to 59.6; 2 missing cells\n" in text
    assert max(map(len, text.splitlines())) <= 110 + len(str(DATASETS))


def test_it_trains_well_at_first_try(tmp_path: Path) -> None:
    _, config = drafted(tmp_path, DATASETS / "iris.csv")
    assert train_run(load_experiment(config)).score_best()["test"]["accuracy"] > 0.9


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_other_delimiters_are_written_down(mark: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text((DATASETS / "iris.csv").read_text().replace(",", mark))
    _, config = drafted(tmp_path, file)
    experiment = load_experiment(config)
    assert (experiment.data.delimiter, experiment.data.target) == (mark, "species")


def test_odd_names_and_texts_stay_in_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "a: #b.csv"
    rows = "".join(f"{i % 7},x\x1b[2J{i % 2},{'on' if i % 3 else 'off'}\n" for i in range(60))
    file.write_text(f"a: b,#c,no\n{rows}")
    text, config = drafted(tmp_path, file)
    assert "\x1b" not in text
    assert load_experiment(config).data.target == "no"


def test_a_regression_and_arrays(tmp_path: Path) -> None:
    assert "; a number to be predicted" in drafted(tmp_path, DATASETS / "iris.csv", "petal_width")[0]
    text, config = drafted(tmp_path, DATASETS / "digits.npz")
    assert "10 classes (0, 1, 2, 3, 4, ...) to be predicted from 64 features" in text
    assert load_experiment(config).recipe == "table"


def test_what_cannot_be_drafted(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no column 'specis'; did you mean 'species'\? \(columns: 'sepal"):
        draft_config(DATASETS / "iris.csv", "specis", tmp_path / "a.yaml")
    with pytest.raises(UsageError, match="is no table that a config can be drafted for"):
        draft_config(DATASETS / "README.md", None, tmp_path / "a.yaml")


def test_dates_are_named_as_such(tmp_path: Path) -> None:
    file = tmp_path / "seen.csv"
    days = [f"{1 + i % 28:02d}.{1 + i % 12:02d}.2024" for i in range(40)]
    rows = "".join(f"{day},31.12.2024,{i % 7},{i % 2}\n" for i, day in enumerate(days))
    file.write_text(f"when,until,size,kind\n{rows}")
    text, config = drafted(tmp_path, file, "kind")
    assert load_experiment(config).data.columns == {"when": "date", "until": "date"}
    assert "columns: {size: category}" in text
    assert text.endswith(
        "#   when  date    2024-01-01 to 2024-12-24\n"
        "#   size  number  0 to 6\n"
        "#   until is left out: holds the same date in every row\n"
    )


def test_what_is_unclear_is_left_to_the_user(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    rows = "".join(f"2024-05-{1 + i % 28:02d},{i}.{i % 10} kg,{'ab'[i % 2]}\n" for i in range(60))
    file.write_text(f"when,weight,kind\n{rows}")
    text, target, problem = draft_config(file, None, tmp_path / "my.yaml")[:3]
    assert problem is not None
    assert "column 'weight' is '0.0 kg'" in str(problem)
    assert "when" not in str(problem)
    assert target == "kind"
    settled = tmp_path / "my.yaml"
    settled.write_text(text.replace("    when: date\n", "    when: date\n    weight: category\n"))
    assert load_experiment(settled).data.columns == {"when": "date", "weight": "category"}


def test_a_target_of_amounts_gets_a_config_that_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "houses.csv"
    file.write_text("size,price\n" + "".join(f'{i % 9},"${i},305"\n' for i in range(10, 60)))
    text, target, problem, _ = draft_config(file, None, tmp_path / "my.yaml")
    assert target == "price"
    assert "Write numbers without a currency" in str(problem)
    assert "category`" not in str(problem)  # 50 prices are no classes
    assert "#   houses.csv: column 'price' holds 50 different values that look like numbers" in text
    (tmp_path / "my.yaml").write_text(text)
    assert load_experiment(tmp_path / "my.yaml").data.target == "price"
    file.write_text(file.read_text().replace("$", ""))  # as it says
    problem = draft_config(file, None, tmp_path / "my.yaml").problem
    assert "as '10,305'; they are too many for classes.\nIs the comma a decimal point or" in str(problem)


@pytest.mark.parametrize("target", ["größe", None])
def test_a_file_of_excel_gets_its_encoding(target: str | None, tmp_path: Path) -> None:
    rows = "".join(f"{i % 7};{'Köln' if i % 2 else 'Ulm'};{'ja' if i % 3 else 'nein'}\n" for i in range(60))
    (tmp_path / "a.csv").write_bytes(f"größe;stadt;balkon\n{rows}".encode("cp1252"))
    text, chosen, problem, word = draft_config(tmp_path / "a.csv", target, tmp_path / "my.yaml")
    assert (problem, word, chosen) == (None, "größe", target or "balkon")
    assert "encoding: cp1252        # a guess; it is right if größe is a word of the table\n" in text
    assert "#   stadt  category  Ulm, Köln\n" in text or "Köln, Ulm" in text
    (tmp_path / "my.yaml").write_text(text)
    assert load_experiment(tmp_path / "my.yaml").data.encoding == "cp1252"


@pytest.mark.parametrize("begin", ["sep=;\n", "\ufeff"])
def test_what_excel_writes_before_the_names(begin: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(begin + "a;b;kind\n" + "".join(f"{i};{i % 5};{i % 2}\n" for i in range(40)), "utf-16")
    assert drafted(tmp_path, file)[0].startswith("# a.csv: 40 rows; 2 classes (0, 1)")


def test_arrays_in_files_of_their_own(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.arange(60.0).reshape(30, 2))
    np.save(tmp_path / "y.npy", np.arange(30) % 2)
    text = draft_config(tmp_path / "X.npy", None, tmp_path / "c.yaml").text
    (tmp_path / "c.yaml").write_text(text)
    experiment = load_experiment(tmp_path / "c.yaml")
    assert experiment.recipe == "plain"
    assert "30 rows; 2 classes (0, 1) to be predicted from 2 features" in text
    assert load_splits(experiment).classes == ("0", "1")
