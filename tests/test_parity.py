"""The page on parity with PyTorch lists all entries; the benchmark itself needs PyTorch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlpcli.config.plan import NORMS, UNITS
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.penalties import PENALTIES
from mlpcli.optim.rules import RULES
from mlpcli.optim.schedules import SCHEDULES

PAGE = (Path(__file__).parents[1] / "docs" / "parity.md").read_text(encoding="utf-8")

TABLES = {
    "activations": UNITS,
    "losses": LOSSES,
    "penalties": PENALTIES,
    "rules": RULES,
    "schedules": SCHEDULES,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_the_page_lists_every_entry(table: dict[str, object]) -> None:
    """For a new entry, add a line to benchmarks/parity.py and print the page again as its first line says."""
    assert table.keys() <= set(re.findall(r"\| `(\w+)", PAGE))


@pytest.mark.parametrize("norm", NORMS)
def test_the_page_lists_every_norm(norm: str) -> None:
    assert f"| `norm: {norm}` |" in PAGE
