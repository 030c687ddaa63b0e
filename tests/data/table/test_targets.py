"""A target column tells what it holds, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pytest

from mlpcli.data.kinds import Missing
from mlpcli.data.labels import Labels
from mlpcli.data.table.blocks import Block
from mlpcli.data.table.faults import Faults
from mlpcli.data.table.source import Rows
from mlpcli.data.table.targets import Target, Targets
from mlpcli.errors import DataError


class _Source:
    where, header, names, if_missing, notes = "t.csv", "t.csv:1", ["y"], None, ()
    places: ClassVar = {"y": 0}

    def place(self, line: int) -> str:
        return f"t.csv:{line}"

    def blocks(self, faults: Faults) -> Iterator[Rows]:
        raise NotImplementedError


SOURCE = _Source()


def read(
    *parts: list[str], classification: bool | None = None, missing: Missing = "fill"
) -> tuple[Target, int]:
    """Return a target that has read all parts, and how often it had to."""
    target = Target(SOURCE, "y", classification, missing)
    for times in range(1, 5):
        target.reset()
        faults, line = Faults("t.csv:{}".format), 2
        for part in parts:
            target.add(Block(range(line, line + len(part)), part, 1), faults)
            line += len(part)
        target.finish(faults)
        faults.report()
        if not target.corrected:
            return target, times
    raise AssertionError


@pytest.mark.parametrize(
    ("parts", "classes", "times"),
    [
        ((["a", "b"],), True, 1),
        ((["0", "1"] * 5,), True, 1),
        ((["0", "1"] * 4,), False, 2),
        ((["0.5", "1"] * 9,), False, 1),
        ((["0", "1"] * 9, ["0.5"]), False, 2),
        (([str(i) for i in range(10, 40)] * 9, ["02"]), True, 2),
        (([str(i) for i in range(19)] * 9, ["20", "21"]), False, 2),
        ((["0", "1"] * 9, ["other"]), True, 1),
        ((["NA"] * 3, ["a", "b"]), True, 1),
        ((["01", "02"],), True, 1),
    ],
)
def test_classes_or_a_quantity(parts: tuple[list[str], ...], classes: bool, times: int) -> None:
    target, n = read(*parts, missing="drop")
    assert isinstance(target.take(target.present), Labels) == classes
    assert n == times


def test_rows_without_a_target_are_left_out() -> None:
    target, _ = read(["a", "?", "b", ""], ["a", "c"], missing="drop")
    assert target.present is not None
    labels = target.take(target.present)
    assert isinstance(labels, Labels)
    assert [labels.names[code] for code in labels.codes] == ["a", "b", "a", "c"]
    assert labels.places == ["t.csv:2", "t.csv:4", "t.csv:7"]
    target, _ = read(["1.5", "?", "2.5"], ["", "4"], missing="drop")
    np.testing.assert_array_equal(target.take(target.present), [[1.5], [2.5], [4]])


@pytest.mark.parametrize("classification", [None, True])
def test_rows_without_a_label_are_refused(classification: bool | None) -> None:
    """Those that are empty only where the config says so; others may be the names of classes."""
    with pytest.raises(DataError, match="2 of 4 rows have no label") as caught:
        read(["a", "?", "b", ""], classification=classification, missing="error")
    assert "t.csv:3: column 'y' is '?'\nt.csv:5: column 'y' is empty" in str(caught.value)
    with pytest.raises(DataError, match="1 of 4 rows has no label") as caught:
        read(["a", "?", "b", ""], classification=classification)
    assert "t.csv:5" not in str(caught.value)


def test_rows_with_nothing_to_predict_are_left_out_by_default() -> None:
    target, _ = read(["a", "", "b", " "])
    assert target.present is not None
    assert target.present.tolist() == [True, False, True, False]
    target, _ = read(["1.5", "NA", "2.5", ""])
    assert target.present is not None
    assert target.present.tolist() == [True, False, True, False]
    with pytest.raises(DataError, match=r"t\.csv:3: column 'y' is 'NA'"):
        read(["1.5", "NA", "2.5", ""], classification=False, missing="error")


def test_text_is_no_quantity() -> None:
    with pytest.raises(DataError, match=r"t\.csv:3: column 'y' is 'x', not a number"):
        read(["1", "x"], classification=False)


class _TwoColumns(_Source):
    names, places = ["y", "z"], {"y": 0, "z": 1}


@pytest.mark.parametrize("missing", ["fill", "drop"])
def test_several_targets_are_columns_of_numbers(missing: Missing) -> None:
    source, faults = _TwoColumns(), Faults("t.csv:{}".format)
    targets = Targets([Target(source, name, False, missing) for name in ("y", "z")])
    cells = ["1", "10", "2", "20", "3", "30"] if missing == "fill" else ["1", "10", "NA", "20", "3", ""]
    targets.add(Block(range(2, 5), cells, 2), faults)
    targets.finish(faults)
    faults.report()
    present = targets.present
    values = targets.take(present)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [[1, 10], [2, 20], [3, 30]] if missing == "fill" else [[1, 10]])
    targets.reset()
    targets.add(Block(range(2, 3), ["5", "6"], 2), faults)
    np.testing.assert_array_equal(targets.take(None), [[5, 6]])


def test_a_missing_value_of_several_targets_is_a_fault() -> None:
    source, faults = _TwoColumns(), Faults("t.csv:{}".format)
    targets = Targets([Target(source, name, False, "fill") for name in ("y", "z")])
    targets.add(Block(range(2, 4), ["1", "10", "2", "word"], 2), faults)
    with pytest.raises(DataError, match=r"t\.csv:3: column 'z' is 'word', not a number"):
        faults.report()


@pytest.mark.parametrize("cell", ["{}.4%", "${},228.88", "{} kg"])
def test_numbers_with_a_sign_or_a_unit_are_no_classes(cell: str) -> None:
    cells = [cell.format(i) for i in range(1, 40)]
    target, _ = read(cells)
    with pytest.raises(DataError, match="39 different values that look like numbers") as caught:
        target.require_plain_numbers()
    assert "Write numbers without a currency, a percent sign or a unit" in str(caught.value)
    assert "they are too many for classes" in str(caught.value)
    few, _ = read(cells[:5] * 9)
    few.require_plain_numbers()
    wanted, _ = read(cells, classification=True)
    wanted.require_plain_numbers()
    with pytest.raises(DataError, match="Write numbers without a currency") as caught:
        read(cells, classification=False)
    assert "cross_entropy" not in str(caught.value)
