"""``mlp export``: writes a trained network as a file that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.completing import complete_run
from mlpcli.cli.output import show, tell
from mlpcli.errors import UsageError
from mlpcli.export import FORMATS
from mlpcli.text import clip, memory

if TYPE_CHECKING:
    from mlpcli.export.formats import Exported

__all__ = ["export"]


@click.command(short_help="Write a trained network for other programs: ONNX and others.")
@click.argument("checkpoint", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Choice(list(FORMATS)),
    help="The format, where the name of FILE does not end in it.",
)
def export(checkpoint: Path, file: Path, to: str | None) -> None:
    """Write a trained network as FILE, whose name says the format.

    \b
    model.onnx         an ONNX model: cells of the table in, predictions out
    model.py           the same in plain NumPy, to be read and run
    model.pt           a state_dict, and its torch.nn.Sequential in Python
    model.npz          the arrays with their names, for NumPy
    model.safetensors  the arrays with their names, for many languages

    CHECKPOINT is a checkpoint, or the directory of a run for its best epoch, or of a cross-validation: the
    mean of its networks is then one model. An older FILE is replaced.
    """  # noqa: D301
    to = _format(file, to)
    prepare_blas()
    from mlpcli.export.formats import export_checkpoint
    from mlpcli.training.named import find_checkpoint

    checkpoint = find_checkpoint(checkpoint)
    if file.is_dir():
        raise UsageError(f"{file} is a folder; name a file in it, as in {file / 'model'}{FORMATS[to]}")
    if file.exists() and not file.is_file():
        raise UsageError(f"{file} is not a regular file; name another")
    if file.exists() and checkpoint.exists() and file.samefile(checkpoint):
        raise UsageError(f"{file} is the checkpoint; name another file")
    found = export_checkpoint(checkpoint, file, to)
    for note in found.notes:
        tell(note)
    show(_told(found))


def _format(file: Path, to: str | None) -> str:
    """Return the format of a file, by the option ``to`` or the ending of its name."""
    suffix = file.suffix.lower()
    ending = next((name for name, own in FORMATS.items() if own == suffix), None)
    if to is None and ending is None:
        *others, last = FORMATS.values()
        raise UsageError(
            f"{file}: its ending says no format; let it end in {', '.join(others)} or {last}, or name the "
            "format with --to"
        )
    if to is not None and ending not in (None, to):
        raise UsageError(f"{file} is to be {to}, and ends in {suffix}; let it end in {FORMATS[to]}")
    return to or ending or ""


def _told(found: Exported) -> str:
    lines = [f"{path}  ({memory(size)})" for path, size in found.files.items()]
    if found.inputs:
        one = found.inputs.get("X") if len(found.inputs) == 1 else None
        names = list(one or found.inputs)
        what = f"X (n, {len(names)}): " if one else ""
        lines.append(f"inputs   {what}{_fitting(names, 70 - len(what))}")
        lines.append(f"outputs  {', '.join(found.outputs)}")
    return "\n".join(lines)


def _fitting(names: list[str], width: int) -> str:
    """Return as many names as fit, and how many there are in all where there are more."""
    shown = [clip(name, 30) for name in names]
    whole = ", ".join(shown)
    if len(whole) <= width:
        return whole
    rest = f", ... {len(names):,} in all"
    while len(shown) > 1 and len(", ".join(shown)) > width - len(rest):
        shown.pop()
    return ", ".join(shown) + rest
