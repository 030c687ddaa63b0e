"""The code of docs/tracking.md runs, with modules in the place of MLflow and Weights & Biases.

These accept what the documented functions of the same names accept, and keep the calls.
"""

# ruff: noqa: ARG002
from __future__ import annotations

import contextlib
import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "tracking.md").read_text(encoding="utf-8")
LISTENERS, SHEET, MLFLOW, WANDB = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


class Mlflow(ModuleType):
    """Functions of mlflow, version 3; names of metrics may have letters, digits, and _ - . : / and blanks."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.calls: list[tuple[Any, ...]] = []
        self.active = False

    @contextlib.contextmanager
    def start_run(
        self, run_id: str | None = None, experiment_id: str | None = None, run_name: str | None = None
    ) -> Iterator[None]:
        self.active = True
        yield
        self.active = False

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        assert self.active
        assert all(re.fullmatch(r"[\w\-./ :]+", name) for name in metrics)
        assert all(isinstance(value, (int, float)) for value in metrics.values())
        self.calls.append((step, metrics))

    def log_params(self, params: dict[str, Any]) -> None:
        assert self.active
        assert all(re.fullmatch(r"[\w\-./ :]+", name) for name in params)

    def log_artifact(self, local_path: str, artifact_path: str | None = None) -> None:
        assert Path(local_path).is_file()


class Wandb(ModuleType):
    """Functions of wandb, whose steps never go back."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.calls: list[tuple[Any, ...]] = []

    @contextlib.contextmanager
    def init(self, entity: str | None = None, project: str | None = None) -> Iterator[Any]:
        yield SimpleNamespace(log=self.log, config={}, summary={})

    def log(self, data: dict[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        assert step is not None
        assert all(step > before for before, _ in self.calls)
        self.calls.append((step, data))


@pytest.mark.parametrize(("code", "module"), [(MLFLOW, Mlflow), (WANDB, Wandb)], ids=["mlflow", "wandb"])
def test_trackers_get_each_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, module: type[Any]
) -> None:
    tracker = module()
    monkeypatch.setitem(sys.modules, tracker.__name__, tracker)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/tracking.md", "exec"), names)
    rows = names["run"].metrics
    assert [(step, data["loss/val"]) for step, data in tracker.calls] == [
        (row["epoch"], row["val_loss"]) for row in rows
    ]
    assert len(rows) == 20
    assert len([line for line in code.splitlines() if line.strip()]) <= 10


def test_the_listeners_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(LISTENERS + SHEET, "docs/tracking.md", "exec"), {})
    with Path("runs/sheet/metrics.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 20
