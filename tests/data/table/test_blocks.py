"""Every block of a file has the cells and the lines that the module csv finds."""

from __future__ import annotations

import csv
import io
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usual import examples, only

from mlpcli.data.table.blocks import Block, CsvFile, CsvSource
from mlpcli.data.table.dialect import Dialect
from mlpcli.data.table.faults import Faults


def read(content: bytes, delimiter: str = ",") -> tuple[CsvFile, list[Block]]:
    faults = Faults("t.csv:{}".format)
    source = CsvFile(Path("t.csv"), io.BufferedReader(io.BytesIO(content)), delimiter)
    blocks = list(source.blocks(faults))
    faults.report()
    return source, blocks


def rows_of(blocks: list[Block]) -> list[list[str]]:
    rows = []
    for block in blocks:
        columns = [block.column(i) for i in range(2)]
        cells = [[block.cell(row, i) for i in range(2)] for row in range(0, len(block.lines), 1000)]
        rows += [list(row) for row in zip(*columns, strict=True)]
        assert cells == rows[len(rows) - len(block.lines) :: 1000]
    return rows


CELLS = st.text('ab1.;, "\n\r\u00e9', max_size=5).map(lambda cell: cell.replace("\r", ""))


@given(st.lists(st.tuples(CELLS, CELLS), max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=examples(300), deadline=None, derandomize=True)
def test_cells_are_those_of_csv(rows: list[tuple[str, str]], end: str, last: bool) -> None:
    writer = csv.writer(text := io.StringIO(newline=""), lineterminator=end)
    writer.writerows([("x", "y"), *rows])
    content = text.getvalue() if last else text.getvalue().removesuffix(end)
    source, blocks = read(content.encode())
    assert source.names == ["x", "y"]
    assert rows_of(blocks) == [list(row) for row in rows]
    lines = [line for block in blocks for line in block.lines]
    assert (
        lines == list(accumulate((1 + sum(cell.count("\n") for cell in row) for row in rows), initial=2))[:-1]
    )


@pytest.mark.parametrize("quoted", only({'"a\nb"'}, ["", '"a\nb"', "\u00e9"]))
def test_many_blocks_are_one_table(quoted: str) -> None:
    rows = [[str(i), quoted.strip('"') if i % 9000 == 17 else f"b{i}"] for i in range(60_000)]
    text = "x,y\n" + "".join(f"{x},{quoted}\n" if y == quoted.strip('"') else f"{x},{y}\n" for x, y in rows)
    _, blocks = read(text.encode())
    assert len(blocks) > 3
    assert rows_of(blocks) == rows
    lines = [line for block in blocks for line in block.lines]
    extra, expected = 0, []
    for i in range(60_000):
        expected.append(i + 2 + extra)
        extra += quoted.count("\n") * (i % 9000 == 17)
    assert lines == expected


def test_a_single_name_may_hold_blanks(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("mean  radius\n1\n")
    source = CsvSource([path], Dialect())
    assert source.names == ["mean  radius"]
    assert source.if_missing is not None
    assert "t.csv:1: its columns seem to be separated by runs of blanks" in source.if_missing


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("usual", [",", ";"])
def test_the_header_tells_the_delimiter(delimiter: str, usual: str) -> None:
    source, blocks = read(f"x{delimiter}y\n1{delimiter}2\n".encode(), usual)
    assert source.names == ["x", "y"]
    assert rows_of(blocks) == [["1", "2"]]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ('x;"name, first";y', ["x", "name, first", "y"]),
        ('"a,b"\t"c;d"', ["a,b", "c;d"]),
        ('"the ""first"", x"|y', ['the "first", x', "y"]),
        ('5" pipe;6" pipe, bent', ['5" pipe;6" pipe', "bent"]),
        ('"a;b"', ["a;b"]),
    ],
)
def test_delimiters_in_quoted_names_do_not_count(header: str, names: list[str]) -> None:
    source, _ = read(f"{header}\n".encode(), ",")
    assert source.names == names
