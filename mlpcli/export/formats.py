"""Exports checkpoints: the table of the kinds of files, and what is written into them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from mlpcli import __version__
from mlpcli.config.schema import to_plain
from mlpcli.config.schema.paths import FILE_KEYS
from mlpcli.errors import RunError, UsageError
from mlpcli.export import FORMATS
from mlpcli.export.array_files import npz_bytes, safetensors_bytes
from mlpcli.export.graph import build_graph, dates_of
from mlpcli.export.onnx_file import onnx_bytes
from mlpcli.export.python_file import python_text
from mlpcli.export.torch_file import takes_columns, torch_bytes, torch_code
from mlpcli.files import make_place, replace_file
from mlpcli.npz import write_npz
from mlpcli.text import listed, shortened
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint, pack_checkpoint
from mlpcli.training.named import find_checkpoint

__all__ = ["WRITERS", "Exported", "export_checkpoint", "export_loaded"]

Files = Mapping[Path, bytes]


@dataclass(frozen=True)
class Exported:
    """The files that were written, with their sizes, and what goes into the model and comes out of it."""

    files: Mapping[Path, int]
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def export_checkpoint(path: Path, out: Path, to: str) -> Exported:
    """Write a checkpoint, or the best one of a run, as a file of the format ``to``: whole or not at all.

    Raises CheckpointError, and what `export_loaded` raises.
    """
    path = find_checkpoint(path)
    _require_place(out, to)
    return _export(load_checkpoint(path), path.read_bytes(), out, to)


def export_loaded(checkpoint: Checkpoint, out: Path, to: str) -> Exported:
    """Write a checkpoint that is in memory; the checksum in the file is that of the checkpoint's own file.

    Raises UsageError if the network cannot be had in this format, or ``out`` is no place for it; RunError if
    the file cannot be written.
    """
    _require_place(out, to)
    stream = io.BytesIO()
    write_npz(stream, pack_checkpoint(replace(checkpoint, resume=None)))
    return _export(checkpoint, stream.getvalue(), out, to)


def _export(checkpoint: Checkpoint, raw: bytes, out: Path, to: str) -> Exported:
    files, found = WRITERS[to](checkpoint, out, _about(raw, checkpoint))
    try:
        with ExitStack() as stack:  # all files take their names once all are written
            for place, data in files.items():
                stack.enter_context(replace_file(make_place(place))).write(data)
    except OSError as error:
        raise RunError(f"{error.filename or out} cannot be written: {error.strerror}") from None
    sizes = {place: len(data) for place, data in files.items()}
    return Exported(sizes, found.inputs, found.outputs, found.notes)


def _require_place(out: Path, to: str) -> None:
    """Raise UsageError if ``out`` is no place for a file, or a checkpoint that would be lost."""
    if out.is_dir():
        raise UsageError(f"{out} is a folder; name a file in it, as in {out / 'model'}{FORMATS[to]}")
    if out.exists() and not out.is_file():
        raise UsageError(f"{out} is not a regular file; name another")
    if _is_checkpoint(out):
        raise UsageError(f"{out} is a checkpoint, which it would replace; name another file")


def _is_checkpoint(path: Path) -> bool:
    try:
        with ZipFile(path) as archive:
            return "meta.npy" in archive.namelist()
    except (OSError, BadZipFile, NotImplementedError):
        return False


def _about(raw: bytes, checkpoint: Checkpoint) -> dict[str, str]:
    """Return what a file says of the checkpoint that it was made from, and of the bytes of that."""
    about = {
        "mlp": __version__,
        "checkpoint_sha256": hashlib.sha256(raw).hexdigest(),
        "columns": json.dumps(checkpoint.columns),
        "config": json.dumps(_without_folders(to_plain(checkpoint.experiment))),
    }
    if checkpoint.classes is None:
        return about | {"targets": json.dumps(checkpoint.target_names)}
    return about | {"classes": json.dumps(checkpoint.classes)}


def _without_folders(config: dict[str, Any]) -> dict[str, Any]:
    """Return a plain config in which files have their names alone: folders are nobody else's business."""

    def name_of(value: Any) -> Any:
        if isinstance(value, list):
            return [name_of(item) for item in value]
        return Path(value).name if isinstance(value, str) else value

    for section, key in FILE_KEYS:
        keys = config.get(section)
        value = keys.get(key) if isinstance(keys, dict) else None
        if isinstance(keys, dict) and isinstance(value, dict):
            keys[key] = {part: name_of(item) for part, item in value.items()}
        elif isinstance(keys, dict) and value is not None and key != "split":
            keys[key] = name_of(value)
    return config


def _onnx(checkpoint: Checkpoint, out: Path, about: Mapping[str, str]) -> tuple[Files, Exported]:
    graph = build_graph(checkpoint)
    found = Exported({}, graph.columns, tuple(graph.outputs), _dates(checkpoint))
    return {out: onnx_bytes(graph, about)}, found


def _python(checkpoint: Checkpoint, out: Path, about: Mapping[str, str]) -> tuple[Files, Exported]:
    graph = build_graph(checkpoint)
    notes = _dates(checkpoint, f"`python {out.name} TABLE` reads it, and `predict` in the file takes")
    found = Exported({}, graph.columns, tuple(graph.outputs), notes)
    return {out: python_text(graph, checkpoint, about).encode()}, found


def _torch(checkpoint: Checkpoint, out: Path, about: Mapping[str, str]) -> tuple[Files, Exported]:
    code, state = torch_code(checkpoint, out.name, about)
    notes: tuple[str, ...] = ()
    if not takes_columns(checkpoint.transform):
        notes = (
            f"The Sequential takes the {checkpoint.transform.n_features:,} features that mlp makes of the "
            "table; an ONNX model takes the table itself.",
        )
    files = {out: torch_bytes(state), out.with_name(f"{out.stem}_torch.py"): code.encode()}
    return files, Exported({}, notes=notes)


def _npz(checkpoint: Checkpoint, out: Path, about: Mapping[str, str]) -> tuple[Files, Exported]:  # noqa: ARG001
    return {out: npz_bytes(checkpoint)}, Exported({})


def _safetensors(checkpoint: Checkpoint, out: Path, about: Mapping[str, str]) -> tuple[Files, Exported]:
    return {out: safetensors_bytes(checkpoint, about)}, Exported({})


def _dates(checkpoint: Checkpoint, takes: str = "the model takes") -> tuple[str, ...]:
    """Return a note for each column of dates, which a model takes part by part."""
    return tuple(
        f"{shortened(name)} is a date: {takes} its parts, as numbers, "
        f"in the columns {listed([f'{name} {part}' for part in parts])}."
        for name, parts in dates_of(checkpoint).items()
    )


WRITERS: dict[str, Callable[[Checkpoint, Path, Mapping[str, str]], tuple[Files, Exported]]] = {
    "onnx": _onnx,
    "python": _python,
    "torch": _torch,
    "npz": _npz,
    "safetensors": _safetensors,
}
