"""What a cross-validation has found is read as it was written."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from usual import some

from mlpcli import cross_validate
from mlpcli.errors import RunError

IRIS = Path(__file__).parents[2] / "datasets" / "iris.csv"
CONFIG: dict[str, Any] = {
    "data": {"name": "csv", "path": str(IRIS), "target": "species"},
    "model": {"hidden": [8]},
    "training": {"epochs": 4},
}


@pytest.mark.parametrize(
    "text",
    some(
        [
            "",
            "[]",
            "{}",
            '{"folds": 3}',
            "[" * 100_000,
            '{"a": NaN}',
            "\x00",
            "{" + '"a":1,' * 10**6 + '"a":1}',
        ],
        4,
    ),
)
def test_a_damaged_record_is_refused(tmp_path: Path, text: str) -> None:
    cross_validate(CONFIG, folds=2, out=tmp_path / "cv")
    (tmp_path / "cv" / "folds.json").write_text(text)
    with pytest.raises(RunError, match=r"folds.json is not what a cross-validation has written"):
        cross_validate(CONFIG, folds=2, out=tmp_path / "cv", resume=True)


def test_the_record_says_what_was_found(tmp_path: Path) -> None:
    found = cross_validate(CONFIG, folds=3, out=tmp_path / "cv")
    record = json.loads((tmp_path / "cv" / "folds.json").read_text())
    assert record["mean"] == found.mean
    assert record["out_of_fold"] == found.record.out_of_fold
    assert [row["n"] for row in record["rows"]] == [50, 50, 50]
    assert record["rows"][0]["baselines"].keys() == {"most_frequent", "linear"}
    assert found.model.checkpoint.scores["out_of_fold_accuracy"] == record["out_of_fold"]["accuracy"]
    mean, std = found.mean["accuracy"], found.std["accuracy"]
    assert repr(found) == (
        f"<mlpcli.Validated: 3 networks, accuracy {mean:.2%} with a standard deviation of {std:.2%}>"
    )


def test_rows_have_their_numbers_in_the_file(tmp_path: Path) -> None:
    """Those that are left out, here because of a missing label, have no line."""
    lines = IRIS.read_text().splitlines()
    for row in (2, 77):
        lines[row] = lines[row].rpartition(",")[0] + ","
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines) + "\n")
    config = {**CONFIG, "data": {**CONFIG["data"], "path": str(table)}}
    found = cross_validate(config, folds=2, out=tmp_path / "cv")
    assert found.numbers.tolist() == [row for row in range(1, 151) if row not in (2, 77)]
    with (tmp_path / "cv" / "out_of_fold.csv").open() as file:
        rows = list(csv.DictReader(file))
    labels = [line.rpartition(",")[2] for line in lines]
    assert len(rows) == 148
    assert all(row["truth"] == labels[int(row["row"])] for row in rows)
