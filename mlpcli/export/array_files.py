"""The arrays of a checkpoint by their names, as a .npz or a .safetensors file."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.npz import write_npz
from mlpcli.training.checkpoints import Checkpoint, name_prefix, pack_checkpoint

__all__ = ["npz_bytes", "safetensors_bytes"]

_TYPES = {np.dtype(np.float32): "F32", np.dtype(np.float64): "F64"}


def npz_bytes(checkpoint: Checkpoint) -> bytes:
    """Return a .npz file with the arrays, and with the names of columns, features, and classes or targets."""
    arrays = _arrays(checkpoint)
    for name, texts in _names(checkpoint).items():
        arrays[name] = np.array(texts)
    stream = io.BytesIO()
    write_npz(stream, arrays)
    return stream.getvalue()


def safetensors_bytes(checkpoint: Checkpoint, about: Mapping[str, str]) -> bytes:
    """Return a .safetensors file with the arrays; its metadata are ``about`` and the names of the features.

    The format: the length of the header as a 64-bit number, the header as JSON, then all numbers, each array
    in the order of its rows (https://huggingface.co/docs/safetensors).
    """
    names = {name: json.dumps(texts) for name, texts in _names(checkpoint).items()}
    header: dict[str, Any] = {"__metadata__": {**names, **about}}
    start, parts = 0, []
    arrays = _arrays(checkpoint)
    for name in sorted(arrays, key=lambda name: -arrays[name].itemsize):  # so each number is aligned
        array = np.ascontiguousarray(arrays[name])
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        end = start + len(data)
        header[name] = {"dtype": _TYPES[array.dtype], "shape": array.shape, "data_offsets": [start, end]}
        start = end
        parts.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def _arrays(checkpoint: Checkpoint) -> dict[str, NDArray[Any]]:
    """Return the arrays of networks and transforms as the checkpoint names them."""
    packed = pack_checkpoint(replace(checkpoint, resume=None))
    return {name: array for name, array in packed.items() if name != "meta" and "baseline_" not in name}


def _names(checkpoint: Checkpoint) -> dict[str, tuple[str, ...]]:
    columns, kinds = checkpoint.columns, checkpoint.kinds
    names = {"columns": columns}
    for number, member in enumerate(checkpoint.members, 1):
        names[f"{name_prefix(number)}features"] = member.transform.features(columns, kinds)
    if checkpoint.classes is None:
        return names | {"targets": tuple(checkpoint.target_names)}
    return names | {"classes": checkpoint.classes}
