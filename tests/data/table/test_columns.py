"""Cells of one column become numbers, and what is found in them is told."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.data.table.blocks import Block
from mlpcli.data.table.columns import Column
from mlpcli.data.table.dialect import OTHER_POINT
from mlpcli.data.table.faults import Faults
from mlpcli.errors import DataError


def block(cells: list[str], first: int = 2) -> Block:
    return Block(range(first, first + len(cells)), cells, 1)


def test_levels_are_in_order_and_codes_become_ranks() -> None:
    column, faults = Column("size", 0, "category"), Faults("t.csv:{}".format)
    codes = np.concatenate([column.convert(block(cells), faults)[0] for cells in (["10", "9"], ["NA", "10"])])
    levels = column.levels()
    assert levels.names == ("9", "10")
    np.testing.assert_array_equal(levels.ranks[codes.astype(int)], [1, 0, np.nan, 1])
    assert levels.present == 3
    assert len(faults) == 0


def test_a_boolean_that_is_none_corrects_the_guess() -> None:
    column, faults = Column("smoker", 0), Faults("t.csv:{}".format)
    first = block(["f", "f"])
    column.look(first)
    assert column.kind == "boolean"
    column.convert(first, faults)
    assert not column.corrected
    column.convert(block(["m", "f"]), faults)
    assert (column.kind, column.corrected) == ("category", True)


def test_texts_without_end_are_no_categories() -> None:
    column, faults = Column("essay", 0, "category"), Faults("t.csv:{}".format)
    for start in range(0, 80_000, 10_000):
        column.convert(block([f"t{i}" for i in range(start, start + 10_000)]), faults)
    assert column.full
    assert column.free_text(column.levels()) == "holds too many different texts for categories"
    with pytest.raises(DataError, match="column 'essay' holds too many different texts"):
        column.require_categories("t.csv")


def test_a_few_texts_among_many_numbers_are_strays() -> None:
    column, faults = Column("hp", 0, "category"), Faults("t.csv:{}".format)
    column.convert(block([*map(str, range(30)), "unknown", "NA", "unknown", "n.d."]), faults)
    assert column.strays() == [(32, "unknown"), (35, "n.d.")]
    column = Column("hp", 0, "category")
    column.convert(block(["4", "6", "rotary"]), faults)
    assert column.strays() == []


@pytest.mark.parametrize("cell", ["1,2,3", f"101.60{OTHER_POINT}"])
def test_a_fault_names_the_form_that_a_network_reads(cell: str) -> None:
    column, faults = (
        Column("hp", 0, "number", given=True, as_trained="Write 1.234,5."),
        Faults("t.csv:{}".format),
    )
    column.odd(cell, 2, faults)
    with pytest.raises(DataError, match=r"is '[\d.,]*'\nWrite 1\.234,5\."):
        faults.report()
