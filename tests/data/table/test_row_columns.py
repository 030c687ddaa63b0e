"""Columns that say something of the rows are read beside the features, and are none themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlpcli.data.dataset import Dataset
from mlpcli.data.kinds import Missing, Wanted
from mlpcli.data.new_rows import read_labelled
from mlpcli.data.rows import Roles
from mlpcli.data.table.delimited import measure_csv, read_csv
from mlpcli.data.table.dialect import Dialect
from mlpcli.errors import DataError

TABLE = "a,w,y\n1,0.5,10.5\n2,0,20\n4,3,40\n,1,80\n"


def table(tmp_path: Path, text: str, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def read(
    path: Path, missing: Missing = "fill", features: list[str] | None = None, roles: Roles | None = None
) -> Dataset:
    return read_csv(
        path,
        target="y",
        features=features,
        dialect=Dialect(),
        classification=False,
        missing=missing,
        roles=roles or {"weight": "w"},
    )


def refusal(path: Path, features: list[str] | None = None, roles: Roles | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(path, features=features, roles=roles)
    return str(caught.value).replace(str(path), "table.csv")


def test_weights_are_no_feature(tmp_path: Path) -> None:
    path = table(tmp_path, TABLE)
    dataset = read(path)
    assert dataset.columns == ("a",)
    assert dataset.dropped == {"w": "is the weight of the rows"}
    np.testing.assert_array_equal(dataset.about.weights, [0.5, 0, 3, 1])
    sized = measure_csv(
        path, target="y", features=None, dialect=Dialect(), classification=False, roles={"weight": "w"}
    )
    assert sized.inputs == 1


def test_rows_that_are_left_out_take_their_weights_with_them(tmp_path: Path) -> None:
    dataset = read(table(tmp_path, TABLE + "5,7,\n"), missing="drop")
    np.testing.assert_array_equal(dataset.X[:, 0], [1, 2, 4])
    np.testing.assert_array_equal(dataset.about.weights, [0.5, 0, 3])


def test_a_guess_that_turns_out_wrong_reads_weights_anew(tmp_path: Path) -> None:
    rows = "".join(f"{'yes' if i % 2 else 'no'},{i % 3},{i * 1.5}\n" for i in range(30_000))
    dataset = read(table(tmp_path, f"a,w,y\n{rows}maybe,1,7.5\n"))
    assert dataset.kinds["a"].levels == ("maybe", "no", "yes")
    assert dataset.about.weights is not None
    assert len(dataset.about.weights) == len(dataset.X) == 30_001


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,w,y\n1,1,1.5\n2,-1,3\n",
            "table.csv:3: column 'w' is '-1'\nA weight is a finite number",
        ),
        ("a,w,y\n1,1,1.5\n2,,3\n", "table.csv:3: column 'w' is empty\nA weight is"),
        ("a,w,y\n1,1,1.5\n2,NA,3\n", "table.csv:3: column 'w' is 'NA'\nA weight is"),
        ("a,w,y\n1,1,1.5\n2,much,3\n", "table.csv:3: column 'w' is 'much', not a number\nA weight is"),
        ("a,w,y\n1,1e999,1.5\n2,1,3\n", "table.csv:2: column 'w' is '1e999'"),
        ("a,w,y\n1,0,1.5\n2,0,3\n", "table.csv: column 'w': all weights are 0, so that no row counts"),
        ("a,v,y\n1,0,1.5\n2,0,3\n", "table.csv: has no column 'w'"),
        ("a,w,w,y\n1,1,1,1.5\n2,1,1,3\n", "table.csv:1: two columns are called 'w'"),
    ],
)
def test_what_are_no_weights(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(table(tmp_path, text)).startswith(message)


def test_a_column_cannot_be_a_feature_and_a_weight(tmp_path: Path) -> None:
    message = refusal(table(tmp_path, TABLE), features=["a", "w"])
    assert message == (
        "data.features: 'w' is the weight of the rows, as data.weight says, and cannot be both; "
        "take it out of one of them"
    )


@pytest.mark.parametrize("has_weights", [True, False])
def test_new_rows_have_weights_where_the_file_has_them(tmp_path: Path, has_weights: bool) -> None:
    text = TABLE if has_weights else "a,y\n1,10.5\n"
    csv = table(tmp_path, text)
    npz = tmp_path / "table.npz"
    np.savez(npz, X=np.ones((2, 1)), y=[1.5, 2], **({"w": np.array([1, 2])} if has_weights else {}))
    for path, expected in ((csv, [0.5, 0, 3, 1]), (npz, [1, 2])):
        found = read_labelled(Wanted(["a"]), path, target="y", classes=None, roles={"weight": "w"})
        about = found.about
        assert (about.weights is not None) is has_weights
        if has_weights:
            np.testing.assert_array_equal(about.weights, expected)


def test_groups_splits_and_times_are_read(tmp_path: Path) -> None:
    text = (
        "a,who,part,when,y\n1,ann,train,2024-05-31,1.5\n2,bob,val,2024-06-01 12:00,2.5\n"
        "3,ann,test,2023-01-01,3\n"
    )
    dataset = read(table(tmp_path, text), roles={"group": "who", "split": "part", "time": "when"})
    about = dataset.about
    assert dataset.columns == ("a",)
    assert about.groups is not None
    assert about.parts is not None
    assert about.times is not None
    assert about.groups.tolist() == [0, 1, 0]
    assert about.parts.tolist() == [0, 1, 2]
    assert np.argsort(about.times).tolist() == [2, 0, 1]
    dropped = read(table(tmp_path, text.replace("2.5", "")), "drop", roles={"group": "who", "time": "when"})
    assert dropped.about.groups is not None
    assert dropped.about.groups.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("roles", "text", "message"),
    [
        ({"group": "g"}, "a,g,y\n1,x,1.5\n2,,3\n", "table.csv:3: column 'g' is empty\nEach row has a group."),
        (
            {"split": "g"},
            "a,g,y\n1,train,1.5\n2,dev,3\n",
            "table.csv: column 'g': holds 'dev'; the split",
        ),
        (
            {"time": "g"},
            "a,g,y\n1,5,1.5\n2,NA,3\n",
            "table.csv:3: column 'g' is 'NA'\nWrite times",
        ),
        (
            {"time": "g"},
            "a,g,y\n1,5,1.5\n2,2024-05-31,3\n",
            "table.csv:3: column 'g' is '2024-05-31', no",
        ),
        ({"time": "g"}, "a,g,y\n1,2024-05-31,1.5\n2,7,3\n", "table.csv:3: column 'g' is '7', no time\nWrite"),
    ],
)
def test_what_is_no_group_split_or_time(tmp_path: Path, roles: Roles, text: str, message: str) -> None:
    assert refusal(table(tmp_path, text), roles=roles).startswith(message)
