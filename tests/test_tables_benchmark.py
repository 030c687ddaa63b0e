"""The benchmark of tables splits, ranks and reports as it says; the tables need its packages."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return benchmarks.tables, which is not in the installed package."""
    for package in ("pandas", "sklearn"):
        pytest.importorskip(package)
    monkeypatch.syspath_prepend(str(ROOT))
    from importlib import import_module

    return import_module("benchmarks.tables")


def test_splits_are_seeded_disjoint_and_in_order(tables: ModuleType) -> None:
    import numpy as np

    for rows, count in ((100, 5), (30_000, 2)):
        found = list(tables.splits(rows))
        assert len(found) == count
        for train, test in found:
            assert len(test) == rows // 4
            assert (np.diff(train) > 0).all()
            assert (np.diff(test) > 0).all()
            assert sorted([*train, *test]) == list(range(rows))
        again = list(tables.splits(rows))
        assert all((a[0] == b[0]).all() for a, b in zip(found, again, strict=True))


def test_equal_scores_share_the_mean_of_their_ranks(tables: ModuleType) -> None:
    assert tables.ranks({"a": 0.9, "b": 0.95, "c": 0.9, "d": 0.1}) == {"a": 2.5, "b": 1, "c": 2.5, "d": 4}


def test_the_report_says_where_the_first_contender_is_behind(tables: ModuleType) -> None:
    def scores(*values: float) -> list[dict[str, float]]:
        return [{"r2": value, "seconds": 1.0} for value in values]

    results = {
        "Auto": {"mlp": scores(0.5, 0.6), "linear": scores(0.8, 0.81)},
        "Wage": {"mlp": scores(0.5, 0.6), "linear": scores(0.5, 0.62)},
    }
    text = tables.as_markdown(results, ["mlp", "linear"])
    assert "| Auto | r2 | 0.5500 ± 0.0707 | 0.8050 ± 0.0071 |" in text
    assert "| mean rank | | 2.00 | 1.00 |" in text
    assert text.endswith("behind on: Auto")


def test_scores_that_are_known_are_not_measured_again(
    tables: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def measure(name: str, contender: Any) -> list[dict[str, float]]:
        measured.append(name)
        return [{"r2": 0.5, "seconds": 1.0}]

    monkeypatch.setattr(tables, "measure", measure)
    path = tmp_path / "kept" / "scores.json"
    tables.Cache(path).get("Auto", "linear", again=False)
    assert json.loads(path.read_text("utf-8"))["Auto"]["linear"] == [{"r2": 0.5, "seconds": 1.0}]
    tables.Cache(path).get("Auto", "linear", again=False)
    assert measured == ["Auto"]
    tables.Cache(path).get("Auto", "linear", again=True)
    assert measured == ["Auto", "Auto"]
