"""``mlp predict``: writes what a network predicts for new rows, as CSV."""

from __future__ import annotations

import csv
import io
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
    (from an SVM: a score), or the values of a regression.
    """
    prepare_blas()
    from mlpcli.training.apply import predict_rows
    from mlpcli.training.checkpoints import load_checkpoint

    if out is not None:
        _check_out(out, {"the checkpoint": checkpoint, "the data": data})
    text = _csv(predict_rows(load_checkpoint(checkpoint), data))
    if out is None:
        click.echo(text, nl=False)
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
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    labels = predictions.labels
    writer.writerow(predictions.columns if labels is None else ["label", *predictions.columns])
    for i, row in enumerate(predictions.values.tolist()):
        numbers = [f"{number:.6g}" for number in row]
        writer.writerow(numbers if labels is None else [labels[i], *numbers])
    return file.getvalue()
