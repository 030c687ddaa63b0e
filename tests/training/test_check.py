"""Each check passes where all is well, and fails for the fault that it is there for."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.build.parts import build_loss
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import UNITS
from mlpcli.nn.layers import Dense
from mlpcli.nn.losses import LOSSES
from mlpcli.training.check import Finding, check_experiment
from mlpcli.training.check.network import CHANCE
from mlpcli.training.run import Run
from mlpcli.training.start import take_directory, train_run

REGRESSION = {name for name, (words, _) in CHANCE.items() if name in ("mse", "mae", "huber")}


def table(path: Path, X: NDArray[Any], y: NDArray[Any], **sections: Any) -> dict[str, Any]:
    np.savez(path / "x.npz", X=X.astype(np.float32), y=y)
    sections["data"] = {"name": "npz", "path": str(path / "x.npz"), **sections.get("data", {})}
    return sections


def findings(sections: dict[str, Any]) -> dict[str, Finding]:
    return {finding.name: finding for finding in check_experiment(validate_experiment(sections, Path()))}


def random(n: int = 200, features: int = 5, classes: int = 2) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, features)), np.arange(n) % classes


def test_the_table_of_chance_names_every_loss() -> None:
    assert CHANCE.keys() == LOSSES.keys()


def test_chance_is_what_the_notes_say() -> None:
    """log C for softmax, C - 1 for the SVM: 2.303 and 9 for ten classes."""
    y = np.arange(10)
    for loss, expected in (
        ("cross_entropy", log(10)),
        ("hinge", 9),
        ({"name": "hinge", "squared": True, "delta": 2.0}, 36),
    ):
        data = {"name": "npz", "path": "any.npz"}
        section = validate_experiment({"data": data, "loss": loss}, Path()).loss
        assert CHANCE[section.name][1](section, 10, y) == pytest.approx(expected)


def test_a_network_that_is_trained_already_is_told_and_checked_as_it_is(tmp_path: Path) -> None:
    sections = {"data": "circles", "training": {"epochs": 60}}
    directory = take_directory("before", tmp_path / "before")
    train_run(validate_experiment(sections, Path()), directory)
    sections["training"] = {"start_from": str(directory.last)}
    found = findings(sections)
    assert found["start"].verdict == "note"
    assert "after 60 epochs and with the state of its optimizer" in found["start"].text
    assert "with the weights it begins with" in found["first loss"].text
    assert float(found["first loss"].text.split()[0]) < 0.2 < log(2)
    assert all(finding.verdict != "FAIL" for finding in found.values())


# Each loss and each activation once or more; all pairs are exhaustive.
PAIRS = [
    pytest.param(loss, name, marks=() if i == j % len(LOSSES) else pytest.mark.exhaustive)
    for i, loss in enumerate(LOSSES)
    for j, name in enumerate(UNITS)
]


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
def test_all_is_well(loss: str, activation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpcli.training.check.steps._SECONDS", 0.0)  # one step; another test overfits
    sections = {
        "data": {"name": "sine" if loss in REGRESSION else "moons", "points": 60},
        "loss": loss,
        "model": {"hidden": [20], "activation": activation, "batch_norm": True, "dropout": 0.2},
        "regularization": {"l1": 1e-3},
        "optimizer": {"name": "adam", "learning_rate": 1e-3},
    }
    found = findings(sections)
    assert [name for name, finding in found.items() if finding.verdict == "FAIL"] in ([], ["overfits"])
    assert build_loss(validate_experiment(sections, Path())) is not None


def test_a_wrong_gradient_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Dense.backward

    def wrong(layer: Dense, dY: NDArray[Any]) -> NDArray[Any] | None:
        dX = right(layer, dY)
        if layer.spec.number == 1:
            layer.db *= 1.001
        return dX

    monkeypatch.setattr(Dense, "backward", wrong)
    finding = findings({"data": "moons"})["gradient"]
    assert finding.verdict == "FAIL"
    assert "wrong in b1" in finding.text
    assert "W1" not in finding.text


def test_a_wrong_loss_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHANCE, "cross_entropy", ("log C", lambda section, classes, y: 5.0))
    assert findings({"data": "moons"})["first loss"].verdict == "FAIL"


def test_constant_and_repeated_features(tmp_path: Path) -> None:
    X, y = random()
    X[:, 1], X[:, 4] = 7, X[:, 2]
    finding = findings(table(tmp_path, X, y))["features"]
    assert finding.verdict == "note"
    assert "x2: the same in every example" in finding.text
    assert "x5: the same as another feature" in finding.text


def test_unscaled_inputs(tmp_path: Path) -> None:
    X, y = random()
    sections = table(tmp_path, X * 5000 + 200, y, data={"scaling": "none"})
    found = findings(sections)
    assert found["scale"].verdict == "FAIL"
    assert "data.scaling: standardize" in found["scale"].text
    assert found["first loss"].verdict == "FAIL"
    sections["data"]["scaling"] = "standardize"
    assert findings(sections)["scale"].verdict == "pass"


def test_examples_that_several_splits_hold(tmp_path: Path) -> None:
    X, y = random()
    X[100:] = X[:100]
    finding = findings(table(tmp_path, X, y))["splits"]
    assert finding.verdict == "FAIL"
    assert "val" in finding.text
    assert "test" in finding.text
    X, y = random()
    nothing = table(tmp_path, X, y, data={"val_size": 0, "test_size": 0})
    assert findings(nothing)["splits"].verdict == "note"


def test_uneven_and_missing_classes(tmp_path: Path) -> None:
    X, y = random()
    y[:] = 0
    y[:12] = 1
    finding = findings(table(tmp_path, X, y))["classes"]
    assert finding.verdict == "note"
    assert "class_weights: balanced" in finding.text
    y[:] = np.arange(200) % 2
    y[0] = 2  # one example: it cannot be in every split
    finding = findings(table(tmp_path, X, y))["classes"]
    assert finding.verdict in ("note", "FAIL")
    assert "has no example of 2" in finding.text


def test_a_network_that_cannot_learn_by_heart_fails_and_a_small_one_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = random(features=2)
    linear = table(tmp_path, X, y, model={"hidden": []})
    assert findings(linear)["overfits"].verdict == "note"
    assert findings({"data": "moons", "model": {"dropout": 0.9}})["overfits"].verdict == "pass"
    monkeypatch.setattr("mlpcli.training.check.steps._MOST_STEPS", 200)
    stuck = {"data": "moons", "model": {"hidden": [30], "init": {"name": "he", "bias": -1000.0}}}
    assert findings(stuck)["overfits"].verdict == "FAIL"


def test_a_learning_rate_that_is_too_high() -> None:
    finding = findings({"data": "moons", "optimizer": {"name": "sgd", "learning_rate": 1e6}})["first steps"]
    assert finding.verdict == "FAIL"
    assert "ower optimizer.learning_rate" in finding.text


def test_rows_that_come_again_by_nature_are_a_note_and_copies_a_failure(tmp_path: Path) -> None:
    """Columns of a few categories repeat; so do measurements of one thing that came out differently."""
    rng = np.random.default_rng(0)
    few = rng.integers(0, 2, (400, 3))
    found = findings(table(tmp_path, few, rng.integers(0, 2, 400)))
    assert found["splits"].verdict == "note"
    assert "hold few values" in found["splits"].text
    assert "240 training examples have 8 different ones" in found["splits"].text
    assert found["overfits"].verdict != "FAIL"  # of examples that differ
    X, _ = random(200)
    again = np.concatenate([X, X])
    found = findings(table(tmp_path, again, np.tile(np.arange(200) % 2, 2)))
    assert found["splits"].verdict == "FAIL"
    assert "drop repeated rows" in found["splits"].text
    found = findings(table(tmp_path, again, rng.integers(0, 2, 400)))
    assert found["splits"].verdict == "note"


def test_a_target_that_the_columns_give_away_is_noted(tmp_path: Path) -> None:
    X, _ = random(200)
    path = tmp_path / "x.csv"
    rows = "".join(f"{a:.5f},{b:.5f},{float(f'{a:.5f}') + float(f'{b:.5f}')!r}\n" for a, b in X[:, :2])
    path.write_text(f"a,b,sum\n{rows}")
    found = findings({"data": {"name": "csv", "path": str(path), "target": "sum"}})
    assert found["overfits"].verdict == "note"
    assert "Do columns give the target away" in found["overfits"].text
    assert not any(finding.verdict == "FAIL" for finding in found.values())
    assert "with the fitted linear model" in found["first loss"].text


def test_a_linear_model_of_too_few_rows_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b,kind\n1,2,x\n2,3,y\n3,1,x\n")
    found = findings({"data": {"name": "csv", "path": str(path), "target": "kind"}})["first loss"]
    assert found.verdict == "note"
    assert "fitted linear model" in found.text
    assert "few or odd rows" in found.text


def test_the_cost_of_a_small_table_is_near_what_it_takes(tmp_path: Path) -> None:
    X, y = random(150)
    path = tmp_path / "x.csv"
    path.write_text(
        "a,b,y\n" + "".join(f"{a},{b},{'pq'[c]}\n" for (a, b), c in zip(X[:, :2], y, strict=True))
    )
    sections = {"data": {"name": "csv", "path": str(path), "target": "y"}, "training": {"epochs": 60}}
    words = findings(sections)["cost"].text.split()
    assert words[2] == "seconds"
    run = Run(validate_experiment(sections, Path()))
    for _ in run.epochs():
        pass
    assert float(words[1]) < 5 * run.seconds + 0.5  # two cores may be busy with other tests


def test_a_date_without_times_is_one_column_whose_hour_tells_nothing(tmp_path: Path) -> None:
    days = [f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" if i % 9 else "" for i in range(120)]
    rows = "".join(f"{day},{i % 7},{'ab'[i % 2]}\n" for i, day in enumerate(days))
    (tmp_path / "t.csv").write_text(f"when,x,kind\n{rows}")
    data = {"name": "csv", "path": "t.csv", "target": "kind", "columns": {"when": "date"}}
    experiment = validate_experiment({"data": data}, tmp_path)
    found = {finding.name: finding for finding in check_experiment(experiment)}
    assert " 2 columns as " in found["data"].text
    assert found["features"].text == (
        "when year, when hour: the same wherever it is not missing; it tells no more than that it is missing"
    )
