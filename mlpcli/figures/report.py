"""A run told on one HTML page that needs nothing else: numbers, pictures, and how to have it again."""

from __future__ import annotations

import base64
import io
import shlex
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from mlpcli import __version__
from mlpcli.config.schema import to_plain
from mlpcli.config.yaml12 import write_yaml
from mlpcli.figures import UnfitError
from mlpcli.figures.boundary import boundary_frames
from mlpcli.figures.kinds import DRAW
from mlpcli.figures.style import label, write
from mlpcli.specs import NetworkSpec, WeightLayer
from mlpcli.text import count, memory, number, percent
from mlpcli.training.evaluation import full_report
from mlpcli.training.finished import FinishedRun
from mlpcli.training.health import advise

__all__ = ["render_report"]

_FRAMES = 30  # of the boundary, at most
_MOST_CLASSES = 30  # that are told one by one
_UNITS = 7  # circles that a layer is drawn with, at most

# Of every kind of picture its title, and what it shows in words; in the page's order.
_PICTURES = {
    "curves": ("Curves", "Loss and scores of the training and validation split over the epochs."),
    "boundary": ("What it says where", "What the network answers over its features, and the examples."),
    "hidden": ("Hidden layers", "How the hidden layers bend the plane of the features."),
    "weights": ("First weights", "What the units of the first layer look for, as images."),
    "confusion": ("Confusion", "Which classes of the {part} split are taken for which."),
    "health": ("Unit health", "Dead and saturated units, gradients and updates over the epochs."),
    "examples": ("Mistakes", "The examples of the {part} split that it is surest of, and wrong."),
}


@dataclass(frozen=True)
class Picture:
    """A picture, and what it shows in words, for those who cannot see it."""

    kind: str
    title: str
    alt: str
    data: str

    @classmethod
    def of(cls, kind: str, title: str, alt: str, figure: Figure) -> Picture:
        """Return the picture of a figure."""
        stream = io.BytesIO()
        write(figure, stream, "png")
        return cls(kind, title, alt, _address(stream.getvalue()))


def render_report(run: FinishedRun) -> str:
    """Return the page on a run, with the weights of its checkpoint.

    Whatever comes from configs, data and logs is escaped. Raises RunError, DataError, CheckpointError where
    the run or its data cannot be read.
    """
    environment = Environment(
        loader=PackageLoader("mlpcli.figures", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    checkpoint = run.checkpoint
    spec = checkpoint.network.spec
    last = run.rows[-1]
    reports = {
        part: full_report(
            run.loss, run.logits(part), split.y[split.rows], checkpoint.classes, checkpoint.target_transform
        )
        for part, split in run.splits.parts.items()
    }
    return environment.get_template("report.html").render(
        name=run.name,
        version=__version__,
        facts=_facts(run, spec),
        epoch=f"{checkpoint.epoch:,}",
        scores=_scores(reports),
        layers=(layers := _layers(spec, run)),
        layer_width=_layer_width(layers),
        pictures=_pictures(run),
        frames=_frames(run),
        classes=_classes(reports[run.held_out]),
        held_out=run.held_out,
        advice=advise(last.model_dump()),
        config=write_yaml(to_plain(run.experiment)),
        commands=_commands(run),
        is_unfinished=run.is_unfinished,
        begun=_begun(run),
    )


def _address(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _facts(run: FinishedRun, spec: NetworkSpec) -> list[tuple[str, str]]:
    checkpoint, experiment, parts = run.checkpoint, run.experiment, run.splits.parts
    what = (
        count(checkpoint.targets, "value")
        if checkpoint.classes is None
        else f"{len(checkpoint.classes):,} classes"
    )
    shown = "" if checkpoint.epoch == run.best_epoch else f"; shown here is epoch {checkpoint.epoch:,}"
    facts = [
        ("Data", f"{experiment.data.title}: {count(len(checkpoint.columns), 'feature')}, {what}"),
        ("Examples", ", ".join(f"{len(split):,} {part}" for part, split in parts.items())),
        ("Network", "-".join(f"{width:,}" for width in checkpoint.network.widths)),
        ("Parameters", f"{spec.count():,} ({memory(4 * spec.count())})"),
        ("Loss and optimizer", f"{experiment.loss.name}, {experiment.optimizer.name}"),
        ("Best epoch", f"{run.best_epoch:,} of {len(run.rows):,}{shown}"),
    ]
    if run.is_unfinished:
        facts.append(("Not finished", f"{experiment.training.epochs:,} epochs were asked for"))
    return facts


def _scores(reports: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Return a table, the header first, of how each split is scored."""
    names = [
        name for name in ("loss", "accuracy", "mse", "mae", "r2") if name in next(iter(reports.values()))
    ]
    rows = [["", *("R2" if name == "r2" else name for name in names)]]
    for part, report in reports.items():
        shown = [percent(report[name]) if name == "accuracy" else number(report[name]) for name in names]
        rows.append([part, *shown])
    return rows


def _classes(report: dict[str, Any]) -> list[list[str]]:
    """Return a table, the header first, of how each class of the held-out split fares."""
    rows = report.get("classes", [])
    if not rows:
        return []
    return [["class", "precision", "recall", "F1", "examples"]] + [
        [
            label(row["class"]),
            *(percent(row[name]) for name in ("precision", "recall", "f1")),
            f"{row['support']:,}",
        ]
        for row in rows[:_MOST_CLASSES]
    ]


def _layers(spec: NetworkSpec, run: FinishedRun) -> list[dict[str, Any]]:
    """Return what the drawing of the network shows: a column for the inputs and one for each layer."""
    model = run.experiment.model
    columns = [_column("inputs", spec.widths[0], [])]
    layers = spec.weight_layers()
    for number_, layer in enumerate(layers, 1):
        hidden = number_ < len(layers)
        activation = (model.hidden[number_ - 1].activation or model.activation).name if hidden else "outputs"
        columns.append(_column(activation, layer.fan_out, _working(layer)))
    return columns


def _layer_width(columns: list[dict[str, Any]]) -> int:
    """Return how many pixels a layer takes in the drawing, so that what is written under it has room."""
    longest = max(len(line) for column in columns for line in column["working"])
    return max(150, 7 * longest + 20)


def _column(name: str, units: int, working: list[str]) -> dict[str, Any]:
    shown = units if units <= _UNITS else _UNITS - 1
    return {"name": name, "units": f"{units:,}", "shown": shown, "more": shown < units, "working": working}


def _working(layer: WeightLayer) -> list[str]:
    """Return the sum of a layer's parameters in two lines."""
    pieces = f" x {layer.pieces}" if layer.pieces > 1 else ""
    return [
        f"{layer.fan_in:,} x {layer.fan_out:,}{pieces} + {layer.counts['biases']:,}",
        f"= {layer.parameters:,}",
    ]


def _pictures(run: FinishedRun) -> list[Picture]:
    """Return every picture that fits the run; what does not fit is left out."""
    pictures = []
    for kind, (title, alt) in _PICTURES.items():
        try:
            figure = DRAW[kind]([run])
        except UnfitError:
            continue
        pictures.append(Picture.of(kind, title, alt.format(part=run.held_out), figure))
    return pictures


def _frames(run: FinishedRun) -> list[dict[str, Any]]:
    """Return the boundary over the run's snapshots, with their epochs; empty where there is none to show."""
    try:
        images = boundary_frames(run, most=_FRAMES)
    except UnfitError:
        return []
    frames = []
    for epoch, image in images:
        stream = io.BytesIO()
        image.save(stream, format="PNG")
        frames.append({"epoch": epoch, "data": _address(stream.getvalue())})
    return frames


def _commands(run: FinishedRun) -> list[str]:
    """Return how to go on with a run that was stopped, or to have it again; and how to look at it."""
    folder, config, best = (
        shlex.quote(str(run.directory / name)) for name in ("", "config.yaml", "best.npz")
    )
    train = f"mlp train --resume {folder}" if run.is_unfinished else f"mlp train {config}"
    return [train, f"mlp eval {best}", f"mlp plot {folder}"]


def _begun(run: FinishedRun) -> list[str]:
    """Return the first lines of the run's log: versions and BLAS, on which its very bytes depend."""
    try:
        with (run.directory / "run.log").open(encoding="utf-8", errors="replace") as stream:
            return [stream.readline(500).strip() for _ in range(2)]
    except OSError:
        return []
