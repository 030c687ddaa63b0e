"""A table in pieces has the rows of the whole, and names lines as the whole does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlpcli.data.kinds import Wanted
from mlpcli.data.table import blocks
from mlpcli.data.table.delimited import known_in_pieces, open_source, read_known
from mlpcli.data.table.dialect import Dialect
from mlpcli.data.table.pieces import in_pieces
from mlpcli.errors import DataError

WANTED = Wanted(("u", "v"))


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(blocks, "BLOCK", 200)
    path = tmp_path / "t.csv"
    path.write_text("u,name,v\n" + "".join(f"{i},n{i},{i * i / 4}\n" for i in range(300)))
    return path


@pytest.mark.parametrize("rows", [1, 40, 1000])
def test_the_pieces_are_the_rows_of_the_whole(table: Path, rows: int) -> None:
    pieces = list(known_in_pieces(table, WANTED, rows, ["name"]))
    assert all(len(known.X) >= rows for known, _ in pieces[:-1])
    assert (len(pieces) > 3) == (rows < 100)
    X = np.concatenate([known.X for known, _ in pieces])
    assert X.tolist() == read_known(table, WANTED).X.tolist()
    assert [cell for _, cells in pieces for cell in cells[0][1]] == [f"n{i}" for i in range(300)]


def test_a_fault_is_named_by_its_line(table: Path) -> None:
    table.write_text(table.read_text().replace("\n250,n250,", "\n250,n250,x"))
    pieces = known_in_pieces(table, WANTED, 40, ())
    next(pieces)
    with pytest.raises(DataError, match=r"t\.csv:252: column 'v' is 'x15625\.0', not a number"):
        list(pieces)


def test_a_row_with_too_many_cells_is_a_fault_of_its_piece(table: Path) -> None:
    table.write_text(table.read_text() + "1,2,3,4\n")
    with pytest.raises(DataError, match=r"t\.csv:302: "):
        list(in_pieces(open_source([table], Dialect()), 40))


def test_a_table_without_rows_is_refused(table: Path) -> None:
    table.write_text("u,name,v\n")
    with pytest.raises(DataError, match="has a header, but no rows"):
        list(known_in_pieces(table, WANTED, 40, ()))
