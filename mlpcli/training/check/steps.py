"""Checks of the first steps: can the network overfit, does it explode, what will the run cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.parts import build_loss
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.data.batches import Batches
from mlpcli.data.large.batches import LargeBatches
from mlpcli.errors import RunError
from mlpcli.nn.losses import Loss
from mlpcli.text import count, memory
from mlpcli.training.check.samples import Finding, batch_of, fresh_network, part_of, streams_of
from mlpcli.training.evaluation import quick_scores
from mlpcli.training.loop import Trainer
from mlpcli.training.memory import forecast_memory, loaded_data
from mlpcli.training.run import Run, build_trainer

__all__ = ["check_first_steps", "check_overfits"]

_FIRST_STEPS = 20
_NO_LOSS = 1e-6  # beside about 1 by chance
_TIMED = 0.3  # seconds of first steps, of which the fastest epoch counts
_SCORED = 2000  # examples
_MOST_STEPS, _SECONDS = 3000, 3.0  # at most, to learn a few examples by heart


def _bare(experiment: Experiment, examples: int) -> Experiment:
    """Return the experiment without what keeps it from learning by heart, with adam and a single batch."""
    plain = to_plain(experiment)
    plain["training"] |= {"epochs": _MOST_STEPS, "batch_size": examples, "patience": None}
    if isinstance(plain["data"], dict):
        plain["data"].pop("augment", None)
    plain["regularization"] = {"l2": 0.0}
    plain["optimizer"] = {"name": "adam", "learning_rate": 3e-3}
    plain["model"] |= {"dropout": 0.0, "input_dropout": 0.0, "input_noise": 0.0}
    for layer in plain["model"]["hidden"]:
        if isinstance(layer, dict):
            layer.pop("dropout", None)
    if isinstance(plain["loss"], dict):
        for key in ("label_smoothing", "class_weights"):
            plain["loss"].pop(key, None)
    return validate_experiment(plain, Path())


def _trainer(run: Run, experiment: Experiment, loss: Loss, rows: NDArray[Any]) -> Trainer:
    """Return the trainer of a new network on a few examples."""
    return build_trainer(experiment, fresh_network(run, experiment, np.float32), loss, part_of(run, rows))


def check_overfits(run: Run, rows: NDArray[Any]) -> Finding:
    """Let the network learn a few examples by heart, without whatever keeps it from that."""
    bare = _bare(run.experiment, len(rows))
    trainer = _trainer(run, bare, build_loss(bare), rows)
    start, first, last = time.perf_counter(), None, 0.0
    try:
        for epoch in trainer.epochs():
            last = epoch.metrics["train_loss"]
            first = last if first is None else first
            if first < _NO_LOSS or last <= 0.01 * first or time.perf_counter() - start > _SECONDS:
                break
    except RunError as error:
        return Finding("overfits", "FAIL", f"on {count(len(rows), 'example')}: {str(error).splitlines()[0]}")
    assert first is not None
    if first < _NO_LOSS:
        return Finding(
            "overfits",
            "note",
            f"loss {first:.2g} on {count(len(rows), 'example')} before the first step: the linear model is "
            "right about all. Do columns give the target away, as parts of a sum do?",
        )
    steps = trainer.progress.epoch
    text = (
        f"loss {first:.3g} to {last:.2g} on {count(len(rows), 'example')}, in {count(steps, 'step')} of adam"
    )
    if last <= 0.05 * first:
        return Finding("overfits", "pass", text)
    narrowest = min(run.network.widths[:-1] if len(run.network.widths) == 2 else run.network.widths[1:-1])
    if narrowest < len(rows):
        return Finding(
            "overfits", "note", f"{text}: too small to learn them by heart, with {narrowest} units to a layer"
        )
    return Finding(
        "overfits",
        "FAIL",
        f"{text}: it should come near 0; try relu, norm: batch or fewer layers, "
        "and see whether examples with the same features have different targets",
    )


def check_first_steps(run: Run, order: NDArray[Any]) -> Iterator[Finding]:
    """Take the first steps as the config says, and estimate what the run will cost."""
    experiment = run.experiment
    batch_size, n = experiment.training.batch_size, len(order)
    steps = ceil(min(n, _FIRST_STEPS * batch_size) / batch_size)  # in an epoch of them; two are taken
    try:
        trainer = _trainer(run, experiment, run.loss, order[: _FIRST_STEPS * batch_size])
        start, metrics = time.perf_counter(), []
        for epoch in trainer.epochs():
            metrics.append(epoch.metrics)
            if len(metrics) >= 2 and time.perf_counter() - start > _TIMED:
                break
    except RunError as error:
        yield Finding("first steps", "FAIL", " ".join(str(error).splitlines()))
        return
    before, after = (
        run.loss.evaluate(*_logits(run, order), None),
        metrics[min(1, len(metrics) - 1)]["train_loss"],
    )
    text = (
        f"loss {before:.3g} at first, {after:.3g} after {count(steps, 'step')} of {experiment.optimizer.name}"
    )
    if after > max(3 * before, 1e3 * _NO_LOSS):
        yield Finding("first steps", "FAIL", f"{text}: it explodes; lower optimizer.learning_rate")
    else:
        yield Finding("first steps", "pass", text)
    step = min(row["seconds"] for row in metrics) / steps
    once, epochs = step * ceil(run.splits.train.size / batch_size) + _scoring(run), experiment.training.epochs
    yield Finding(
        "cost",
        "pass",
        f"about {_duration(once * epochs)} for {count(epochs, 'epoch')} ({1e3 * step:.3g} ms a step), "
        f"{_memory(run)} of memory",
    )


def _logits(run: Run, order: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    X, y = batch_of(run, order[:500], np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # it shows in the loss
        return fresh_network(run, run.experiment, np.float32).forward(X, streams_of(run)), y


def _scoring(run: Run) -> float:
    """Return the seconds that scoring the validation split takes."""
    val = run.trainer.val
    if val is None:
        return 0.0
    part: Batches | LargeBatches = val  # where each member is scored on what it leaves out, these are few
    if val.left_out is None and len(val) > _SCORED:
        split = val.split
        part = Batches(replace(split, rows=split.rows[:_SCORED]), run.transform, run.network.dtype)
    seconds = []
    for _ in range(2):  # the first time makes the buffers
        start = time.perf_counter()
        with run.trainer.threads:
            quick_scores(run.network, run.loss, part, run.experiment.monitor, run.trainer.target_transform)
        seconds.append(time.perf_counter() - start)
    return min(seconds) * len(val) / len(part)


def _memory(run: Run) -> str:
    data = loaded_data(run.splits, run.transform)
    return memory(forecast_memory(run.network.spec, run.experiment, data).total)


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.2g} seconds"
