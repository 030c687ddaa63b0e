"""Checks before a long run: the data, and this very network's first loss, gradient, capacity and cost.

These are the checks that the CS231n notes ask for (Neural Networks 3, "Gradient checks" and "Before learning:
sanity checks Tips/Tricks"). Nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil, log
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlpcli.build import (
    Splits,
    build_loss,
    build_network,
    build_penalties,
)
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.data.batches import Batches, Split
from mlpcli.errors import RunError
from mlpcli.nn.gradient_check import TOLERANCE, check_gradients
from mlpcli.nn.losses import Loss
from mlpcli.nn.network import Network
from mlpcli.nn.objective import differentiate_objective, evaluate_objective
from mlpcli.streams import stream
from mlpcli.text import count, memory, some
from mlpcli.training.evaluation import quick_scores
from mlpcli.training.loop import Trainer
from mlpcli.training.memory import forecast_memory, loaded_data
from mlpcli.training.run import Run, build_trainer

__all__ = ["CHANCE", "Finding", "check_experiment"]

_ROWS = 4096  # at a time
_GRADIENT_ROWS, _FEW, _FIRST_STEPS = 8, 20, 20
_MOST_STEPS, _SECONDS = 3000, 3.0  # at most, to learn a few examples by heart


@dataclass(frozen=True)
class Finding:
    """The outcome of one check, in words; a note is something to know that need not be wrong."""

    name: str
    verdict: Literal["pass", "note", "FAIL"]
    text: str


# The loss of logits that are all 0, from (section, classes, y): what a network that knows nothing has to pay.
CHANCE: dict[str, tuple[str, Callable[[Any, int, NDArray[Any]], float]]] = {
    "cross_entropy": ("log C", lambda section, classes, y: log(classes)),  # noqa: ARG005
    "hinge": (
        "(C - 1) delta",
        lambda section, classes, y: (classes - 1) * section.delta ** (2 if section.squared else 1),  # noqa: ARG005
    ),
    "binary_cross_entropy": ("log 2", lambda section, classes, y: log(2)),  # noqa: ARG005
    "binary_hinge": ("the margin", lambda section, classes, y: 1.0),  # noqa: ARG005
    "mse": ("the variance", lambda section, classes, y: float(np.mean(y**2))),  # noqa: ARG005
    "mae": ("mean |y|", lambda section, classes, y: float(np.mean(np.abs(y)))),  # noqa: ARG005
    "huber": (
        "mean huber(y)",
        lambda section, classes, y: float(  # noqa: ARG005
            np.mean(
                np.where(
                    np.abs(y) <= section.delta, y**2 / 2, section.delta * (np.abs(y) - section.delta / 2)
                )
            )
        ),
    ),
}


def check_experiment(experiment: Experiment) -> Iterator[Finding]:
    """Yield the findings one by one; raises DataError or ConfigError if there is nothing to check."""
    run = Run(experiment)
    yield from _check_data(run)
    network = _fresh(run, experiment, np.float64)
    train = run.trainer.train
    order = train.split.rows[stream(experiment.training.seed, "check").permutation(len(train))]
    sample = _batch(run, order[:500], np.float64)
    yield _check_first_loss(run, network, *sample)
    yield _check_penalties(run, network, *sample)
    yield _check_gradient(run, network, *_batch(run, order[:_GRADIENT_ROWS], np.float64))
    yield _check_memory_of_a_few(run, order[:_FEW])
    yield from _check_first_steps(run, order)


def _fresh(run: Run, experiment: Experiment, dtype: Any) -> Network:
    network = build_network(experiment, run.network.widths, dtype)
    network.initialize(stream(experiment.training.seed, "init"))
    return network


def _part(run: Run, rows: NDArray[Any], dtype: Any = np.float32) -> Batches:
    """Return the training examples of ``rows``, transformed as for training."""
    split = run.trainer.train.split
    return Batches(Split(split.X, split.y, rows), run.transform, dtype)


def _batch(run: Run, rows: NDArray[Any], dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    return next(_part(run, rows, dtype).in_order(len(rows)))


# ---------------------------------------------------------------------------------------------- data


def _check_data(run: Run) -> Iterator[Finding]:
    yield Finding("data", "pass", run.describe_data())
    yield _check_features(run)
    yield _check_scale(run)
    yield _check_shared_rows(run.splits)
    if run.splits.classes is not None:
        yield _check_classes(run.splits, run.splits.classes)


def _check_features(run: Run) -> Finding:
    split, names = run.splits.train, run.splits.columns
    lowest, highest = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    sums = np.zeros(len(names))
    weights = np.random.default_rng(0).standard_normal(len(split))
    for start in range(0, len(split), _ROWS):
        X = split.X[split.rows[start : start + _ROWS]]
        lowest, highest = np.minimum(lowest, X.min(axis=0)), np.maximum(highest, X.max(axis=0))
        sums += np.einsum("i,ij->j", weights[start : start + _ROWS], X, dtype=np.float64)
    constant = lowest == highest
    # Equal columns have equal sums under any weights; those with equal sums are then compared in full.
    _, first = np.unique(sums, return_index=True)
    twins = [
        j
        for j in np.setdiff1d(np.flatnonzero(~constant), first)
        if any(
            np.array_equal(split.X[split.rows, i], split.X[split.rows, j])
            for i in np.flatnonzero(sums == sums[j])
            if i != j
        )
    ]
    said = []
    if constant.any():
        said.append(f"{_some(names, np.flatnonzero(constant))}: the same in every example")
    if twins:
        said.append(f"{_some(names, twins)}: the same as another feature")
    if said:
        return Finding("features", "note", "; ".join(said) + ". They teach nothing; leave them out")
    return Finding("features", "pass", "none is constant, no two are the same")


def _some(names: tuple[str, ...], which: Any) -> str:
    shown = ", ".join(names[i] for i in which[:3])
    return shown if len(which) <= 3 else f"{shown}, ... ({len(which):,} of {len(names):,} features)"


def _check_scale(run: Run) -> Finding:
    X, _ = _batch(run, run.trainer.train.split.rows[:2000], np.float64)
    mean, std = float(np.max(np.abs(np.mean(X, axis=0)))), float(np.max(np.std(X, axis=0)))
    text = f"inputs have means up to {mean:.2f} and standard deviations up to {std:.2f}"
    if mean > 10 or std > 10:
        return Finding("scale", "FAIL", f"{text}; about 0 and 1 train best: set data.scaling: standardize")
    if std < 0.1:
        return Finding("scale", "note", f"{text}: small; data.scaling: standardize makes them 1")
    return Finding("scale", "pass", text)


def _digests(split: Split) -> Iterator[bytes]:
    for row in split.rows:
        yield blake2b(np.ascontiguousarray(split.X[row]).data, digest_size=12).digest()


def _check_shared_rows(splits: Splits) -> Finding:
    held_out = {
        name: split for name, split in (("val", splits.val), ("test", splits.test)) if split is not None
    }
    if not held_out:
        return Finding("splits", "note", "nothing is held out: no score will tell how it does on new data")
    known = set(_digests(splits.train))
    shares, said = [], []
    for name, split in held_out.items():
        shared = sum(digest in known for digest in _digests(split))
        shares.append(shared / len(split))
        if shared:
            said.append(f"{shared:,} of {len(split):,} {name} examples")
    if not said:
        return Finding("splits", "pass", f"no {' or '.join(held_out)} example is also in train")
    text = f"{' and '.join(said)} have the features of a training example"
    if max(shares) > 0.1:
        return Finding(
            "splits", "FAIL", f"{text}: scores will flatter; drop repeated rows before they are split"
        )
    return Finding("splits", "note", text)


def _check_classes(splits: Splits, classes: tuple[str, ...]) -> Finding:
    counts = {
        name: np.bincount(split.y[split.rows], minlength=len(classes))
        for name, split in (("train", splits.train), ("val", splits.val), ("test", splits.test))
        if split is not None
    }
    missing = []
    for name, of_classes in counts.items():
        which = np.flatnonzero(of_classes == 0)
        if len(which):
            text = f"{name} has no example of {some([classes[i] for i in which], 3)}"
            if name == "train":
                return Finding(
                    "classes", "FAIL", f"{text}; it cannot be learned: add some, or drop the class"
                )
            missing.append(f"{text}: its score says nothing of that")
    sizes = counts["train"].tolist()
    low, high = min(sizes), max(sizes)
    text = f"{low:,}{'' if low == high else f' to {high:,}'} training examples each"
    if missing:
        return Finding("classes", "note", "; ".join([*missing, text]))
    if low * 10 < high:
        return Finding(
            "classes", "note", f"{text}: uneven; loss.class_weights: balanced makes them count alike"
        )
    return Finding("classes", "pass", text)


# ------------------------------------------------------------------------------------------- network


def _check_first_loss(run: Run, network: Network, X: NDArray[Any], y: NDArray[Any]) -> Finding:
    section, split = run.experiment.loss, run.trainer.train.split
    all_y = split.y[split.rows]
    logits = np.zeros((len(all_y), network.widths[-1]))
    words, theory = CHANCE[section.name]
    chance = theory(section, run.splits.targets, all_y)
    found = run.loss.evaluate(logits, all_y, None)
    first = run.loss.evaluate(network.forward(X, _streams(run)), y, None)
    text = f"{first:.4g} with the first weights, {words} = {chance:.4g} by chance"
    if abs(found - chance) > 1e-3 * chance:
        return Finding("first loss", "FAIL", f"logits of 0 cost {found:.4g}, not {words} = {chance:.4g}")
    if not first <= 10 * chance:
        return Finding(
            "first loss",
            "FAIL",
            f"{text}: the first guesses are wild; scale the inputs, lower model.init.gain",
        )
    return Finding("first loss", "pass", text)


def _streams(run: Run) -> dict[str, np.random.Generator]:
    """Return the streams of a training step; the same numbers each time."""
    return {name: stream(run.experiment.training.seed, name) for name in ("dropout", "noise")}


def _check_penalties(run: Run, network: Network, X: NDArray[Any], y: NDArray[Any]) -> Finding:
    penalties = build_penalties(run.experiment)
    if not penalties:
        return Finding("penalties", "pass", "none is set")
    losses = [
        evaluate_objective(network, run.loss, [(p, factor * by) for p, by in penalties], X, y, _streams(run))
        for factor in (0, 1, 10)
    ]
    text = "loss {:.5g}; {:.5g} with them, {:.5g} with ten times as much".format(*losses)
    if losses[0] < losses[1] < losses[2]:
        return Finding("penalties", "pass", text)
    return Finding(
        "penalties", "FAIL", f"{text}: it has to rise; please report this as a bug, with the config"
    )


def _check_gradient(run: Run, network: Network, X: NDArray[Any], y: NDArray[Any]) -> Finding:
    parameters, penalties = network.parameters, build_penalties(run.experiment)

    def objective() -> float:
        return evaluate_objective(network, run.loss, penalties, X, y, _streams(run))

    gradient = differentiate_objective(network, run.loss, penalties, X, y, _streams(run))
    checks = check_gradients(objective, parameters, gradient, stream(run.experiment.training.seed, "check"))
    wrong = [check for check in checks if not check.error <= TOLERANCE]
    worst = max(check.error for check in checks)
    entries, kinks = sum(check.checked for check in checks), sum(check.kinks for check in checks)
    at_kinks = f", {kinks} more at kinks" if kinks else ""
    if wrong:
        names = ", ".join(f"{check.name} {check.error:.1e}" for check in wrong)
        return Finding(
            "gradient", "FAIL", f"wrong in {names} (relative); please report this as a bug, with the config"
        )
    return Finding(
        "gradient",
        "pass",
        f"worst relative error {worst:.0e}; {entries} entries of {len(checks)} arrays{at_kinks}",
    )


# ---------------------------------------------------------------------------------------------- steps


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
    return build_trainer(experiment, _fresh(run, experiment, np.float32), loss, _part(run, rows))


def _check_memory_of_a_few(run: Run, rows: NDArray[Any]) -> Finding:
    bare = _bare(run.experiment, len(rows))
    trainer = _trainer(run, bare, build_loss(bare), rows)
    start, first, last = time.perf_counter(), None, 0.0
    try:
        for epoch in trainer.epochs():
            last = epoch.metrics["train_loss"]
            first = last if first is None else first
            if last <= 0.01 * first or time.perf_counter() - start > _SECONDS:
                break
    except RunError as error:
        return Finding("overfits", "FAIL", f"on {count(len(rows), 'example')}: {str(error).splitlines()[0]}")
    assert first is not None
    steps = trainer.progress.epoch
    text = (
        f"loss {first:.3g} to {last:.2g} on {count(len(rows), 'example')}, in {count(steps, 'step')} of adam"
    )
    if last <= 0.05 * first:
        return Finding("overfits", "pass", text)
    narrowest = min(run.network.widths[:-1] if len(run.network.widths) == 2 else run.network.widths[1:-1])
    if narrowest < _FEW:
        return Finding(
            "overfits", "note", f"{text}: too small to learn them by heart, with {narrowest} units to a layer"
        )
    return Finding(
        "overfits",
        "FAIL",
        f"{text}: it should come near 0; try relu, norm: batch or fewer layers, "
        "and see whether examples with the same features have different targets",
    )


def _check_first_steps(run: Run, order: NDArray[Any]) -> Iterator[Finding]:
    experiment = run.experiment
    batch_size, n = experiment.training.batch_size, len(order)
    steps = ceil(min(n, _FIRST_STEPS * batch_size) / batch_size)  # in an epoch of them; two are taken
    try:
        trainer = _trainer(run, experiment, run.loss, order[: _FIRST_STEPS * batch_size])
        metrics = [epoch.metrics for epoch, _ in zip(trainer.epochs(), range(2), strict=False)]
    except RunError as error:
        yield Finding("first steps", "FAIL", " ".join(str(error).splitlines()))
        return
    before, after = run.loss.evaluate(*_logits(run, order), None), metrics[-1]["train_loss"]
    text = (
        f"loss {before:.3g} at first, {after:.3g} after {count(steps, 'step')} of {experiment.optimizer.name}"
    )
    if after > 3 * before:
        yield Finding("first steps", "FAIL", f"{text}: it explodes; lower optimizer.learning_rate")
    else:
        yield Finding("first steps", "pass", text)
    step = metrics[-1]["seconds"] / steps
    epoch, epochs = step * ceil(n / batch_size) + _scoring(run), experiment.training.epochs
    yield Finding(
        "cost",
        "pass",
        f"about {_duration(epoch * epochs)} for {count(epochs, 'epoch')} ({1e3 * step:.3g} ms a step), "
        f"{_memory(run)} of memory",
    )


def _logits(run: Run, order: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    X, y = _batch(run, order[:500], np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # it shows in the loss
        return _fresh(run, run.experiment, np.float32).forward(X, _streams(run)), y


def _scoring(run: Run) -> float:
    """Return the seconds that scoring the validation split takes."""
    val = run.trainer.val
    if val is None:
        return 0.0
    few = Batches(Split(val.split.X, val.split.y, val.split.rows[:2000]), run.transform)
    start = time.perf_counter()
    quick_scores(run.network, run.loss, few)
    return (time.perf_counter() - start) * len(val) / len(few)


def _memory(run: Run) -> str:
    return memory(forecast_memory(run.network.spec, run.experiment, loaded_data(run.splits)).total)


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.2g} seconds"
