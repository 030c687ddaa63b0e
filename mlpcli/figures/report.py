"""Renders the report of a run, one self-contained HTML page: numbers, pictures, and how to reproduce it."""

from __future__ import annotations

import base64
import io
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
from mlpcli.nn.measures import MEASURES
from mlpcli.specs import NetworkSpec, WeightLayer
from mlpcli.text import count, memory, number, percent, printable, shell_path
from mlpcli.training.baselines import TITLES, Fitted, measure_baselines
from mlpcli.training.evaluation import full_report
from mlpcli.training.finished import FinishedRun
from mlpcli.training.health import advise

__all__ = ["render_report"]

_MAX_FRAMES = 30  # of the boundary
_MAX_CLASSES = 30  # listed in the table
_SCORES = ("accuracy", "balanced_accuracy", "log_loss", "roc_auc", "f1", "mse", "rmse", "mae", "r2")
_MAX_UNITS = 7  # circles per layer in the drawing of the network

# The title and the caption of each kind of picture, in the order of the page.
_PICTURES = {
    "curves": ("Curves", "Loss and scores of the training and validation split over the epochs."),
    "boundary": ("Predictions", "The network's predictions over its features, and the examples."),
    "hidden": ("Hidden layers", "How the hidden layers bend the plane of the features."),
    "weights": ("First weights", "The weights of the first layer's units, as images."),
    "confusion": ("Confusion", "True and predicted classes of the {part} split."),
    "roc": ("Thresholds", "ROC curve and precision-recall curve of the {part} split."),
    "calibration": ("Calibration", "How often the network is right on the {part} split, by how sure it is."),
    "residuals": ("Values", "Predicted and true values of the {part} split, and the residuals."),
    "importance": ("Columns", "What the score of the {part} split loses when a column is shuffled."),
    "health": ("Unit health", "Dead and saturated units, gradients and updates over the epochs."),
    "examples": ("Mistakes", "The most confident mistakes on the {part} split."),
}


@dataclass(frozen=True)
class Picture:
    """A picture, with a text that describes it for those who cannot see it."""

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
    """Return the page that reports on a run, with the weights of its checkpoint.

    Everything from configs, data and logs is escaped. Raises RunError, DataError, CheckpointError if the run
    or its data cannot be read.
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
    page = environment.get_template("report.html").render(
        name=run.name,
        version=__version__,
        facts=_facts(run, spec),
        epoch=f"{checkpoint.epoch:,}",
        scores=_scores(run, reports),
        layers=(layers := _layers(spec, run)),
        layer_width=_layer_width(layers),
        pictures=_pictures(run),
        frames=_frames(run),
        classes=_classes(reports[run.held_out]),
        held_out=run.held_out,
        advice=advise(last.model_dump(), has_linear_path=checkpoint.network.path is not None),
        config=write_yaml(to_plain(run.experiment)),
        commands=_commands(run),
        is_unfinished=run.is_unfinished,
        begun=_begun(run),
    )
    return printable(page)


def _address(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _facts(run: FinishedRun, spec: NetworkSpec) -> list[tuple[str, str]]:
    checkpoint, experiment, parts = run.checkpoint, run.experiment, run.splits.parts
    what = (
        count(checkpoint.targets, "target")
        if checkpoint.classes is None
        else f"{len(checkpoint.classes):,} classes"
    )
    shown = "" if checkpoint.epoch == run.best_epoch else f"; this page shows epoch {checkpoint.epoch:,}"
    facts = [
        ("Data", f"{experiment.data.title}: {count(len(checkpoint.columns), 'feature')}, {what}"),
        ("Examples", ", ".join(f"{len(split):,} {part}" for part, split in parts.items())),
        ("Network", "-".join(f"{width:,}" for width in checkpoint.network.widths)),
        ("Parameters", f"{spec.count():,} ({memory(4 * spec.count())})"),
        ("Loss and optimizer", f"{experiment.loss.name}, {experiment.optimizer.name}"),
        ("Best epoch", f"{run.best_epoch:,} of {len(run.rows):,}{shown}"),
    ]
    if run.is_unfinished:
        facts.append(("Not finished", f"the config asks for {experiment.training.epochs:,} epochs"))
    return facts


def _scores(run: FinishedRun, reports: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Return a table of the scores of each split, and those of the baselines; the first row is the header."""
    names = [name for name in _SCORES if name in next(iter(reports.values()))]
    rows = [["", "loss", *(MEASURES[name].title for name in names)]]
    checkpoint = run.checkpoint
    for part, report in reports.items():
        beside = {}
        if checkpoint.baselines is not None:
            split = run.splits.parts[part]
            fitted = Fitted(checkpoint.baselines, checkpoint.transform, checkpoint.target_transform)
            beside = measure_baselines(names, fitted, split)
        for title, row in {
            part: report,
            **{f"{part}, {TITLES[name]}": row for name, row in beside.items()},
        }.items():
            shown = [percent(row[name]) if MEASURES[name].is_share else number(row[name]) for name in names]
            rows.append([title, number(row["loss"]) if "loss" in row else "", *shown])
    return rows


def _classes(report: dict[str, Any]) -> list[list[str]]:
    """Return a table of the scores of each class of the held-out split; the first row is the header."""
    rows = report.get("classes", [])
    if not rows:
        return []
    return [["class", "precision", "recall", "F1", "examples"]] + [
        [
            label(row["class"]),
            *(percent(row[name]) for name in ("precision", "recall", "f1")),
            f"{row['support']:,}",
        ]
        for row in rows[:_MAX_CLASSES]
    ]


def _layers(spec: NetworkSpec, run: FinishedRun) -> list[dict[str, Any]]:
    """Return the columns of the drawing of the network: the inputs and each layer."""
    model = run.experiment.model
    columns = [_column("inputs", spec.widths[0], [])]
    layers = spec.weight_layers()
    for number_, layer in enumerate(layers, 1):
        hidden = number_ < len(layers)
        activation = (model.hidden[number_ - 1].activation or model.activation).name if hidden else "outputs"
        columns.append(_column(activation, layer.fan_out, _working(layer)))
    return columns


def _layer_width(columns: list[dict[str, Any]]) -> int:
    """Return the width of a layer in the drawing, in pixels, so that the text below it has room."""
    longest = max(len(line) for column in columns for line in column["working"])
    return max(150, 7 * longest + 20)


def _column(name: str, units: int, working: list[str]) -> dict[str, Any]:
    shown = units if units <= _MAX_UNITS else _MAX_UNITS - 1
    return {"name": name, "units": f"{units:,}", "shown": shown, "more": shown < units, "working": working}


def _working(layer: WeightLayer) -> list[str]:
    """Return the calculation of a layer's parameters, in two lines."""
    pieces = f" x {layer.pieces}" if layer.pieces > 1 else ""
    others = "".join(f" + {n:,}" for what, n in layer.counts.items() if what != "weights" and n)
    return [
        f"{layer.fan_in:,} x {layer.fan_out:,}{pieces}{others}",
        f"= {layer.parameters:,}",
    ]


def _pictures(run: FinishedRun) -> list[Picture]:
    """Return every picture that can be drawn of the run."""
    pictures = []
    for kind, (title, alt) in _PICTURES.items():
        try:
            figure = DRAW[kind]([run])
        except UnfitError:
            continue
        pictures.append(Picture.of(kind, title, alt.format(part=run.held_out), figure))
    return pictures


def _frames(run: FinishedRun) -> list[dict[str, Any]]:
    """Return the boundary at each of the run's snapshots, with its epoch; an empty list if there are none."""
    try:
        images = boundary_frames(run, max_frames=_MAX_FRAMES)
    except UnfitError:
        return []
    frames = []
    for epoch, image in images:
        stream = io.BytesIO()
        image.save(stream, format="PNG")
        frames.append({"epoch": epoch, "data": _address(stream.getvalue())})
    return frames


def _commands(run: FinishedRun) -> list[str]:
    """Return the commands that resume or repeat a run, evaluate it and draw it."""
    folder, config, best = (shell_path(run.directory / name) for name in ("", "config.yaml", "best.npz"))
    train = f"mlp train --resume {folder}" if run.is_unfinished else f"mlp train {config}"
    return [train, f"mlp eval {best}", f"mlp plot {folder}"]


def _begun(run: FinishedRun) -> list[str]:
    """Return the first lines of the run's log: the versions and BLAS, on which the exact results depend."""
    try:
        with (run.directory / "run.log").open(encoding="utf-8", errors="replace") as stream:
            return [stream.readline(500).strip() for _ in range(2)]
    except OSError:
        return []
