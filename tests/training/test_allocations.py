"""The hot path allocates no arrays: the buffers of a batch are made once and reused."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from usual import some

from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.penalties import PENALTIES
from mlpcli.optim.rules import RULES
from mlpcli.training.loop import Trainer
from mlpcli.training.run import Run

# One float for each row, or for each weight, would exceed what a step may allocate temporarily: Python's own
# objects, and the 8,192 numbers that NumPy converts at a time if types differ.
FLOATS = 32_768
SMALL = 4 * FLOATS - 1
STEPS = 10


def most_allocated(folder: Path, rows: int, features: int, sections: dict[str, Any]) -> int:
    """Return the peak of the bytes that a training step allocates temporarily."""
    rng = np.random.default_rng(0)
    path = folder / "noise.npz"
    X, y = rng.standard_normal((2 * rows, features), np.float32), rng.integers(0, 2, 2 * rows)
    np.savez(path, X=X, y=y, w=rng.random(2 * rows))
    sections = {
        "training": {"epochs": 3, "batch_size": rows},
        "loss": "cross_entropy",
        **sections,
        "data": {"name": "npz", "path": str(path), "val_size": 0, "test_size": 0, **sections.get("data", {})},
    }
    trainer = Run(validate_experiment(sections, folder)).trainer
    next(trainer.epochs())  # makes all buffers
    found = _most_of_an_epoch(trainer, rows)
    # Once more where it is much: another thread, as that of pytest-xdist, may have been at work.
    return found if found < SMALL else min(found, _most_of_an_epoch(trainer, rows))


def _most_of_an_epoch(trainer: Trainer, rows: int) -> int:
    batches = [tuple(array.copy() for array in batch) for batch in trainer.train.in_order(rows)]
    peaks = []

    def many(*_: Any) -> Iterator[tuple[NDArray[Any], ...]]:
        gathered = trainer.train.in_order(rows)
        for step in range(STEPS):
            tracemalloc.reset_peak()
            next(gathered, None)
            yield batches[step % 2]
            now, peak = tracemalloc.get_traced_memory()
            peaks.append(peak - now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.train, "shuffled", many)
        patch.setattr(trainer, "batches", STEPS)
        tracemalloc.start()
        try:
            next(trainer.epochs())
        finally:
            tracemalloc.stop()
    assert len(peaks) == STEPS - 1  # the last one, which is measured for the metrics, is left out
    return max(peaks)


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("loss", some(LOSSES, 3))
def test_no_array_of_a_batch_in_the_loss(loss: str, weight: str | None, tmp_path: Path) -> None:
    sections = {"model": {"hidden": [2]}, "loss": loss, "data": {"weight": weight}}
    assert most_allocated(tmp_path, FLOATS, 2, sections) < SMALL


@pytest.mark.parametrize(
    "model",
    [
        *some(({"activation": name} for name in UNITS), 3),
        *({key: 0.5} for key in ("dropout", "input_dropout", "input_noise")),
        *({"norm": norm} for norm in NORMS),
        {"hidden": [3, 2, 2], "residual": True},
        {"members": 2, "linear_path": "learned"},
    ],
    ids=str,
)
def test_no_array_of_a_batch_in_the_layers(model: dict[str, Any], tmp_path: Path) -> None:
    sections = {"model": {"hidden": [2], **model}, "loss": "binary_hinge"}  # the quickest
    assert most_allocated(tmp_path, FLOATS, 2, sections) < SMALL


def test_no_array_of_a_batch_in_windows(tmp_path: Path) -> None:
    model = {"hidden": [{"units": 2, "window": 3}, {"units": 2, "window": 2}]}
    sections = {"model": model, "optimizer": "momentum", "loss": "binary_hinge"}
    assert most_allocated(tmp_path, FLOATS, 16, sections) < SMALL


@pytest.mark.parametrize(
    "section",
    [
        *some(({"optimizer": name} for name in RULES), 3),
        {"optimizer": {"name": "adam", "clip_norm": 1e-3}},
        *({"regularization": {name: 0.1}} for name in (*PENALTIES, "weight_decay", "max_norm")),
    ],
    ids=str,
)
def test_no_array_of_the_weights_in_the_step(section: dict[str, Any], tmp_path: Path) -> None:
    assert most_allocated(tmp_path, 4, FLOATS // 8, {"model": {"hidden": [8]}, **section}) < SMALL


def test_gradients_stay_views_of_the_one_flat_array(tmp_path: Path) -> None:
    model = {"hidden": [3, 3], "activation": "prelu", "batch_norm": True}
    sections = {"data": {"name": "spiral", "points": 60}, "model": model, "training": {"epochs": 2}}
    run = Run(validate_experiment(sections, tmp_path))
    list(run.trainer.epochs())
    parameters = run.network.parameters
    for layer in run.network.layers:
        for parameter in layer.spec.parameters:
            kind = parameter.role
            for array, flat in (
                (getattr(layer, kind), parameters.values),
                (getattr(layer, f"d{kind}"), parameters.gradients),
            ):
                assert array.base is flat
                start = (array.ctypes.data - flat.ctypes.data) // flat.itemsize
                assert slice(start, start + array.size) == parameters.span(parameter.name)
