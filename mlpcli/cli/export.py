"""``mlp export``: writes a trained network as a file that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.completing import complete_run
from mlpcli.cli.output import show, tell
from mlpcli.export import FORMATS, format_of
from mlpcli.text import clip, memory

if TYPE_CHECKING:
    from mlpcli.export.formats import Exported

__all__ = ["export"]


@click.command()
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
    to = format_of(file, to)
    prepare_blas()
    from mlpcli.export.formats import export_checkpoint

    found = export_checkpoint(checkpoint, file, to)
    for note in found.notes:
        tell(note)
    show(_told(found))


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
