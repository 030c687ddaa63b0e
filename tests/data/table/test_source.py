"""All sources of tables offer the same."""

from __future__ import annotations

from pathlib import Path

from mlpcli.data.table.blocks import CsvSource
from mlpcli.data.table.dialect import Dialect
from mlpcli.data.table.faults import Faults
from mlpcli.data.table.source import Source


def test_a_csv_file_is_a_source(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,a\n2.5,b\n,c\n")
    source: Source = CsvSource([path], Dialect())
    faults = Faults(source.place)
    (rows,) = source.blocks(faults)
    assert (source.names, source.places) == (["x", "y"], {"x": 0, "y": 1})
    assert [source.place(line) for line in rows.lines] == [f"{path}:{i}" for i in (2, 3, 4)]
    assert rows.column(1) == ["a", "b", "c"]
    assert rows.cell(2, 1) == "c"
    numbers, odd = rows.numbers([0])
    assert numbers[0, :2].tolist() == [1, 2.5]
    assert odd.tolist() == [2]
