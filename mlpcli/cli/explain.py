"""``mlp explain``: writes the forward pass of one example out, layer by layer, with its numbers."""

from __future__ import annotations

from pathlib import Path

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.completing import complete_run
from mlpcli.cli.output import show, show_json, tell
from mlpcli.cli.pictures import check_out, load_matplotlib
from mlpcli.errors import UsageError

__all__ = ["explain_row"]


@click.command("explain")
@click.argument("checkpoint", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.argument("row", required=False, type=click.IntRange(min=1))
@click.option(
    "--data",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="A .csv, .npy or .npz file with new rows to take the row from.",
)
@click.option(
    "--values", metavar="CELLS", help="The cells of the example, as in 5.1,3.5,1.4,0.2; no ROW then."
)
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Draw it as a .png or .svg.")
@click.option(
    "--member",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="Of several networks: which to follow.",
)
@click.option(
    "--digits",
    metavar="N",
    type=click.IntRange(1, 9),
    default=4,
    show_default=True,
    help="Digits after the point.",
)
@click.option("--all", "whole", is_flag=True, help="All units and terms, also of large layers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with all numbers and weights.")
def explain_row(
    checkpoint: Path,
    row: int | None,
    data: Path | None,
    values: str | None,
    out: Path | None,
    member: int,
    digits: int,
    whole: bool,
    as_json: bool,
) -> None:
    """Write out what a network computes for one example: z = x W + b with its numbers, f(z), the output.

    CHECKPOINT is a checkpoint, or the directory of a run for its best epoch. ROW is the number of a row of
    the run's data, or of the file that --data names. The first row is number 1; in a .csv it is the first
    line below the names. The rows of a test set of its own, as CIFAR-10 has one, follow the others.
    """
    if row is not None and values is not None:
        raise UsageError(f"give a row or --values, not both: leave out {row:,}, or --values {values}")
    if row is None and values is None:
        raise UsageError(
            "name one example: a row by its number, or the cells with --values, as in\n"
            "  mlp explain runs/iris 1\n"
            "  mlp explain runs/iris --values 5.1,3.5,1.4,0.2"
        )
    if values is not None and data is not None:
        raise UsageError("--values are an example, and --data takes one from a file; leave out one of them")
    if out is not None:
        check_out(out)
        load_matplotlib()
    prepare_blas()
    from mlpcli.training.explanation import explain_example

    cells = None if values is None else _cells(values)
    found = explain_example(checkpoint, row, data, cells, member - 1)
    for note in found.notes:
        tell(note)
    if out is not None:
        from mlpcli.figures.network import draw_forward
        from mlpcli.figures.style import save

        save(draw_forward(found), out)
        if not as_json:
            show(out)
    if as_json:
        show_json(found.report())
    elif out is None:
        from mlpcli.cli.working import write_out

        show(write_out(found, digits, whole=whole))


def _cells(values: str) -> list[str]:
    """Return the cells of a line of CSV."""
    import csv

    try:
        (line,) = csv.reader([values])
    except (csv.Error, ValueError) as error:
        raise UsageError(
            f"--values is not one line of CSV ({error}); give cells as in 5.1,3.5,1.4,0.2"
        ) from None
    return [cell.strip() for cell in line]
