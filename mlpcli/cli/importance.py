"""``mlp importance``: measures how much a network needs each column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.completing import complete_run
from mlpcli.cli.output import show, show_json
from mlpcli.text import clip, columns, count, number, percent

__all__ = ["importance"]

_NAME = 40  # widest name of a column in the table


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    help="Which split to measure on. Default: test if there is one, else val, else train.",
)
@click.option(
    "--data",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="A table with labels to use instead, whole unless --split is given.",
)
@click.option(
    "--repeats",
    metavar="N",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="How often each column is shuffled.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def importance(checkpoint: Path, split: str | None, data: Path | None, repeats: int, as_json: bool) -> None:
    """Shuffle each column of the table in turn, and show what the score of a CHECKPOINT loses.

    CHECKPOINT is a checkpoint or the directory of a run. The score is the one that chose the best epoch, or
    accuracy or R2. A column that loses nothing is not needed, or another one says the same. Of more than
    5,000 rows that many are drawn.
    """
    prepare_blas()
    from mlpcli.training.importance import report_importance

    report = report_importance(checkpoint, split, data, repeats)
    if as_json:
        show_json(report)
    else:
        show(_describe(report))


def _describe(report: dict[str, Any]) -> str:
    from mlpcli.nn.measures import MEASURES

    measure = MEASURES[report["measure"]]
    shown = percent if measure.is_share else number
    part = "all" if report["split"] == "all" else f"the {report['split']} split"
    what = "lost" if measure.higher_is_better else "gained"
    rows = [["column", what, "+-"]]
    rows += [
        [clip(row["column"], _NAME), shown(row["importance"]), shown(row["spread"])]
        for row in report["columns"]
    ]
    which = f"mean of {report['networks']:,} networks" if "networks" in report else f"epoch {report['epoch']}"
    return "\n\n".join(
        [
            f"{report['checkpoint']} ({which}) on {part} of {report['data']}: "
            f"{count(report['n'], 'example')}",
            f"{measure.title} {shown(report['score'])}; when a column is shuffled "
            f"({count(report['repeats'], 'time')}, mean and spread):",
            columns(rows, "<>>"),
        ]
    )
