"""The code that reads tables without mlp reads each date and number as mlp does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.data.labels import parse_number
from mlpcli.data.table.dates import DATE_PARTS, DateOrder, Dates
from mlpcli.data.table.dialect import Dialect
from mlpcli.export.read_code import read_code

PREAMBLE = (
    "import re, sys\nfrom datetime import datetime, timedelta\nimport numpy as np\n"
    "MISSING, PARTS = [''], {}\n"
)
CELLS = [
    *("2024-05-31", "31.5.2024", "31/5/2024", "12/31/2024", "5-6-2024", "31.2.2024", "2024/2/29", "x"),
    *("31 May 2024", "Fri, May 31st, 2024", "sept. 3, 2021 12:05 a.m.", "1 Jan 2020 13:00 pm", "0000-01-01"),
    *("2024-05-31T23:59:59.125Z", "2024-05-31 01:00 +0530", "2024-05-31 01:00:00,5-03", "2024-05-31 24:00"),
]


def functions(dialect: Dialect) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(PREAMBLE + read_code(dialect, has_dates=True, has_texts=False), found)
    return found


@pytest.mark.parametrize("order", ["dmy", "mdy"])
@pytest.mark.parametrize("cell", CELLS)
def test_dates_are_taken_apart_alike(order: DateOrder, cell: str) -> None:
    part_of = functions(Dialect(dates=order))["part_of"]
    parts, odd = Dates(order).read([cell], [1])
    if odd:
        with pytest.raises(ValueError, match="is not a date"):
            part_of(cell, "year")
    else:
        assert [part_of(cell, part) for part in DATE_PARTS] == parts[:, 0].tolist()


NUMBERS = [
    *("1", "-2.5", "+3", ".5", "4.", "1e5", "1,5", "1.234,5", "1,234.5", "1 234,5", "1\u202f234", "1.2.3"),
    *("12,34", "1e", "1_000", "0x10", "inf", "1e999", "1e39", "x", "--1", ",", "1,234,567", "1.234.567"),
]
DIALECTS = [
    *(Dialect(), Dialect(decimal=","), Dialect(thousands=",")),
    *(Dialect(decimal=",", thousands="."), Dialect(decimal=",", thousands=" ")),
]


@pytest.mark.parametrize("cell", NUMBERS)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.example)
def test_numbers_are_read_alike(dialect: Dialect, cell: str) -> None:
    number = functions(dialect)["number"]
    expected = parse_number((dialect.rewrite or str)(cell))
    if expected is None or abs(expected) > float(np.finfo(np.float32).max):
        with pytest.raises(ValueError, match=r"number|could not convert"):
            number(cell)
    else:
        assert number(cell) == expected


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_rows_of_another_encoding_than_the_training_are_read_by_what_they_are(
    encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes("größe\nKöln\n".encode(encoding))
    text = functions(Dialect(encoding="cp1252"))["text_of"](file)
    assert text == "größe\nKöln\n"
    noted = f"{file} is UTF-8, and is read as such; the table of the training was in cp1252.\n"
    assert capsys.readouterr().err == (noted if encoding == "utf-8" else "")
