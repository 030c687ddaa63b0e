"""Data that cannot be drawn, and what would take too long, are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.config.loader import load_experiment
from mlpcli.errors import UsageError
from mlpcli.play.session import Session
from tests.play.sessions import make

CONFIGS = Path(__file__).parents[2] / "configs"


def test_slow_epochs_are_refused(tmp_path: Path) -> None:
    session = make(tmp_path)
    session.change("data.points", "10000")
    session.change("model.hidden", "400, 400")
    before = session.yaml()
    for key, text in (("training.batch_size", "1"), ("model.hidden", ", ".join(["500"] * 8))):
        with pytest.raises(UsageError, match="seconds, but the page allows at most 2; try fewer"):
            session.change(key, text)
        assert session.yaml() == before


@pytest.mark.parametrize(
    ("config", "message"),
    [("cifar10", "has 3,072"), ("iris", "has 4; name two columns")],
)
def test_data_without_a_plane_of_classes_are_refused(config: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        Session(load_experiment(CONFIGS / f"{config}.yaml"), tmp_path)


def test_classes_of_one_feature_are_refused(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{'pq'[i % 2]}\n" for i in range(60))
    (tmp_path / "t.csv").write_text("a,kind\n" + rows)
    with pytest.raises(UsageError, match=r"needs 2 features, but t\.csv has 1; name two columns") as refused:
        make(tmp_path, {"data": {"name": "csv", "path": "t.csv", "target": "kind"}})
    assert refused.value.topic is None  # there is no option that would help


def test_too_many_classes_are_refused(tmp_path: Path) -> None:
    session = make(tmp_path)
    with pytest.raises(UsageError, match="blobs has 21 classes; the page allows at most 20"):
        make(tmp_path, {"data": {"name": "blobs", "classes": 21}})
    with pytest.raises(UsageError, match="spiral has 100 classes"):
        session.change("data.classes", "100")


def test_several_targets_are_refused(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i * i % 11},{i % 5}.5,{i % 3}.25\n" for i in range(60))
    (tmp_path / "t.csv").write_text("a,b,y,z\n" + rows)
    with pytest.raises(UsageError, match="draws one target"):
        make(tmp_path, {"data": {"name": "csv", "path": "t.csv", "target": ["y", "z"]}})
