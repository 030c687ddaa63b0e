"""Checkpoints of older formats: each is read, predicts what it predicted, and is trained on.

``formats`` holds, for each format, files that the version of its time has written: ``classes.npz``, the
last.npz of a run that was stopped within an epoch (prelu, maxout, batch norm, dropout, noise, adam, cosine),
and ``values.npz``, the best.npz of a regression. From format 3 on there is also ``table.npz``, the folds.npz
of a cross-validation: two networks of two members each, with a learned linear path, of a table with words,
missing cells and bins. ``expected.json`` has predictions of that version, and some of the weights that the
run ended with. A new format adds a folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.training.checkpoints import FORMAT, load_checkpoint, save_checkpoint
from mlpcli.training.migrations import MIGRATIONS, migrate
from mlpcli.training.predictions import predict_rows
from mlpcli.training.resume import restore
from mlpcli.training.run import Run

FORMATS = Path(__file__).with_name("formats")
NUMBERS = sorted(int(folder.name) for folder in FORMATS.iterdir())
TASKS = ("classes", "values")
FILES = [(number, path.stem) for number in NUMBERS for path in sorted((FORMATS / str(number)).glob("*.npz"))]


def expected(number: int) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FORMATS / str(number) / "expected.json").read_text())
    return loaded


def test_every_older_format_has_a_migration_and_files() -> None:
    assert list(range(1, FORMAT + 1)) == NUMBERS
    assert list(range(1, FORMAT)) == sorted(MIGRATIONS)
    names = ((number, [*TASKS, "table"][: 2 + (number >= 3)]) for number in NUMBERS)
    assert sorted(FILES) == [(number, name) for number, own in names for name in sorted(own)]


@pytest.mark.parametrize(("number", "task"), FILES)
def test_it_predicts_the_same_as_before(number: int, task: str, tmp_path: Path) -> None:
    known = expected(number)[task]
    if "rows" in known:
        path = tmp_path / "x.csv"
        path.write_text(known["rows"])
    else:
        path = tmp_path / "x.npy"
        np.save(path, np.array(known["X"], np.float32))
    answers = predict_rows(load_checkpoint(FORMATS / str(number) / f"{task}.npz"), path)
    np.testing.assert_allclose(answers.values, known["values"], rtol=1e-4)
    assert answers.labels == known.get("labels")


@pytest.mark.parametrize(("number", "task"), FILES)
def test_it_is_saved_in_the_current_format(number: int, task: str, tmp_path: Path) -> None:
    old = load_checkpoint(FORMATS / str(number) / f"{task}.npz")
    save_checkpoint(tmp_path / "new.npz", old)
    meta = json.loads(np.load(tmp_path / "new.npz")["meta"].item())
    assert meta["format"] == FORMAT
    new = load_checkpoint(tmp_path / "new.npz")
    assert new.experiment == old.experiment
    assert (new.columns, new.kinds, len(new.members)) == (old.columns, old.kinds, len(old.members))
    for after, before in zip(new.members, old.members, strict=True):
        np.testing.assert_array_equal(after.network.parameters.values, before.network.parameters.values)


def test_the_table_has_all_that_a_table_can_have() -> None:
    """Other tests rely on it: words, missing cells, bins, two networks of two members each, a linear path."""
    table = load_checkpoint(FORMATS / "3" / "table.npz")
    assert {kind.name for kind in table.kinds.values()} == {"boolean", "category"}
    assert (len(table.members), table.network.spec.members) == (2, 2)
    for member in table.members:
        transform = member.transform
        assert transform.flagged
        assert transform.slots
        assert transform.bins
        assert "V" in member.network.parameters.shapes


@pytest.mark.parametrize(
    ("loss", "monitor"),
    [({"name": "cross_entropy", "class_weights": "balanced"}, "accuracy"), ("cross_entropy", None)],
)
def test_runs_with_class_weights_go_on_choosing_by_accuracy(loss: Any, monitor: str | None) -> None:
    old = {"format": 2, "config": {"data": "spiral", "loss": loss, "training": {"epochs": 3}}}
    assert migrate(old)["config"]["training"].get("monitor") == monitor


@pytest.mark.parametrize("number", NUMBERS)
def test_a_resumed_run_reaches_the_same_weights(number: int) -> None:
    last = load_checkpoint(FORMATS / str(number) / "classes.npz")
    run = Run(last.experiment)
    restore(run, last)
    assert [epoch.number for epoch in run.trainer.epochs()] == [3, 4, 5, 6]
    for name, values in expected(number)["classes"]["final"].items():
        found = run.network.parameters.view(name).ravel()
        np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-5, err_msg=name)
