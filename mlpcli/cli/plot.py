"""``mlp plot``: draws pictures of runs, into files or in characters."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlpcli.blas import prepare_blas
from mlpcli.errors import MlpError, UsageError
from mlpcli.figures import KINDS, NOTES, UnfitError, require_matplotlib

if TYPE_CHECKING:
    from mlpcli.training.finished import FinishedRun

__all__ = ["check_picture", "plot"]

_TEXT_KINDS = ("curves", "boundary")


@click.command(short_help="Draw curves, boundaries, weights and more of runs.")
@click.argument("runs", metavar="[RUN]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(KINDS), help="Which picture. Without it: all that fit the run.")
@click.option(
    "--out",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="A .png or .svg file, or a folder for several pictures. Without it: plots/ in the run's directory.",
)
@click.option(
    "--animate", is_flag=True, help="The boundary over the epochs, as a .gif; of training.snapshots."
)
@click.option("--text", is_flag=True, help="Boundary and loss curve in characters, without matplotlib.")
@click.option(
    "--notes",
    type=click.Choice(NOTES),
    help="Train what a figure of the CS231n notes needs, from configs/notes, and draw that.",
)
def plot(
    runs: tuple[Path, ...], kind: str | None, out: Path | None, animate: bool, text: bool, notes: str | None
) -> None:
    """Draw pictures of each RUN: its directory, for the best epoch, or one of its checkpoints.

    curves: loss and accuracy over the epochs, several runs overlaid. boundary: what the network says over one
    or two features; several runs on a contact sheet, by the keys that differ. weights: what the first layer
    looks for in images. confusion: which classes are taken for which. health: dead and saturated units,
    gradients, updates. hidden: how the layers bend the plane. examples: the most confident mistakes.
    """
    if sum((animate, text, notes is not None)) > 1:
        raise UsageError("--animate, --text and --notes each draw something else; give one of them")
    if notes is not None:
        if runs or kind:
            raise UsageError("--notes trains its own runs; leave out RUN and --kind")
        _draw_notes(notes, out)
        return
    if not runs:
        raise UsageError("name a run, as in mlp plot runs/spiral")
    prepare_blas()
    from mlpcli.training.finished import FinishedRun, find_runs

    if not text:
        require_matplotlib()
    if animate and kind not in (None, "boundary"):
        raise UsageError(f"--animate draws the boundary; leave out --kind {kind}")
    found = [FinishedRun(path) for path in find_runs(list(runs))]
    if text:
        if out is not None:
            raise UsageError("--text writes to the terminal; leave out --out, or redirect it")
        _show_text(found, kind)
    elif animate:
        _animate(found, out)
    else:
        _draw(found, kind, out)


def _show_text(runs: Sequence[FinishedRun], kind: str | None) -> None:
    from mlpcli.figures.text import boundary_text, curve_text

    if kind not in (None, *_TEXT_KINDS):
        raise UsageError(f"--text draws {' and '.join(_TEXT_KINDS)}; {kind} needs matplotlib")
    width = max(shutil.get_terminal_size().columns, 30)
    plain = not _can_show("└─┐│░▒▓·…", sys.stdout.encoding)
    drawers = {"boundary": boundary_text, "curves": curve_text}
    blocks = []
    for run in runs:
        for name, draw in drawers.items():
            if kind in (None, name):
                try:
                    blocks.append(draw(run, width, plain))
                except UnfitError as error:
                    if kind is not None:
                        raise
                    click.echo(f"not drawn: {error}", err=True)
    click.echo("\n\n".join(blocks))


def _can_show(signs: str, encoding: str | None) -> bool:
    try:
        signs.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _animate(runs: Sequence[FinishedRun], out: Path | None) -> None:
    if len(runs) > 1:
        raise UsageError(f"--animate draws one run, and {len(runs)} are named")
    path = out or _folder(runs) / "boundary.gif"
    check_picture(path, (".gif",))
    from mlpcli.figures.boundary import animate_boundary

    frames = animate_boundary(runs[0], path)
    click.echo(f"{path}  ({frames} frames)")


def _draw(runs: Sequence[FinishedRun], kind: str | None, out: Path | None) -> None:
    """Write the picture, or all that fit, and say where each is; on stderr, which could not be drawn."""
    if kind is None and out is not None and out.suffix:
        raise UsageError(f"--out {out} is one file; name the picture for it with --kind, or a folder")
    if kind is not None and out is not None and out.suffix:
        check_picture(out, (".png", ".svg"))
        files = {kind: out}
    else:
        folder = out or _folder(runs)
        files = {name: folder / f"{name}.png" for name in KINDS if kind in (None, name)}
    from mlpcli.figures.kinds import DRAW
    from mlpcli.figures.style import save

    left_out = []
    for name, path in files.items():
        try:
            figure = DRAW[name](runs)
        except MlpError as error:
            if kind is not None or len(left_out) == len(files) - 1:
                raise
            left_out.append(error)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        save(figure, path)
        click.echo(path)
    for error in left_out:
        click.echo(f"not drawn: {error}", err=True)


def _folder(runs: Sequence[FinishedRun]) -> Path:
    """Return where pictures go by themselves: with the run, or of several beside the first one."""
    first = runs[0].directory
    return (first if len(runs) == 1 else first.parent) / "plots"


def check_picture(path: Path, suffixes: tuple[str, ...]) -> None:
    """Raise UsageError where a picture of these kinds cannot be written to ``path``; make its folder."""
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"--out {path}: a picture is written as {' or '.join(suffixes)}; end the name so")
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder; name a file in it")
    path.parent.mkdir(parents=True, exist_ok=True)


def _draw_notes(name: str, out: Path | None) -> None:
    path = out or Path(f"{name}.png")
    check_picture(path, (".png", ".svg"))
    prepare_blas()
    require_matplotlib()
    from mlpcli.figures.notes import draw_notes
    from mlpcli.figures.style import save

    save(draw_notes(name, Path("configs/notes"), lambda text: click.echo(text, err=True)), path)
    click.echo(path)
