"""Begins a run with a network that has been trained before, with settings of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlpcli.build.parts import build_rule
from mlpcli.build.splits import Splits
from mlpcli.config.plan import plan_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.data.toy import TOY_SETS
from mlpcli.errors import CheckpointError, ConfigError, NoCheckpointError
from mlpcli.nn.network import Network
from mlpcli.specs import NetworkSpec
from mlpcli.text import clip, count, shortened, some
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint
from mlpcli.training.loop import Progress, Trainer
from mlpcli.training.named import find_checkpoint

__all__ = ["OF_SPLITS", "OF_TRANSFORM", "describe_start", "go_on", "load_start", "may_have_seen"]

# Keys of data that are part of the fitted transform of a checkpoint, and those that divide the rows.
OF_TRANSFORM: dict[str, Any] = {"scaling": None, "terms": [], "bins": 0, "target_transform": "none"}
OF_SPLITS = (
    "split_seed",
    "train_size",
    "val_size",
    "test_size",
    "fold",
    "split",
    "split_by",
    "group",
    "time",
)


def go_on(network: Network, trainer: Trainer, start: Checkpoint, *, anew: bool) -> None:
    """Put a new network and its trainer where ``start`` stands, at the end of its last whole epoch.

    The weights are those of ``start``. If the optimizer keeps the same arrays, as with another learning rate
    or momentum, it gets these and the number of steps; else it begins with zeros, as a new one does. Epochs
    count on, or from 1 again if it is begun ``anew``; either way the random streams go on, and which epoch is
    the best is found anew. Raises ConfigError if the networks have not the same parameters.
    """
    difference = _difference(network.spec, start.network.spec)
    if difference is not None:
        raise ConfigError(f"a network cannot go on from one of another model: {difference}")
    np.copyto(network.parameters.values, start.network.parameters.values)
    for name, array in start.network.state.items():
        np.copyto(network.state[name], array)
    resume, optimizer = start.resume, trainer.optimizer
    steps, taken, offset = 0, start.epoch, 0
    if resume is not None:
        taken, offset = resume.steps - resume.progress.step_offset, resume.progress.epoch_offset
        if _keeps_state(optimizer.slots, start):
            steps = resume.steps
            for name, slot in resume.slots.items():
                np.copyto(optimizer.slots[name], slot)
    if anew:
        progress = Progress(epoch_offset=offset + start.epoch, step_offset=steps)
    else:
        progress = Progress(start.epoch, epoch_offset=offset, step_offset=steps - taken)
    trainer.resume(progress, steps, None)


def load_start(experiment: Experiment, splits: Splits) -> Checkpoint:
    """Return the checkpoint that ``training.start_from`` names, which has to fit the run.

    Raises CheckpointError if it cannot be read, ConfigError with all differences if it does not fit.
    """
    assert experiment.training.start_from is not None
    try:
        path = find_checkpoint(Path(experiment.training.start_from))
        start = load_checkpoint(path)
    except NoCheckpointError as error:
        where = "; a relative path starts at the folder of the config"
        raise NoCheckpointError(f"training.start_from: {error}{where}") from None
    except CheckpointError as error:
        raise CheckpointError(f"training.start_from: {error}") from None
    if start.others:
        raise ConfigError(
            f"training.start_from: {path} is the mean of {len(start.members):,} networks, and a run begins "
            "with one; name the run of one of the folds"
        )
    differences = [f"  {line}" for line in _differences(experiment, splits, start)]
    if differences:
        raise ConfigError(
            f"training.start_from: {path} does not fit this run:\n" + "\n".join(differences) + "\n"
            "Change that, or name a checkpoint of the same columns, targets and layers."
        )
    return start


def describe_start(experiment: Experiment, splits: Splits, start: Checkpoint) -> str:
    """Return in words what a run begins with: the network of ``start``.

    Where the rows are divided in another way than those of ``start``, it says so.
    """
    path = experiment.training.start_from
    text = f"It begins with the network of {path}, after {count(start.epoch, 'epoch')}"
    slots = build_rule(experiment).slots
    text += " and with the state of its optimizer." if slots and _keeps_state(slots, start) else "."
    if may_have_seen(experiment, splits, start):
        text += (
            " It was trained on another split: rows it has learned may be held out here, so the validation "
            "and test scores may be too high."
        )
    return text


def may_have_seen(experiment: Experiment, splits: Splits, start: Checkpoint) -> bool:
    """Return whether ``start``, or a network that it began with, may have learned rows held out here.

    It looks at rows of the same data only: whether two files share some rows, it does not know.
    """
    experiments = (start.experiment, experiment)
    then, now = (
        {
            **to_plain(one)["data"],
            "validation": one.training.validation,
            "points_seed": one.points_seed,
            "split_seed": one.split_seed,
        }
        for one in experiments
    )
    if experiment.data.name in TOY_SETS:  # whose points another seed or setting changes
        drawn = then.keys() - {*OF_SPLITS, *OF_TRANSFORM, "validation"}
        are_same = all(then[key] == now.get(key) for key in drawn)
    else:
        are_same = start.fingerprint == splits.fingerprint
    keys = ("validation", *OF_SPLITS)
    return are_same and (start.may_have_seen or any(then.get(key) != now.get(key) for key in keys))


def _keeps_state(slots: Any, start: Checkpoint) -> bool:
    """Return whether an optimizer that keeps arrays of these names can take those of ``start``."""
    return start.resume is not None and set(start.resume.slots) == set(slots)


def _differences(experiment: Experiment, splits: Splits, start: Checkpoint) -> Iterator[str]:
    """Yield in words what differs between a run and the checkpoint that it is to begin with."""
    for what, then, now in (
        ("columns", start.columns, splits.columns),
        ("classes", start.classes, splits.classes),
    ):
        if then != now:
            yield f"{what}: {_some(then)} there, {_some(now)} here"
    for name in start.kinds.keys() | splits.kinds.keys():
        if start.columns == splits.columns and start.kinds.get(name) != splits.kinds.get(name):
            yield f"column {shortened(name)}: other kinds of cells, or other categories"
    if start.classes is None and splits.classes is None and start.targets != splits.targets:
        yield f"targets: {start.targets:,} there, {splits.targets:,} here"
    for key, default in OF_TRANSFORM.items():
        then, now = (getattr(one.data, key, default) for one in (start.experiment, experiment))
        if then != now:
            yield f"data.{key}: {_value(then)} there, {_value(now)} here"
    if start.columns == splits.columns:
        widths = experiment.widths(start.transform.n_features, splits.targets)
        if widths is not None:
            mine, theirs = plan_experiment(experiment, widths), start.network.spec
            difference = _difference(mine, theirs)
            if difference is not None:
                yield difference
            else:
                yield from _other_functions(mine, theirs)


def _difference(mine: NetworkSpec, theirs: NetworkSpec) -> str | None:
    """Return in words what differs between the arrays of two networks; None if they are the same."""
    here, there = (
        {array.name: array.shape for array in (*spec.parameters, *spec.state)} for spec in (mine, theirs)
    )
    if here == there:
        return None
    widths = ["-".join(map(str, spec.widths)) for spec in (mine, theirs)]
    if widths[0] != widths[1]:
        return f"layers: {clip(widths[1], 60)} there, {clip(widths[0], 60)} here"
    names = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    return f"layers: other parameters ({some(names, 5)})"


def _other_functions(mine: NetworkSpec, theirs: NetworkSpec) -> Iterator[str]:
    """Yield where another function follows the weights: they belong to the one they learned with."""
    here, there = _functions(mine), _functions(theirs)
    layers: dict[tuple[str, str], list[int]] = {}
    for number in sorted(here.keys() | there.keys()):
        both = tuple(", ".join(each.get(number, [])) or "nothing" for each in (there, here))
        if both[0] != both[1]:
            layers.setdefault((both[0], both[1]), []).append(number)
    for (then, now), numbers in layers.items():
        where = f"layer{'' if len(numbers) == 1 else 's'} {some(list(map(str, numbers)), 8)}"
        yield f"activation of {where}: {then} there, {now} here"


def _functions(spec: NetworkSpec) -> dict[int, list[str]]:
    """Return what follows each layer of weights: its activation with its settings, and its residual."""
    found: dict[int, list[str]] = {}
    for layer in spec.walk():
        if layer.kind == "residual":
            found.setdefault(layer.number, []).append("plus its input")
        elif layer.kind in ("maxout", "prelu") or "name" in layer.settings:
            named = layer.settings.get("name", layer.kind)
            others = [
                f"{key} {value:g}" for key, value in layer.settings.items() if key not in ("name", "pieces")
            ]
            shown = f" ({', '.join(others)})" if others and layer.kind != "prelu" else ""
            found.setdefault(layer.number, []).append(f"{named}{shown}")
    return found


def _value(value: Any) -> str:
    return str(value) if not isinstance(value, list) else ", ".join(value) or "none"


def _some(names: tuple[str, ...] | None) -> str:
    if names is None:
        return "numbers"
    listed = ", ".join(clip(name, 30) for name in names[:5])
    return listed + (f", ... {len(names):,} in all" if len(names) > 5 else "")
