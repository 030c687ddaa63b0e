"""``mlp predict``: writes what a network predicts for new rows, as CSV."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.commands import command_line
from mlpcli.cli.completing import complete_run
from mlpcli.cli.configs import is_checkpoint
from mlpcli.cli.options import tta_option
from mlpcli.cli.output import tell, write_data
from mlpcli.errors import MlpError, UsageError

if TYPE_CHECKING:
    from mlpcli.training.predictions import Predictions

__all__ = ["predict"]


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), help="A file to write to, not stdout."
)
@click.option(
    "--threshold",
    metavar="P",
    type=click.FloatRange(0, 1),
    help="Of two classes: name the second one where its probability is at least P, not 0.5.",
)
@click.option(
    "--top",
    metavar="K",
    type=click.IntRange(min=1),
    help="Write only the K most probable classes of each row, each with its probability.",
)
@click.option(
    "--keep",
    metavar="NAMES",
    multiple=True,
    help="Columns of a .csv to carry along, before the predictions: names with commas between, or all.",
)
@tta_option
def predict(
    checkpoint: Path,
    data: Path,
    out: Path | None,
    threshold: float | None,
    top: int | None,
    keep: tuple[str, ...],
    tta: bool,
) -> None:
    """Write the network's predictions for the rows of DATA as CSV, a line for each row.

    DATA is a .csv or .parquet with the columns the network was trained on (others are ignored), a .npy of
    shape (rows, features), or a .npz with the array X. A line holds the label and a probability for each
    class (from an SVM: a score), or the values of a regression. Numbers have the digits that read back to the
    same number. The CSV is in UTF-8. DATA may be -, for a .csv on stdin, and CHECKPOINT the directory of a
    run, for its best epoch.
    """
    prepare_blas()
    from mlpcli.training.checkpoints import load_checkpoint
    from mlpcli.training.named import find_checkpoint
    from mlpcli.training.predictions import predict_pieces

    if _is_run(data) and not _is_run(checkpoint):
        swapped = command_line("predict", data, checkpoint)
        raise UsageError(f"{data} is a run, which is named first, and the rows after it: {swapped}")
    checkpoint = find_checkpoint(checkpoint)
    if out is not None:
        _check_out(out, {"the checkpoint": checkpoint, "the data": data})
    if threshold is not None and top is not None:
        raise UsageError("--threshold chooses a label and --top writes several; give one of them")
    names = [name.strip() for text in keep for name in text.split(",") if name.strip()]
    columns = None if names == ["all"] else names
    with _file(data) as file:
        pieces = predict_pieces(
            load_checkpoint(checkpoint), file, threshold=threshold, top=top, keep=columns, tta=tta
        )
        if out is None:
            notes = _write(pieces, write_data)
        else:
            from mlpcli.files import replace_file

            with replace_file(out.resolve()) as stream:  # where a link points to
                notes = _write(pieces, lambda text: stream.write(text.encode()))
    for note in notes:
        tell(note)


def _write(pieces: Iterable[Predictions], write: Callable[[str], object]) -> list[str]:
    """Write predictions as they come, and return the notes on them."""
    notes: list[str] = []
    for number, predictions in enumerate(pieces):
        write(_csv(predictions, header=number == 0))
        notes = predictions.notes
    return notes


def _is_run(path: Path) -> bool:
    from mlpcli.training.named import is_run

    return is_run(path) or is_checkpoint(path)


@contextmanager
def _file(data: Path) -> Iterator[Path]:
    """Yield the file to read: ``data``, or a copy of stdin, which messages call by that name."""
    if data != Path("-"):
        yield data
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stdin.csv")
        with path.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
        try:
            yield path
        except MlpError as error:
            error.args = (str(error).replace(str(path), "stdin"),)
            raise


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


def _csv(predictions: Predictions, *, header: bool = True) -> str:
    """Return a line for each row, and a header: what is carried along, then labels and numbers."""
    from mlpcli.data.writing import number_cell, text_cell

    columns: list[tuple[str, list[str]]] = []
    if predictions.labels is not None and predictions.ranked is None:
        columns.append(("label", list(map(text_cell, predictions.labels))))
    for i, name in enumerate(predictions.columns):
        if predictions.ranked is not None:
            columns.append((f"label_{i + 1}", list(map(text_cell, predictions.ranked[i]))))
        columns.append((name, list(map(number_cell, predictions.values[:, i]))))
    taken = {name for name, _ in predictions.kept}
    names = [name for name, _ in predictions.kept]
    names += [f"predicted_{name}" if name in taken else name for name, _ in columns]
    kept = [[text_cell(text) if text else "" for text in texts] for _, texts in predictions.kept]
    cells = kept + [texts for _, texts in columns]
    lines = [",".join(map(text_cell, names))] if header else []
    lines += map(",".join, zip(*cells, strict=True))
    return "".join(f"{line}\n" for line in lines)
