"""``mlp predict``: writes what a network predicts for new rows, as CSV."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlpcli.blas import prepare_blas
from mlpcli.errors import UsageError

if TYPE_CHECKING:
    from mlpcli.training.apply import Predictions

__all__ = ["predict"]


@click.command(short_help="Predict new rows.")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), help="A file to write to, not stdout."
)
def predict(checkpoint: Path, data: Path, out: Path | None) -> None:
    """Write the network's predictions for the rows of DATA as CSV, a line for each row.

    DATA is a .csv with the columns the network was trained on (others are ignored), a .npy of shape
    (rows, features), or a .npz with the array X. A line holds the label and a probability for each class
    (from an SVM: a score), or the values of a regression. Numbers have the digits that read back to the same
    number. The CSV is in UTF-8. CHECKPOINT may be the directory of a run, for its best epoch.
    """
    prepare_blas()
    from mlpcli.training.apply import predict_rows
    from mlpcli.training.checkpoints import load_checkpoint
    from mlpcli.training.directory import find_checkpoint

    checkpoint = find_checkpoint(checkpoint)
    if out is not None:
        _check_out(out, {"the checkpoint": checkpoint, "the data": data})
    predictions = predict_rows(load_checkpoint(checkpoint), data)
    for note in predictions.notes:
        click.echo(note, err=True)
    text = _csv(predictions)
    if out is None:
        takes_bytes = hasattr(sys.stdout, "buffer")  # a stream that a program put in its place may not
        click.echo(text.encode() if takes_bytes else text, nl=False)
        return
    from mlpcli.files import replace_file

    with replace_file(out.resolve()) as stream:  # where a link points to
        stream.write(text.encode())


def _check_out(out: Path, inputs: dict[str, Path]) -> None:
    """Refuse, before any work is done, to overwrite anything but an older file of predictions."""
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}; make it first")
    if not out.exists():
        return
    if not out.is_file():
        raise UsageError(f"--out {out} is not a regular file; name another, or leave out --out")
    for what, path in inputs.items():
        if path.exists() and out.samefile(path):
            raise UsageError(f"--out {out} is {what}; name another file")


def _csv(predictions: Predictions) -> str:
    from mlpcli.data.writing import number_cell, text_cell

    labels = predictions.labels
    header = predictions.columns if labels is None else ["label", *predictions.columns]
    lines = [",".join(map(text_cell, header))]
    for i, row in enumerate(predictions.values):
        numbers = ",".join(map(number_cell, row))
        lines.append(numbers if labels is None else f"{text_cell(labels[i])},{numbers}")
    return "".join(f"{line}\n" for line in lines)
