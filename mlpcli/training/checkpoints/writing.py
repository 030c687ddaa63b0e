"""Writes checkpoints: completely or not at all, and none that could not be read again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli import __version__
from mlpcli.config.schema import to_plain
from mlpcli.data.transform import Transform
from mlpcli.errors import CheckpointError
from mlpcli.files import replace_file
from mlpcli.nn.products import NUMPY
from mlpcli.npz import write_npz
from mlpcli.training.checkpoints.contents import Checkpoint, Member
from mlpcli.training.checkpoints.layouts import MAX_ARRAYS, OF_TARGETS, OPTIMIZER, name_prefix
from mlpcli.training.checkpoints.meta import FORMAT, can_be_read

__all__ = ["pack_checkpoint", "save_checkpoint", "write_checkpoint"]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``path`` completely or not at all; raises CheckpointError as `pack_checkpoint` does."""
    write_checkpoint(path, pack_checkpoint(checkpoint))


def write_checkpoint(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays of `pack_checkpoint`, completely or not at all; equal arrays give equal bytes."""
    with replace_file(path) as stream:
        write_npz(stream, arrays)


def pack_checkpoint(checkpoint: Checkpoint) -> dict[str, NDArray[Any]]:
    """Return the arrays of the file, including ``meta``; those of network and optimizer are not copies.

    Raises CheckpointError if the names are so long that `load_checkpoint` would refuse the file.
    """
    arrays = {
        name_prefix(number) + name: array
        for number, member in enumerate(checkpoint.members, 1)
        for name, array in _arrays(member).items()
    }
    progress = mid_epoch = None
    if checkpoint.resume is not None:
        arrays |= {OPTIMIZER + name: slot for name, slot in checkpoint.resume.slots.items()}
        found = asdict(checkpoint.resume.progress)
        offsets = {key: found.pop(key) for key in ("epoch_offset", "step_offset")}
        progress = {**found, "steps": checkpoint.resume.steps}
        progress |= {key: offset for key, offset in offsets.items() if offset}
        mid_epoch = None if checkpoint.resume.mid_epoch is None else asdict(checkpoint.resume.mid_epoch)
    meta = {
        "format": FORMAT,
        "mlp": __version__,
        "config": to_plain(checkpoint.experiment),
        "columns": checkpoint.columns,
        "kinds": _described_kinds(checkpoint),
        "flagged": checkpoint.transform.flagged,
        "bins": _described_bins(checkpoint.columns, checkpoint.transform),
        "classes": checkpoint.classes,
        "targets": checkpoint.targets,
        "fingerprint": checkpoint.fingerprint,
        "class_counts": checkpoint.class_counts,
        "shapes": {name: array.shape for name, array in arrays.items()},
        "epoch": checkpoint.epoch,
        "scores": checkpoint.scores,
        "progress": progress,
        "mid_epoch": mid_epoch,
        "data_from_run": checkpoint.data_from_run,
        "baseline_note": None if checkpoint.baselines is None else checkpoint.baselines.note,
    }
    if checkpoint.may_have_seen:
        meta["may_have_seen"] = True
    if checkpoint.engine != NUMPY:
        meta["engine"] = checkpoint.engine
    if checkpoint.others:
        meta["others"] = [
            {
                "epoch": other.epoch,
                "flagged": other.transform.flagged,
                "slots": {checkpoint.columns[j]: own for j, own in (other.transform.slots or {}).items()},
                "bins": _described_bins(checkpoint.columns, other.transform),
            }
            for other in checkpoint.others
        ]
    # A byte string of plain ASCII: json.loads(np.load(path)["meta"].item()) reads it anywhere.
    raw = json.dumps(meta).encode("ascii")
    # Never write a file that cannot be read.
    if not can_be_read(raw, meta):
        raise CheckpointError(
            f"a checkpoint would hold {len(raw):,} bytes of feature and class names and of the config, more "
            "than can be read again; shorten the names, or the lists of the config"
        )
    if len(arrays) > MAX_ARRAYS:
        raise CheckpointError(
            f"a checkpoint of {len(checkpoint.members):,} networks would hold {len(arrays):,} arrays, more "
            f"than can be read again ({MAX_ARRAYS:,}); use fewer networks"
        )
    arrays["meta"] = np.array(raw)
    return arrays


def _arrays(member: Member) -> dict[str, NDArray[Any]]:
    parameters = member.network.parameters
    arrays = {name: parameters.view(name) for name in parameters.shapes}
    arrays |= member.network.state
    arrays |= member.transform.to_arrays()
    if member.target_transform is not None:
        of_targets = member.target_transform.to_arrays()
        arrays |= {OF_TARGETS + name: array for name, array in of_targets.items()}
    if member.baselines is not None:
        arrays |= member.baselines.to_arrays()
    return arrays


def _described_kinds(checkpoint: Checkpoint) -> dict[str, Any]:
    slots = checkpoint.transform.slots or {}
    return {
        name: {**checkpoint.kinds[name]._asdict(), "slots": slots.get(j, ())}
        for j, name in enumerate(checkpoint.columns)
        if name in checkpoint.kinds
    }


def _described_bins(columns: Sequence[str], transform: Transform) -> dict[str, int]:
    return {columns[j]: n for j, n in transform.bins.items()}
