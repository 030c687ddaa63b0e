"""Renders the report of a run, one self-contained HTML page: numbers, pictures, and how to reproduce it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlpcli import __version__
from mlpcli.config.schema import to_plain
from mlpcli.config.yaml12 import write_yaml
from mlpcli.figures import UnfitError
from mlpcli.figures.frames import Frame, draw_frames, frame_times
from mlpcli.figures.kinds import DRAW
from mlpcli.figures.network import draw_network
from mlpcli.figures.style import label
from mlpcli.figures.svg import Drawing, Piece, colour_rules, take_apart
from mlpcli.nn.measures import MEASURES
from mlpcli.specs import NetworkSpec, WeightLayer
from mlpcli.text import count, memory, number, percent, printable, shell_path
from mlpcli.training.baselines import TITLES, Fitted, measure_baselines
from mlpcli.training.evaluation import full_report, score_text
from mlpcli.training.finished import FinishedRun
from mlpcli.training.health import advise
from mlpcli.training.verdict import judge

__all__ = ["GROWTH", "Picture", "page_environment", "render_report"]

_MAX_FRAMES = 30  # of the boundary
_MAX_CLASSES = 30  # listed in the table
_SCORES = ("accuracy", "balanced_accuracy", "log_loss", "roc_auc", "f1", "mse", "rmse", "mae", "r2")
GROWTH = 1.3  # how much larger than drawn a panel may be shown
_HALF = 580  # pixels of a picture in half of a page
_WIDE = 850  # pixels of a panel that needs the whole width of the page
_GAP = 1.6  # from layer to layer of the network
_SMALL = 200  # pixels of panels that are tiles

# Each kind of picture in the order of the page: its name, its title, and what to look for in it.
_PICTURES = {
    "boundary": (
        "Predictions",
        "What it predicts",
        "The background is the prediction at every place, the points are the examples. Look where the border "
        "is smooth, where it bends around single examples, and what it says far away from all of them.",
    ),
    "curves": (
        "Learning",
        "How it learned",
        "If the training curve goes on improving while the validation curve turns, the network learns its "
        "examples by heart. If both are still improving at the end, more epochs may help.",
    ),
    "confusion": (
        "Confusion",
        "Which classes it mixes up",
        "On the diagonal are the {part} examples that are right. A strongly colored cell off the diagonal is "
        "a pair of classes that the network cannot tell apart well.",
    ),
    "network": (
        "Network",
        "The network and its weights",
        "Thick lines are large weights. Look for inputs that all units use, and for units that get or give "
        "next to nothing.",
    ),
    "hidden": (
        "Hidden layers",
        "How the layers bend the plane",
        "Each layer bends the plane of the one before. In the last one the classes should lie apart, so that "
        "straight lines separate them.",
    ),
    "weights": (
        "First layer",
        "What the first layer looks for",
        "Each square is the weights of one unit. Patterns are features that it has found; noise is a unit "
        "that has learned little.",
    ),
    "residuals": (
        "Residuals",
        "Predicted and true values",
        "The points should lie along the line, and the residuals around 0 everywhere. A bend or a funnel is "
        "something that the network has not learned.",
    ),
    "roc": (
        "Thresholds",
        "What each threshold finds, and what it costs",
        "The nearer the left curve comes to the upper left corner, and the right one to the upper right, the "
        "better the classes are ranked.",
    ),
    "calibration": (
        "Calibration",
        "How sure it is, and how often it is right",
        "On the line, calibration is perfect. Points below it: the network is surer than it should be. "
        "Points above it: it is right more often than it says.",
    ),
    "importance": (
        "Columns",
        "Which columns it uses",
        "The longer the bar, the more the network needs the column. A column near 0 is not needed, or "
        "another column carries the same information.",
    ),
    "health": (
        "Unit health",
        "Whether its units work",
        "Dead or saturated units learn nothing. Gradients should be of similar size in all layers, and "
        "updates about a thousandth of the weights. Weights that grow without end ask for regularization.",
    ),
    "examples": (
        "Mistakes",
        "Its surest mistakes",
        "Check whether a person would make the same mistake; the label may be wrong. What the mistakes have "
        "in common is what the network lacks.",
    ),
}
_OF_ONE_COLUMN = (
    "The line is the prediction, the points are the examples. Look whether it follows what the points have "
    "in common or bends to single ones, and where it goes beyond them."
)
_BENT_FOR_VALUES = (
    "Each layer bends the plane of the one before. In the last one the colors should change evenly in one "
    "direction, so that the output can read the value from it."
)
_OF_VALUES = (
    "The background is the prediction at every place, the points are filled with the true values. Where a "
    "point stands out from what is behind it, the prediction is wrong there."
)
_TINTED = ("boundary", "confusion")  # their images are colors on white


@dataclass(frozen=True)
class Picture:
    """A picture on the page: its pieces, and what to look for."""

    kind: str
    name: str
    title: str
    caption: str
    says: str
    panels: list[Piece]
    legend: list[Piece]

    @property
    def layout(self) -> str:
        """Whether its panels are tiles, take the width of the page, or half of it."""
        widths = [panel.width for panel in self.panels]
        if len(widths) > 1 and max(widths) < _SMALL:
            return "tiles"
        return "wide" if len(widths) > 1 or max(widths, default=0) > _WIDE else "half"

    @property
    def height(self) -> int:
        """About how high its section is in half of a page, in pixels."""
        table = 200 if self.kind == "network" else 0
        return 200 + table + sum(_HALF * panel.height // max(panel.width, _HALF) for panel in self.panels)

    @classmethod
    def of(cls, kind: str, run: FinishedRun, drawing: Drawing) -> Picture:
        """Return the picture that is made of a drawing."""
        name, title, caption = _PICTURES[kind]
        says = drawing.title.removeprefix(label(run.name)).lstrip(":, ").replace("\n", ", ")
        says = says[:1].upper() + says[1:] if re.search(r"\d", says) else ""  # else the title says it
        if kind == "boundary" and len(run.checkpoint.columns) == 1:
            caption = _OF_ONE_COLUMN
        elif kind == "boundary" and run.checkpoint.classes is None:
            caption = _OF_VALUES
        elif kind == "hidden" and run.checkpoint.classes is None:
            caption = _BENT_FOR_VALUES
        caption = caption.format(part=run.held_out)
        return cls(kind, name, title, caption, says, drawing.panels, drawing.legend)


def page_environment() -> Environment:
    """Return what reads the templates of pages, in which every name is escaped."""
    return Environment(
        loader=PackageLoader("mlpcli.figures", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_report(run: FinishedRun) -> str:
    """Return the page that reports on a run, with the weights of its checkpoint.

    Everything from configs, data and logs is escaped. Raises RunError, DataError, CheckpointError if the run
    or its data cannot be read.
    """
    checkpoint = run.checkpoint
    reports = {
        part: full_report(
            run.loss,
            run.logits(part),
            split.y[split.rows],
            checkpoint.classes,
            checkpoint.target_transform,
            split.own_weights,
        )
        for part, split in run.splits.parts.items()
    }
    baselines = _baselines(run, [name for name in _SCORES if name in next(iter(reports.values()))])
    frames, shown, pictures = _pictures(run)
    halves = [picture for picture in pictures if picture.layout == "half"]
    pieces = [piece.inner for picture in pictures for piece in (*picture.panels, *picture.legend)]
    light, dark = colour_rules("".join([*pieces, *(frame.under + frame.over for frame in frames)]))
    page = (
        page_environment()
        .get_template("report.html")
        .render(
            name=run.name,
            version=__version__,
            verdict=judge(run, reports, baselines[run.held_out]),
            facts=_facts(run, checkpoint.network.spec),
            epoch=f"{checkpoint.epoch:,}",
            scores=_scores(reports, baselines),
            counts=_counts(run, checkpoint.network.spec),
            pictures=pictures,
            first=halves[:1],  # beside the verdict
            stacks=_stacks(halves[1:]),
            wide=[picture for picture in pictures if picture.layout != "half"],
            growth=GROWTH,
            frames=[vars(frame) for frame in frames],
            shown=shown,
            times=frame_times(len(frames)),
            classes=_classes(reports[run.held_out]),
            held_out=run.held_out,
            advice=_advice(run),
            config=write_yaml(to_plain(run.experiment)),
            commands=_commands(run),
            is_unfinished=run.is_unfinished,
            begun=_begun(run),
            light=light,
            dark=dark,
        )
    )
    return printable(page)


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


def _baselines(run: FinishedRun, names: list[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the scores of each baseline on each split; none if the checkpoint has no baselines."""
    checkpoint = run.checkpoint
    if checkpoint.baselines is None:
        return {part: {} for part in run.splits.parts}
    fitted = Fitted(checkpoint.baselines, checkpoint.transform, checkpoint.target_transform)
    return {part: measure_baselines(names, fitted, split) for part, split in run.splits.parts.items()}


def _scores(
    reports: dict[str, dict[str, Any]], baselines: dict[str, dict[str, dict[str, Any]]]
) -> list[list[str]]:
    """Return a table of the scores of each split, and those of the baselines; the first row is the header."""
    names = [name for name in _SCORES if name in next(iter(reports.values()))]
    rows = [["split", "loss", *(MEASURES[name].title for name in names)]]
    for part, report in reports.items():
        beside = {f"{part}, {TITLES[name]}": row for name, row in baselines[part].items()}
        for title, row in {part: report, **beside}.items():
            shown = [score_text(name, row[name]) for name in names]
            rows.append([title, number(row["loss"]) if "loss" in row else "", *shown])
    return rows


def _classes(report: dict[str, Any]) -> list[list[str]]:
    """Return a table of the scores of each class of the held-out split; the first row is the header."""
    rows = report.get("classes", [])
    if not rows:
        return []
    counted = ",.1f" if "weighted" in report else ","  # sums of weights, or whole numbers
    return [["class", "precision", "recall", "F1", "examples"]] + [
        [
            label(row["class"]),
            *(percent(row[name]) for name in ("precision", "recall", "f1")),
            f"{row['support']:{counted}}",
        ]
        for row in rows[:_MAX_CLASSES]
    ]


def _counts(run: FinishedRun, spec: NetworkSpec) -> list[list[str]]:
    """Return a table of the layers with the calculation of their parameters; the first row is the header."""
    model = run.experiment.model
    rows = [["layer", "units", "activation", "parameters"]]
    layers = spec.weight_layers()
    for i, layer in enumerate(layers):
        hidden = i + 1 < len(layers)
        activation = (model.hidden[i].activation or model.activation).name if hidden else "-"
        name = f"{i + 1}" if hidden else f"{i + 1} (output)"
        rows.append([name, f"{layer.fan_out:,}", activation, _working(layer)])
    return rows


def _working(layer: WeightLayer) -> str:
    """Return the calculation of a layer's parameters."""
    pieces = f" x {layer.pieces}" if layer.pieces > 1 else ""
    others = "".join(f" + {n:,}" for what, n in layer.counts.items() if what != "weights" and n)
    return f"{layer.fan_in:,} x {layer.fan_out:,}{pieces}{others} = {layer.parameters:,}"


def _pictures(run: FinishedRun) -> tuple[list[Frame], int, list[Picture]]:
    """Return the frames of the boundary, which of them is shown, and every picture that fits the run."""
    frames, shown, pictures = list[Frame](), 0, list[Picture]()
    for kind in _PICTURES:
        if kind == "importance" and len(run.checkpoint.columns) == 1:
            continue  # there is nothing to compare it with
        try:
            if kind == "boundary" and run.snapshots:
                drawing, frames, shown = draw_frames(run, _MAX_FRAMES)
            else:
                figure = draw_network(run, _GAP) if kind == "network" else DRAW[kind]([run])
                drawing = take_apart(figure, kind, tinted=kind in _TINTED)
        except UnfitError:
            continue
        pictures.append(Picture.of(kind, run, drawing))
    return frames, shown, pictures


def _advice(run: FinishedRun) -> list[str]:
    """Return the advice on units that fail after the last epoch, which it names."""
    last, has_path = run.rows[-1], run.checkpoint.network.path is not None
    lines = advise(last.model_dump(), has_linear_path=has_path)
    return [f"After epoch {last.epoch:,}, {line}." for line in lines]


def _stacks(pictures: list[Picture]) -> list[list[Picture]]:
    """Return pictures in two stacks of about the same height, the highest ones on top."""
    stacks: list[list[Picture]] = [[], []]
    for picture in sorted(pictures, key=lambda picture: -picture.height):
        min(stacks, key=lambda stack: sum(other.height for other in stack)).append(picture)
    return [stack for stack in stacks if stack]


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
