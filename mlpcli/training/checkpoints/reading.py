"""Reads checkpoints without trusting them."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.parts import build_network, build_rule
from mlpcli.config.schema import Experiment
from mlpcli.data.kinds import Kind
from mlpcli.data.target_transform import TargetTransform
from mlpcli.data.transform import Transform
from mlpcli.errors import CheckpointError
from mlpcli.machine import available_memory
from mlpcli.npz import NpzFile
from mlpcli.text import memory
from mlpcli.training.baselines import Baselines
from mlpcli.training.checkpoints.contents import Checkpoint, Member, Resume
from mlpcli.training.checkpoints.layouts import (
    OF_TARGETS,
    OPTIMIZER,
    Layout,
    bend_of,
    layouts_of,
    read_config,
    terms_of,
)
from mlpcli.training.checkpoints.meta import Meta, damaged, read_meta
from mlpcli.training.loop import MidEpoch, Progress

__all__ = ["load_checkpoint", "read_place", "read_plan"]


def read_plan(path: Path) -> tuple[Experiment, list[tuple[int, ...]]]:
    """Return a checkpoint's config and the widths of its networks, without reading their weights.

    Raises CheckpointError.
    """
    with NpzFile(path, CheckpointError) as archive:
        meta = read_meta(path, archive)
    experiment = read_config(path, meta)
    return experiment, [layout.spec.widths for layout in layouts_of(path, meta, experiment)]


def read_place(path: Path) -> str | None:
    """Return the path of the data from the run's folder, as a checkpoint has it; raises CheckpointError."""
    with NpzFile(path, CheckpointError) as archive:
        return read_meta(path, archive).data_from_run


def load_checkpoint(path: Path, *, force_memory: bool = False) -> Checkpoint:
    """Read a checkpoint without trusting it: names, shapes, types and values are checked against ``meta``.

    Raises CheckpointError. It also does so if there is not enough memory, unless ``force_memory`` is true.
    """
    with NpzFile(path, CheckpointError) as archive:
        meta = read_meta(path, archive)
        experiment = read_config(path, meta)
        layouts = layouts_of(path, meta, experiment)
        shapes = {name: tuple(shape) for name, shape in meta.shapes.items()}
        _check_members(path, archive, shapes, {name for layout in layouts for name in layout.float64})
        slots = [] if meta.progress is None else [OPTIMIZER + name for name in build_rule(experiment).slots]
        expected: dict[str, tuple[int, ...]] = dict.fromkeys(slots, (layouts[0].spec.count(),))
        for layout in layouts:
            expected |= layout.shapes()
        if shapes != expected:  # checked before memory for the networks is allocated
            wrong = sorted(
                name for name in shapes.keys() | expected.keys() if shapes.get(name) != expected.get(name)
            )
            raise damaged(path, f"its arrays do not fit its config: {', '.join(wrong)}")
        if not force_memory:
            _require_memory(path, sum(layout.spec.count() for layout in layouts))
        notes = [meta.baseline_note, *(None for _ in meta.others)]
        first, *others = (
            _read_member(path, archive, experiment, layout, note)
            for layout, note in zip(layouts, notes, strict=True)
        )
        of_optimizer = {name.removeprefix(OPTIMIZER): _read_array(path, archive, name) for name in slots}
    spec = layouts[0].spec
    units = [spec.members * width for width in spec.widths[1:-1]]
    return Checkpoint(
        experiment,
        first.network,
        first.transform,
        first.target_transform,
        tuple(meta.columns),
        {name: Kind(kind.name, tuple(kind.levels)) for name, kind in meta.kinds.items()},
        None if meta.classes is None else tuple(meta.classes),
        meta.targets,
        meta.fingerprint,
        meta.class_counts,
        meta.epoch,
        meta.scores,
        _resume(path, meta, of_optimizer, units),
        meta.data_from_run,
        first.baselines,
        tuple(others),
        meta.may_have_seen,
        meta.engine,
    )


def _require_memory(path: Path, parameters: int) -> None:
    needed, available = 2 * 4 * parameters, available_memory()  # values and gradients
    if available is not None and needed > available.size:
        raise CheckpointError(
            f"{path}: its {parameters:,} parameters take {memory(needed)} of memory, "
            f"but {available.where} has {memory(available.size)} left"
        )


def _check_members(
    path: Path, archive: NpzFile, shapes: dict[str, tuple[int, ...]], of_columns: set[str]
) -> None:
    """Check the types and shapes of the arrays; those ``of_columns`` are float32 in older files."""
    if set(archive.names) != {"meta", *shapes}:
        wrong = sorted(set(archive.names) ^ {"meta", *shapes})
        raise damaged(path, f"its members differ from those listed in meta: {', '.join(wrong[:5])}")
    for name, shape in shapes.items():
        found, dtype = archive.header(name)
        if found != shape or (dtype != np.float32 and not (dtype == np.float64 and name in of_columns)):
            raise damaged(path, f"{name} is {dtype} {found}, not float32 {shape}")


def _read_member(
    path: Path, archive: NpzFile, experiment: Experiment, layout: Layout, baseline_note: str | None
) -> Member:
    """Read one of the networks, whose arrays have been found to have the right shapes."""
    network, prefix = build_network(experiment, layout.spec.widths), layout.prefix
    for name in network.parameters.shapes:  # one at a time, so that two copies never exist
        network.parameters.view(name)[...] = _read_array(path, archive, prefix + name)
    for array_spec in layout.spec.state:
        array = _read_array(path, archive, prefix + array_spec.name)
        network.state[array_spec.name][...] = array
        if array_spec.non_negative and not np.all(array >= 0):
            raise damaged(path, f"{prefix}{array_spec.name} holds variances below 0")
    of_transform = {name: _read_array(path, archive, prefix + name) for name in layout.of_transform}
    of_targets = {
        name.removeprefix(OF_TARGETS): _read_array(path, archive, prefix + name) for name in layout.of_targets
    }
    bend, what = bend_of(experiment), prefix
    try:
        transform = Transform.from_arrays(
            of_transform, layout.flagged, layout.slots, layout.bins, terms_of(experiment), layout.image
        )
        what += OF_TARGETS
        target_transform = TargetTransform.from_arrays(bend, of_targets) if of_targets else None
    except ValueError as error:
        raise damaged(path, f"{what}{error}") from None
    of_baselines = {name: _read_array(path, archive, prefix + name) for name in layout.of_baselines}
    baselines = Baselines.from_arrays(of_baselines, baseline_note)
    return Member(network, transform, target_transform, layout.epoch, baselines)


def _read_array(path: Path, archive: NpzFile, name: str) -> NDArray[Any]:
    array = archive.read(name)
    if not np.isfinite(array).all():
        raise damaged(path, f"{name} holds numbers that are not finite")
    return array


def _resume(path: Path, meta: Meta, slots: dict[str, NDArray[Any]], hidden: list[int]) -> Resume | None:
    if meta.progress is None:
        return None
    saved = meta.progress
    progress = Progress(
        saved.epoch,
        saved.best_epoch,
        tuple(saved.best_score),
        saved.epochs_since_best,
        saved.plateaus,
        saved.epoch_offset,
        saved.step_offset,
    )
    mid_epoch = None
    if meta.mid_epoch is not None:
        silent = meta.mid_epoch.silent
        if len(silent) != len(hidden) or any(
            len(bits) not in (0, 2 * ceil(units / 8)) for bits, units in zip(silent, hidden, strict=True)
        ):
            raise damaged(path, "meta.mid_epoch.silent does not fit its hidden layers")
        mid_epoch = MidEpoch(**meta.mid_epoch.model_dump())
    return Resume(progress, saved.steps, slots, mid_epoch)
