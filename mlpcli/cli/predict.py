"""``mlp predict``: writes what a network says of new rows, as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mlpcli.training.apply import Answers

__all__ = ["predict"]


@click.command(short_help="Answer for new rows.")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Write there, not to stdout.")
def predict(checkpoint: Path, data: Path, out: Path | None) -> None:
    """Write the network's answers for the rows of DATA as CSV, one line a row.

    DATA is a .csv with the columns the network was trained on (others are ignored), a .npy of shape
    (rows, features), or a .npz with the array X. The answers are the label and a probability for each class
    (from an SVM: a score), or the values of a regression.
    """
    from mlpcli.training.apply import answer_rows
    from mlpcli.training.checkpoints import load_checkpoint

    text = _csv(answer_rows(load_checkpoint(checkpoint), data))
    if out is None:
        click.echo(text, nl=False)
        return
    from mlpcli.files import replace_file

    with replace_file(out) as stream:
        stream.write(text.encode())


def _csv(answers: Answers) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    labels = answers.labels
    writer.writerow(answers.columns if labels is None else ["label", *answers.columns])
    for i, row in enumerate(answers.values.tolist()):
        numbers = [f"{number:.6g}" for number in row]
        writer.writerow(numbers if labels is None else [labels[i], *numbers])
    return file.getvalue()
