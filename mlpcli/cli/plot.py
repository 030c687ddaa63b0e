"""``mlp plot``: draws pictures of runs, as files or in characters."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.completing import complete_run
from mlpcli.cli.hints import with_hint
from mlpcli.cli.output import show, tell
from mlpcli.cli.pictures import PICTURES, check_folder, check_out, load_matplotlib
from mlpcli.errors import MlpError, UsageError
from mlpcli.figures import KINDS, NOTES, OF_SWEEPS, UnfitError
from mlpcli.text import count

if TYPE_CHECKING:
    from mlpcli.training.finished import FinishedRun

__all__ = ["plot"]

_TEXT_KINDS = ("curves", "boundary")
_ALL = "all"  # the name that stands for all figures of the notes


@click.command()
@click.argument(
    "runs", metavar="[RUN]...", nargs=-1, type=click.Path(path_type=Path), shell_complete=complete_run
)
@click.option(
    "--kind",
    "kinds",
    metavar="KIND",
    multiple=True,
    type=click.Choice((*KINDS, *OF_SWEEPS)),
    help=f"Which picture: {', '.join(KINDS)}; of a sweep {', '.join(OF_SWEEPS)}. May be repeated. "
    "Default: all that fit the run.",
)
@click.option(
    "--out",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="A .png or .svg file, or a folder for several pictures. Default: plots/ in the run's directory; "
    "for several runs beside the first one; for --notes runs/plots/.",
)
@click.option(
    "--data",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Where the run's data are now, if they are not found.",
)
@click.option(
    "--animate",
    is_flag=True,
    help="Animate the boundary over the epochs; needs training.snapshots.",
)
@click.option("--text", is_flag=True, help="Boundary and loss curve in characters, without matplotlib.")
@click.option(
    "--notes",
    metavar="NAME",
    type=click.Choice((*NOTES, _ALL)),
    help=f"Train the runs of a figure of the notes, and draw it: {', '.join(NOTES)}, or all of them.",
)
def plot(
    runs: tuple[Path, ...],
    kinds: tuple[str, ...],
    out: Path | None,
    data: Path | None,
    animate: bool,
    text: bool,
    notes: str | None,
) -> None:
    """Draw pictures of each RUN: its directory, for the best epoch, or one of its checkpoints.

    curves: loss and accuracy over the epochs, several runs overlaid, seeds as bands. boundary: what the
    network predicts over one or two features; several runs on one sheet, by the keys that differ. network:
    the units and the weights between them. weights: what the first layer looks for in images. confusion:
    which classes are taken for which. roc: ROC and precision-recall curves. calibration: how often it is
    right, by how sure it is. residuals: predicted and true values. importance: what the score loses without
    a column. health: dead and saturated units, gradients, updates, norms of the weights; of several runs
    layer by layer. hidden: how the layers bend the plane. examples: the most confident mistakes.

    A folder of runs stands for all of them. Of a sweep: parallel, every setting as a line through its values;
    keys, the score against each key; key_importance, which keys mattered. --kind draws its runs, too.
    """
    kinds = tuple(dict.fromkeys(kinds))
    _check(runs, kinds, animate, text, notes)
    _check_place(kinds, out, animate, text, notes)
    prepare_blas()
    if not text:
        _load_matplotlib(notes)
    if notes is not None:
        _draw_notes(notes, out)
        return
    if set(kinds) & set(OF_SWEEPS) or (len(runs) == 1 and not kinds and not text and _is_sweep(runs[0])):
        kinds = _draw_sweep(runs, kinds, out)
        if not kinds:
            return
    from mlpcli.training.finished import find_runs

    found = _open(find_runs(list(runs)), data)
    if text:
        _show_text(found, kinds)
    elif animate:
        _animate(found, out)
    else:
        _draw(found, kinds, out)


def _load_matplotlib(notes: str | None) -> None:
    """Load matplotlib; if it is not installed, say what this command can do without it."""
    try:
        load_matplotlib()
    except UsageError as error:
        raise UsageError(str(error), topic="no matplotlib" if notes is None else None) from None


def _open(paths: Sequence[Path], data: Path | None) -> list[FinishedRun]:
    """Return the runs; of several, those without a finished epoch are passed over with a word."""
    from mlpcli.training.finished import FinishedRun

    begun = [path for path in paths if path.is_dir() and not (path / "best.npz").exists()]
    empty = [path for path in begun if (path / "config.yaml").is_file()]
    if len(empty) == len(paths):
        empty = []  # so that the first is refused with an error
    for path in empty:
        tell(f"passed over: {path} has no best.npz yet: no epoch has been finished")
    return [FinishedRun.open(path, data) for path in paths if path not in empty]


def _check(
    runs: tuple[Path, ...], kinds: tuple[str, ...], animate: bool, text: bool, notes: str | None
) -> None:
    """Refuse options that do not go together."""
    if sum((animate, text, notes is not None)) > 1:
        raise UsageError("--animate, --text and --notes each draw something else; give one of them")
    if notes is not None and (runs or kinds):
        raise UsageError("--notes trains its own runs; leave out RUN and --kind")
    if notes is None and not runs:
        raise UsageError("name a run, as in mlp plot runs/spiral")
    for kind in kinds:
        if animate and kind != "boundary":
            raise UsageError(f"--animate draws the boundary; leave out --kind {kind}")
        if text and kind not in _TEXT_KINDS:
            raise UsageError(
                f"--text draws {' and '.join(_TEXT_KINDS)}; {kind} needs matplotlib: leave out --text"
            )


def _check_place(
    kinds: tuple[str, ...], out: Path | None, animate: bool, text: bool, notes: str | None
) -> None:
    """Refuse a wrong ``--out`` before any work is done."""
    if out is None:
        return
    if text:
        raise UsageError(
            "--text writes to the terminal; leave out --out, or redirect it: mlp plot ... > FILE"
        )
    if animate:
        check_out(out, (".gif",))
    elif notes not in (None, _ALL) or (len(kinds) == 1 and _is_file(out)):
        check_out(out)
    elif _is_file(out) and notes is not None:
        raise UsageError(f"--out {out} is one file; --notes all draws several: name a folder for them")
    elif _is_file(out) and out.suffix.lower() not in PICTURES:
        raise UsageError(
            f"--out {out}: {out.suffix} is not supported; name a folder or, for one picture with --kind, a "
            f"file that ends in {' or '.join(PICTURES)}"
        )
    elif _is_file(out):
        raise UsageError(f"--out {out} is one file; name the one picture for it with --kind, or a folder")
    else:
        check_folder(out)


def _is_file(out: Path) -> bool:
    """Return whether a name is meant as that of a file."""
    return bool(out.suffix) and not out.is_dir()


def _show_text(runs: Sequence[FinishedRun], kinds: tuple[str, ...]) -> None:
    """Print the pictures in characters; say on stderr which could not be drawn."""
    from mlpcli.figures.text import boundary_text, curve_text

    width = max(shutil.get_terminal_size().columns, 30)
    plain = not _can_show("└─┘┌┐│░▒▓·…", sys.stdout.encoding)
    drawers = {"boundary": boundary_text, "curves": curve_text}
    blocks: list[str] = []
    refused: list[UnfitError] = []
    for run in runs:
        for name, draw in drawers.items():
            if kinds and name not in kinds:
                continue
            try:
                blocks.append(draw(run, width, plain))
            except UnfitError as error:
                if kinds:
                    refused.append(error)
                else:
                    tell(f"not drawn: {error}")
    if blocks:
        show("\n\n".join(blocks))
    if refused:
        raise type(refused[0])("\n".join(dict.fromkeys(map(str, refused))))


def _can_show(signs: str, encoding: str | None) -> bool:
    try:
        signs.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _animate(runs: Sequence[FinishedRun], out: Path | None) -> None:
    if len(runs) > 1:
        raise UsageError(f"--animate draws one run, and {len(runs)} are named")
    from mlpcli.figures.frames import animate_boundary

    path = out or _folder(runs) / "boundary.gif"
    frames = animate_boundary(runs[0], path)
    show(f"{path}  ({count(frames, 'frame')})")


def _draw(runs: Sequence[FinishedRun], kinds: tuple[str, ...], out: Path | None) -> None:
    """Write the pictures, or all that fit; print the path of each, and on stderr which do not fit.

    An error in one picture, such as a damaged file or a kind that was asked for and does not fit, does not
    keep the others from being drawn; it is raised after them.
    """
    from mlpcli.figures.kinds import DRAW, OF_SEVERAL, SORT_OUT
    from mlpcli.figures.style import save

    fitting = [name for name in KINDS if len(runs) == 1 or name in OF_SEVERAL]
    folder = out or _folder(runs)
    failed: list[MlpError] = []
    unfit: list[str] = []
    refused: list[UnfitError] = []
    for name in kinds or fitting:
        path = folder if out is not None and _is_file(out) else folder / f"{name}.png"
        try:
            chosen = runs
            if len(runs) > 1 and name in SORT_OUT:
                chosen, reasons = SORT_OUT[name](runs)
                for reason in reasons:
                    tell(f"passed over for {name}: {reason}")
            figure = DRAW[name](chosen)
        except UnfitError as error:
            if kinds:
                refused.append(error)
            else:
                unfit.append(name)
        except MlpError as error:
            failed.append(error)
        else:
            save(figure, path)
            show(path)
    if unfit:
        tell(f"not for {'this run' if len(runs) == 1 else 'these runs'}: {', '.join(unfit)}; --kind says why")
    if failed or refused:
        errors = [*failed, *refused]
        raise type(errors[0])("\n".join(dict.fromkeys(map(with_hint, errors))))


def _is_sweep(path: Path) -> bool:
    from mlpcli.sweep.record import SWEEP_CSV

    return (path / SWEEP_CSV).is_file()


def _draw_sweep(paths: Sequence[Path], kinds: tuple[str, ...], out: Path | None) -> tuple[str, ...]:
    """Write the pictures of a sweep's settings, and return the kinds that are left to draw of its runs."""
    from mlpcli.figures.settings import DRAW
    from mlpcli.figures.style import save
    from mlpcli.sweep.ranking import rank_sweep
    from mlpcli.sweep.record import SWEEP_CSV, read_record

    asked = [kind for kind in kinds if kind in OF_SWEEPS]
    if len(paths) > 1 or not _is_sweep(paths[0]):
        raise UsageError(f"--kind {asked[0]} draws one sweep; name its directory, which has a {SWEEP_CSV}")
    found = rank_sweep(read_record(paths[0] / SWEEP_CSV))
    folder = out or paths[0] / "plots"
    check_folder(folder if out is None or not _is_file(out) else out.parent)
    for kind in asked or OF_SWEEPS:
        try:
            figure = DRAW[kind](found)
        except UnfitError as error:
            if asked:
                raise
            tell(f"not drawn: {error}")
            continue
        path = folder if out is not None and _is_file(out) else folder / f"{kind}.png"
        save(figure, path)
        show(path)
    return tuple(kind for kind in kinds if kind not in OF_SWEEPS)


def _folder(runs: Sequence[FinishedRun]) -> Path:
    """Return the default folder for pictures: in the run or, for several runs, beside the first one.

    Raises UsageError if it cannot be written to.
    """
    first = runs[0].directory
    folder = (first if len(runs) == 1 else first.parent) / "plots"
    check_folder(folder)
    return folder


def _draw_notes(notes: str, out: Path | None) -> None:
    """Draw a figure of the notes into a file, or all of them into a folder; print the path of each."""
    from mlpcli.figures.notes import FIGURES, draw_notes
    from mlpcli.figures.style import save

    default = Path("runs", "plots")
    if notes == _ALL:
        paths = {name: (out or default) / f"{name}.png" for name in NOTES}
    else:
        paths = {notes: out or default / f"{notes}.png"}
    if out is None:
        check_folder(default)
    for name, path in paths.items():
        runs = sum(map(len, FIGURES[name].trains.values()))
        if notes == _ALL and runs:
            tell(f"{name}: {count(runs, 'run')}")
        save(draw_notes(name, None if notes == _ALL else tell), path, small=True)
        show(path)
