"""What the tests of tables share: one function that reads a table, and one that writes its text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlpcli.data.dataset import Dataset
from mlpcli.data.kinds import Missing, ReadAs
from mlpcli.data.table.delimited import read_csv
from mlpcli.data.table.dialect import Dialect


@pytest.fixture(scope="session")
def table() -> Callable[..., Dataset]:
    """Return a function that reads a table with the target ``kind``, a class if nothing else is said."""

    def read(
        path: Path,
        *,
        target: str | list[str] = "kind",
        features: list[str] | None = None,
        delimiter: str = ",",
        classification: bool | None = True,
        read_as: dict[str, ReadAs] | None = None,
        missing: Missing = "fill",
    ) -> Dataset:
        return read_csv(
            path,
            target=target,
            features=features,
            dialect=Dialect(delimiter),
            classification=classification,
            read_as=read_as,
            missing=missing,
        )

    return read


@pytest.fixture(scope="session")
def many() -> Callable[..., str]:
    """Return a function that writes a table whose columns repeat their cells, with a target ``kind``."""

    def text(cells: dict[str, list[str]], rows: int = 40) -> str:
        cells = {**cells, "kind": ["a", "b"]}
        lines = [",".join(cells)]
        lines += [",".join(column[i % len(column)] for column in cells.values()) for i in range(rows)]
        return "\n".join(lines)

    return text
