"""mlp report: one file, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_sweeps import make_sweep

from mlpcli.figures.svg import Drawing
from mlpcli.training.directory import RunDirectory

Mlp = Callable[..., Any]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every picture without rendering it, which takes a second a page."""
    for name in ("report", "sweep_page"):
        monkeypatch.setattr(f"mlpcli.figures.{name}.take_apart", lambda *_, **__: Drawing([], [], ""))


@pytest.mark.usefixtures("plain")
def test_it_writes_the_page_and_says_where(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    run = trained("moons", "training.epochs=5").path
    code, out, err = mlp("report", run, "--out", "pages/moons.html")
    assert (code, err) == (0, "")
    assert out.startswith("pages/moons.html  (")
    assert Path("pages/moons.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_refusals(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    run = trained("moons", "training.epochs=5").path
    Path("empty").mkdir()
    for args, expected in (
        (["empty"], "empty is not the directory of a run"),
        ([run, "--out", "page.pdf"], "its name has to end in .html"),
        (["nowhere"], "nowhere: there is no such run or checkpoint; name the directory"),
        ([run / "config.yaml"], "config.yaml is not a checkpoint; name its run"),
        ([run.parent], f"it has no config.yaml; it holds {run}"),
    ):
        code, out, err = mlp("report", *args)
        assert (code, out) == (2, "")
        assert expected in err
        assert "Traceback" not in err


@pytest.mark.usefixtures("plain")
def test_the_page_of_a_sweep(mlp: Mlp, tmp_path: Path) -> None:
    make_sweep(tmp_path / "sweep", {"model.hidden": [[2], [9]]}, seeds=2)
    code, out, err = mlp("report", "sweep")
    assert (code, err) == (0, "")
    assert out.startswith("sweep/sweep.html  (")
    assert "moons" not in out
    assert Path("sweep/sweep.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert mlp("report", "sweep", "--out", "page.html").out.startswith("page.html")
    assert mlp("report", "sweep/run-01").out.startswith("sweep/run-01/report.html")
