"""The columns of a table that are read are those that the config asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlpcli.data.dataset import Dataset
from mlpcli.data.kinds import BOOLEAN, category


def test_columns_are_read_as_the_config_says(
    tmp_path: Path,
    write: Callable[..., Path],
    refusal: Callable[..., str],
    table: Callable[..., Dataset],
    many: Callable[..., str],
) -> None:
    path = write(tmp_path, many({"pclass": ["3", "1", "2"], "alive": ["1", "0"], "id": ["7", "9"]}))
    dataset = table(path, read_as={"pclass": "category", "alive": "boolean", "id": "drop"})
    assert dataset.columns == ("pclass", "alive")
    assert dict(dataset.kinds) == {"pclass": category(("1", "2", "3")), "alive": BOOLEAN}
    assert dataset.X[:3].tolist() == [[2, 1], [0, 0], [1, 1]]
    assert dict(dataset.dropped) == {"id": "dropped in `data.columns`"}
    assert "has no column 'class'" in refusal(table, path, read_as={"class": "drop"})
    assert "'kind' is the target" in refusal(table, path, read_as={"kind": "drop"})
    assert "'id' is named in data.features" in refusal(
        table, path, read_as={"id": "drop"}, features=["id", "alive"]
    )
    message = refusal(table, path, read_as={"pclass": "boolean"})
    assert ":2: column 'pclass' is '3', not a boolean, and so are 2 rows below\n" in message
    message = refusal(table, path, read_as={"pclass": "date"})
    assert ":2: column 'pclass' is '3', not a date" in message
    path = write(tmp_path, many({"hp": [*map(str, range(30)), "unknown"]}))
    assert ":32: column 'hp' is 'unknown', not a number" in refusal(table, path, read_as={"hp": "number"})
    assert len(table(path, read_as={"hp": "category"}).kinds["hp"].levels) == 31


def test_a_row_of_data_in_the_place_of_the_names_is_noted(
    tmp_path: Path, write: Callable[..., Path], table: Callable[..., Dataset]
) -> None:
    rows = "5.1,3.5,oak\n4.9,3.0,elm\n" * 5
    (note,) = table(write(tmp_path, "5.1,3.5,kind\n" + rows)).notes
    assert note.endswith(
        ":1: the columns have names such as '5.1'. If these are data, write a line with the names of the "
        "columns above them."
    )
    for names in ("a,b,kind", "2023,2024,kind"):
        assert table(write(tmp_path, f"{names}\n{rows}")).notes == ()
