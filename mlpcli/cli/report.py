"""``mlp report``: writes a report on a run as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.completing import complete_run
from mlpcli.cli.output import show
from mlpcli.cli.pictures import check_folder, check_out, load_matplotlib
from mlpcli.files import make_place, replace_file
from mlpcli.text import memory

__all__ = ["report"]


@click.command()
@click.argument("run", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="An .html file. Default: report.html in the run's directory, or sweep.html in that of a sweep.",
)
@click.option(
    "--data",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Where the run's data are now, if they are not found.",
)
def report(run: Path, out: Path | None, data: Path | None) -> None:
    """Write a page on RUN, the directory of a run or a sweep, that opens in any browser, also offline.

    What the numbers show in sentences, scores, config, the network with its weights and counts, curves,
    boundary, confusion, unit health with advice, the surest mistakes. With training.snapshots a button plays
    how the boundary was learned.

    Of a sweep: its settings by their mean score, which keys mattered, whether differences are larger than the
    spread over seeds, and what the best settings have learned.
    """
    if out is not None:
        check_out(out, (".html",))
    prepare_blas()
    load_matplotlib("jinja2")
    from mlpcli.figures.report import render_report
    from mlpcli.sweep.record import SWEEP_CSV
    from mlpcli.training.finished import FinishedRun

    if (run / SWEEP_CSV).is_file():
        from mlpcli.figures.sweep_page import render_sweep

        check_folder(run)
        path = out or run / "sweep.html"
        page = render_sweep(run, data).encode()
    else:
        finished = FinishedRun.open(run, data)
        if out is None:
            check_folder(finished.directory)
        path = out or finished.directory / "report.html"
        page = render_report(finished).encode()
    with replace_file(make_place(path)) as stream:
        stream.write(page)
    show(f"{path}  ({memory(len(page))})")
