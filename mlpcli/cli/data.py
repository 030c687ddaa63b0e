"""``mlp data``: lists, describes, draws and converts data sets, and downloads CIFAR-10."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.commands import command_line
from mlpcli.cli.completing import complete_data
from mlpcli.cli.configs import is_checkpoint, read_config
from mlpcli.cli.groups import Commands
from mlpcli.cli.options import set_option
from mlpcli.cli.output import show, show_json, tell
from mlpcli.cli.pictures import check_out, load_matplotlib
from mlpcli.errors import UsageError, nearest
from mlpcli.text import clip, columns, count, memory, number, some

if TYPE_CHECKING:
    from mlpcli.config.schema import Experiment

__all__ = ["data"]

_RANGE = ("min", "mean", "max", "std")
_WORDS = (
    "class",
    "column",
    "feature",
    "kind",
    "split",
    "target",
    "values",
)  # columns that do not hold numbers
_NAME = 24  # widest name in a table
_VALUES = 32  # widest text of what a column holds
_MOST_ROWS = 20  # of a table


@click.group(cls=Commands)
def data() -> None:
    """List, describe, draw and convert data sets, and download CIFAR-10."""


# ---------------------------------------------------------------------------------------------- list


@data.command("list", short_help="Which data sets there are, and where.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_(as_json: bool) -> None:
    """List the data sets that a config can name, and say where CIFAR-10 was looked for."""
    from mlpcli.config.schema import data_sections
    from mlpcli.data.cifar10 import cifar10_places, cifar10_root

    sets: list[dict[str, Any]] = [
        {
            "name": name,
            "description": section.model_fields["name"].description,
            "source": "your file" if section.is_file() else "drawn",
        }
        for name, section in data_sections().items()
    ]
    looked = [
        {"folder": str(folder), "version": version, "files": files}
        for folder, version, files in cifar10_places(cifar10_root(None))
    ]
    found = next((place["folder"] for place in looked if place["files"]), None)
    next(row for row in sets if row["name"] == "cifar10").update(
        source="found" if found else "not found", found=found, looked_in=looked
    )
    if as_json:
        show_json({"data_sets": sets})
        return
    show(columns([[row["name"], row["description"], row["source"]] for row in sets], "<<<"))
    asked = os.environ.get("MLP_DATA")
    why = f"MLP_DATA is {clip(asked, 30)}" if asked else "MLP_DATA is not set"
    show(f"\ncifar10 is looked for in data.root, else here ({why}):")
    show(_places(looked))
    show("")
    if found is None:
        show("mlp data fetch cifar10         downloads it (170 MB)")
    show("mlp data describe NAME|CONFIG  tells what is in a data set")


def _places(looked: list[dict[str, Any]]) -> str:
    """Return a line for each folder that CIFAR-10 was looked for in."""
    said: dict[str, list[str]] = {}
    for place in looked:
        here = said.setdefault(place["folder"], [])
        if place["files"]:
            version = "binary version" if place["version"].endswith("bin") else "python version"
            here.append(version if place["files"] == 6 else f"{version}, {place['files']} of its 6 files")
    return columns(
        [[f"  {folder}", "; ".join(here) or "no cifar10 there"] for folder, here in said.items()], "<<"
    )


# ------------------------------------------------------------------------------------------ describe


@data.command(short_help="What is in a data set: splits, classes, ranges.")
@click.argument("what", metavar="NAME|CONFIG", shell_complete=complete_data)
@set_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with every feature and class.")
def describe(what: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Describe a data set: its splits, the counts of its classes, the ranges of its features.

    NAME is a data set with its default settings, such as spiral or cifar10. CONFIG is a config whose data set
    is loaded and split as for training. Ranges are in the data's own units; those of features are of the
    training split. CONFIG may also be the directory of a run, or a checkpoint.
    """
    prepare_blas()
    from mlpcli.training.describe import describe_data

    report = describe_data(_experiment(what, overrides))
    if as_json:
        show_json(report)
    else:
        show(_description(report))


def _experiment(what: str, overrides: tuple[str, ...]) -> Experiment:
    from mlpcli.config.loader import parse_experiment
    from mlpcli.config.schema import data_sections
    from mlpcli.config.shipped import shipped_configs
    from mlpcli.config.tables import section_for

    path, sets = Path(what), data_sections()
    if is_checkpoint(path):
        return read_config(path, overrides)
    if section := section_for(f"my.{what}" if what in sets else what):
        raise UsageError(
            f"{what}: a file of your own is described through a config that names it:\ndata: {section}",
            topic="data for a config",
            file=path if path.suffix else f"my.{what}",
        )
    if what in sets:
        return parse_experiment(f"data: {what}", what, Path(), overrides)
    if path.name == what and not path.suffix and not path.exists() and what not in shipped_configs():
        known = [name for name, section in sets.items() if not section.is_file()]
        close = nearest(what, known)
        raise UsageError(
            f"{clip(what, 60)}: there is no such data set{f'; did you mean {close}?' if close else ''}\n"
            f"Name one of {', '.join(known)}, or a config, as in iris.yaml."
        )
    return read_config(path, overrides)


def _description(report: dict[str, Any]) -> str:
    parts = report["splits"]
    classes, targets = report.get("classes"), report.get("targets")
    what = f"{len(classes)} classes" if classes else count(len(targets or ()) // len(parts), "target")
    features = count(report["inputs"], "feature")
    if "columns" in report:
        from mlpcli.data.table.dates import columns_of_table

        kept = len(
            columns_of_table([row["column"] for row in report["columns"] if row["kind"] != "left out"])
        )
    else:
        kept = len(report["features"])
    if kept and kept != report["inputs"]:
        features = f"{count(kept, 'column')} as {features}"
    if "image" in report:
        features = " x ".join(map(str, report["image"])) + " pixels"
    unused = report["examples"] - sum(parts.values())
    splits = [f"{n:,} {name}" for name, n in parts.items()] + ([f"{unused:,} unused"] if unused else [])
    facts = [
        ["source", report["source"] or f"drawn with seed {report['seed']}"],
        ["splits", ", ".join(splits)],
        ["values", f"{report['dtype']}, {memory(report['bytes'])}"],
    ]
    if "terms" in report:
        facts.append(["terms", some([clip(name, 2 * _NAME) for name in report["terms"]], _MOST_ROWS)])
    if "loss" in report:
        facts.append(["loss", report["loss"]])
    facts += [["rows", note] for note in report["notes"]]
    blocks = [
        f"{report['data']}: {count(report['examples'], 'example')}, {features}, {what}",
        _wrapped(facts),
    ]
    if classes:
        rows = [[clip(row["class"], _NAME), *(f"{row[part]:,}" for part in parts)] for row in classes]
        whole = ["(all)", *(f"{n:,}" for n in parts.values())]
        blocks.append(_table("classes", ["class", *parts], rows, whole))
    blocks.append(_column_table(report["columns"]) if "columns" in report else _feature_table(report))
    if targets:
        rows = [[clip(row["target"], _NAME), row["split"], *_range(row)] for row in targets]
        blocks.append(_table("targets", ["target", "split", *_RANGE], rows, None))
    return "\n\n".join(blocks)


def _wrapped(facts: list[list[str]]) -> str:
    """Return names and what is said of them, which goes on below itself at the width of the terminal."""
    first = max(len(name) for name, _ in facts) + 2
    width = max(40, _width() - first)
    rows = []
    for name, text in facts:
        lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
        rows += [[name if i == 0 else "", line] for i, line in enumerate(lines)]
    return columns(rows, "<<")


def _width() -> int:
    return shutil.get_terminal_size().columns


def _column_table(described: list[dict[str, Any]]) -> str:
    left_out = [
        ["left out", f"{clip(row['column'], 20)}: {row['why']}"]
        for row in described
        if row["kind"] == "left out"
    ]
    kept = [row for row in described if row["kind"] != "left out"]
    table = _table_of_columns(kept, _VALUES)
    excess = max(map(len, table.splitlines())) - _width()
    if excess > 0 and kept:
        widest = max((len(_values(row)) for row in kept if row["distinct"]), default=0)
        table = _table_of_columns(kept, max(12, widest - excess))
    if not left_out:
        return table
    from mlpcli.data.rows import how_to_keep

    dropped = {row["column"]: row["why"] for row in described if row["kind"] == "left out"}
    hint = how_to_keep(dropped, [row["column"] for row in kept])
    return "\n\n".join([table, _wrapped(left_out + ([["", hint]] if hint else []))])


def _table_of_columns(described: list[dict[str, Any]], width: int) -> str:
    """Return the table; what columns hold is clipped to a ``width``."""
    rows = []
    for row in described:
        values = "-" if row["distinct"] == 0 else clip(_values(row, width), width)
        numbers = [f"{row[key]:,}" for key in ("missing", "distinct")]
        rows.append([clip(row["column"], 20), row["kind"], *numbers, values, f"{row['features']:,}"])
    return _table("columns", ["column", "kind", "missing", "distinct", "values", "features"], rows, None)


def _values(row: dict[str, Any], width: int = _VALUES) -> str:
    """Return the range of a column of numbers or dates, or the commonest of its other values.

    Dates are as exact as the ``width`` allows.
    """
    if "first" in row:
        first, last = row["first"], row["last"]
        digits = (10, 7, 4) if first[:10] != last[:10] else (16,)  # of days, months, years; of minutes
        spans = [f"{first[:n]} to {last[:n]}" for n in digits]
        return next((span for span in spans if len(span) <= width), spans[-1])
    if "commonest" not in row:
        return _span(row["min"], row["max"])
    shown = some([clip(text, 12) for text, _ in row["commonest"]], row["distinct"])
    return clip(shown + (", ..." if row["distinct"] > len(row["commonest"]) else ""), _VALUES)


def _span(low: float, high: float) -> str:
    """Return a range with the digits that tell its ends apart; whole numbers have no decimals."""
    size = max(abs(low), abs(high))
    digits = 4 + math.ceil(math.log10(size / (high - low))) if high > low else 6

    def short(value: float) -> str:
        return f"{value:.0f}" if value == round(value) and size < 1e12 else f"{value:.{min(digits, 17)}g}"

    return f"{short(low)} to {short(high)}"


def _feature_table(report: dict[str, Any]) -> str:
    rows = [[clip(row["feature"], _NAME), *_range(row)] for row in report["features"]]
    alike = "image" in report or len(rows) > _MOST_ROWS  # else they need not be of one kind
    whole = ["(all)", *_range(report["all_features"])] if alike else None
    table = _table("features", ["feature", *_RANGE], rows, whole)
    return f"{table}\n(of the training examples, before scaling)"


def _range(row: dict[str, Any]) -> list[str]:
    return [number(row[key]) for key in _RANGE]


def _table(what: str, header: list[str], rows: list[list[str]], whole: list[str] | None) -> str:
    """Return a table of the first rows and, if there is one, of a last row for the ``whole``."""
    shown = [header, *rows[:_MOST_ROWS], *([] if whole is None else [whole])]
    text = columns(shown, "".join("<" if cell in _WORDS else ">" for cell in header))
    more = len(rows) - _MOST_ROWS
    return text if more <= 0 else f"{text}\n(and {more:,} more {what}; --json has them all)"


# ---------------------------------------------------------------------------------------------- draw


@data.command(short_help="Draw the points of a data set, or its images by class.")
@click.argument("what", metavar="NAME|CONFIG", shell_complete=complete_data)
@set_option
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A .png or .svg file. Without it: a .png in this folder, named after the data set.",
)
def draw(what: str, overrides: tuple[str, ...], out: Path | None) -> None:
    """Draw a data set of one or two features as points, by class and split; images as a grid by class.

    NAME is a data set with its default settings, such as spiral or cifar10. CONFIG is a config whose data set
    is loaded and split as for training.
    """
    if out is not None:
        check_out(out)
    prepare_blas()
    load_matplotlib()
    experiment = _experiment(what, overrides)
    from mlpcli.figures.datasets import draw_dataset
    from mlpcli.figures.style import save

    path = out or Path(f"{Path(what).stem}.png")
    save(draw_dataset(experiment), path)
    show(path)


# ------------------------------------------------------------------------------------------- convert


@data.command(short_help="Write a table as .npy files, of which large ones are read in blocks.")
@click.argument("what", metavar="TABLE|CONFIG", shell_complete=complete_data)
@click.option(
    "--out",
    "folder",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder to make, with X.npy, y.npy, table.json and a config.",
)
@click.option("--target", metavar="NAME", help="The column of TABLE to predict.")
def convert(what: str, folder: Path, target: str | None) -> None:
    """Write a table as .npy files, once: those are read in blocks where they are larger than memory.

    TABLE is a CSV or Parquet file, whose numbers, categories and missing cells are found as for training.
    CONFIG is a config that names such a file, with what it says of it. The folder appears whole, or not at
    all. New rows stay as they are: the network takes tables with the same columns.
    """
    prepare_blas()
    from tqdm import tqdm

    from mlpcli.training.convert import about_rows, convert_data, experiment_of

    experiment = experiment_of(Path(what), target)
    with tqdm(
        total=about_rows(experiment),
        unit=" rows",
        unit_scale=True,
        disable=not sys.stderr.isatty(),
        dynamic_ncols=True,
        bar_format="{percentage:3.0f}% {bar} {n_fmt} rows, {remaining} left",
    ) as bar:
        converted = convert_data(experiment, folder, told=lambda rows: _advance(bar, rows))
    for note in converted.notes:
        tell(note)
    for name, why in converted.dropped.items():
        tell(f"{clip(name, 60)} is left out: {why}")
    what_y = "a number" if converted.classes is None else f"{converted.classes:,} classes"
    show(f"{folder}: {converted.rows:,} rows of {count(converted.columns, 'column')}, {what_y} to predict")
    show(f"next  {command_line('train', folder / 'data.yaml')}")


# --------------------------------------------------------------------------------------------- fetch


@data.command(short_help="Download CIFAR-10.")
@click.argument("name", metavar="NAME", type=click.Choice(["cifar10"]))
@click.option(
    "--format",
    "version",
    type=click.Choice(["binary", "python"]),
    default="binary",
    show_default=True,
    help="Which of the two official versions; training is the same with both.",
)
@click.option(
    "--root",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where to put it. Without it: MLP_DATA, else datasets/.",
)
@click.option("--url", metavar="URL", help="A mirror of the official archive, with the very same bytes.")
def fetch(name: str, version: str, root: Path | None, url: str | None) -> None:  # noqa: ARG001
    """Download a data set that is too large to be installed with mlp: cifar10 (170 MB; 355 MB to unpack it).

    The same command continues a download that was interrupted. Nothing is unpacked before size and checksum
    are right, and the data set appears whole or not at all.
    """
    from mlpcli.data.cifar10 import cifar10_places, cifar10_root
    from mlpcli.data.fetch import CIFAR10, partial_file
    from mlpcli.data.fetch import fetch as fetch_archive

    archive, place = CIFAR10[version], cifar10_root(root)
    for folder, folder_version, files in cifar10_places(place):
        if folder_version == archive.folder and files == 6:
            show(f"cifar10 is already in {folder}; to fetch it again, remove that folder first")
            return
    part = partial_file(archive, place)
    from tqdm import tqdm

    had = part.stat().st_size if part.is_file() else 0
    going_on = f", continuing after {memory(had)}" if had else ""
    tell(f"{url or archive.url}: {memory(archive.size)}{going_on}")
    with tqdm(
        total=archive.size,
        initial=had,
        unit="B",
        unit_scale=True,
        disable=not sys.stderr.isatty(),
        dynamic_ncols=True,
        bar_format="{percentage:3.0f}% {bar} {n_fmt}B of {total_fmt}B, {rate_fmt}, {remaining} left",
    ) as bar:
        try:
            folder = fetch_archive(archive, place, url, on_progress=lambda n: _advance(bar, n))
        except KeyboardInterrupt:
            bar.close()
            kept = "; nothing was downloaded yet."
            if part.is_file():
                have = memory(part.stat().st_size)
                kept = f"; {have} are kept in {part}: the same command continues from there."
            tell(f"\nInterrupted{kept}")
            click.get_current_context().exit(130)
    show(f"cifar10 is in {folder}: 50,000 training and 10,000 test images, size and MD5 right")
    at = "" if root is None else f" --set data.root={shlex.quote(str(place.absolute()))}"
    show(f"next  mlp train cifar10{at}")


def _advance(bar: Any, done: int) -> None:
    bar.update(done - bar.n)
