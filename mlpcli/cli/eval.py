"""``mlp eval``: evaluates a checkpoint on labelled examples."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.completing import complete_run
from mlpcli.cli.options import tta_option
from mlpcli.cli.output import show, show_json, tell
from mlpcli.text import clip, columns, count, number, percent

__all__ = ["evaluate"]

_LABEL = 16  # widest name of a class in a table


@click.command("eval")
@click.argument("checkpoint", type=click.Path(path_type=Path), shell_complete=complete_run)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    help="Which split to evaluate on. Default: test if there is one, else val, else train.",
)
@click.option(
    "--data",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="A .csv, .parquet or .npz file to use instead, whole unless --split is given; or another CIFAR-10 "
    "folder.",
)
@tta_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(checkpoint: Path, split: str | None, data: Path | None, tta: bool, as_json: bool) -> None:
    """Evaluate a CHECKPOINT: loss and scores, for each class precision, recall and F1, confusion matrix.

    CHECKPOINT is a checkpoint, or the directory of a run for its best epoch. Scores: accuracy, balanced
    accuracy, log loss, areas under the ROC and the precision-recall curve, F1, calibration; of a regression
    squared, absolute and relative errors, and R2. Beside them stand those of the most frequent class, or the
    mean, and of a linear model. Config, scaling and names are in the checkpoint; the examples are drawn or
    read, and split, as they were for training.
    """
    prepare_blas()
    from mlpcli.training.apply import score_checkpoint

    report = score_checkpoint(checkpoint, split, data, tta=tta)
    if as_json:
        show_json(report)
        return
    for note in report["notes"]:
        tell(note)
    show(_describe(report))


def _describe(report: dict[str, Any]) -> str:
    part = "all" if report["split"] == "all" else f"the {report['split']} split"
    which = f"mean of {report['networks']:,} networks" if "networks" in report else f"epoch {report['epoch']}"
    if report.get("epoch") == 0:
        which += ", the fitted linear model"
    head = f"on {part} of {report['data']}: {count(report['n'], 'example')}"
    if "weighted" in report:
        head += ", by their weights"
    if "tta" in report:
        head += ", with mirror images"
    network = f"{report['checkpoint']} ({which})"
    is_wide = len(network) + 1 + len(head) > shutil.get_terminal_size().columns
    head = f"{network}\n{head}" if is_wide else f"{network} {head}"
    if "accuracy" not in report:
        blocks = [head, columns(*_measures(report, "loss (targets scaled)"))]
        if "targets" in report:
            blocks.append(_target_table(report))
        return "\n\n".join([*blocks, *_remarks(report)])
    totals, align = _measures(report, "loss")
    totals = [[*row, ""] for row in totals]
    if "weighted" not in report:
        correct = round(report["accuracy"] * report["n"])
        totals[2][-1] = f"({correct:,} of {report['n']:,})"
    blocks = [
        head,
        columns(totals, align + "<"),
        *_remarks(report),
        *_threshold(report),
        _class_table(report),
    ]
    blocks.append(_confusions(report))
    if "line" in report:
        blocks.append(_line(report["line"]))
    return "\n\n".join(blocks)


def _measures(report: dict[str, Any], loss: str) -> tuple[list[list[str]], str]:
    """Return a table of the loss and each measure, of the network and the baselines, and its alignment."""
    from mlpcli.nn.measures import MEASURES
    from mlpcli.training.baselines import TITLES
    from mlpcli.training.evaluation import score_text

    baselines = report.get("baselines", {})
    rows = [["", "network", *(TITLES[name] for name in baselines)]]
    rows.append([loss, number(report["loss"]), *("" for _ in baselines)])
    for name, measure in MEASURES.items():
        if name in report:
            shown = (score_text(name, scores[name]) for scores in (report, *baselines.values()))
            rows.append([measure.title, *shown])
    return rows, "<" + ">" * (len(rows[0]) - 1)


def _remarks(report: dict[str, Any]) -> list[str]:
    """Return a block that says why scores have no value, and what there is to know of the baselines."""
    from mlpcli.nn.measures import MEASURES

    titles: dict[str, list[str]] = {}
    for name, reason in report["undefined"].items():
        titles.setdefault(reason, []).append(MEASURES[name].title if name in MEASURES else name)
    lines = [f"Not defined, as {reason}:\n{', '.join(names)}." for reason, names in titles.items()]
    if report.get("baseline_note"):
        lines.append(report["baseline_note"])
    return ["\n".join(lines)] if lines else []


def _threshold(report: dict[str, Any]) -> list[str]:
    best = report.get("threshold")
    if best is None:
        return []
    name = clip(best["class"], _LABEL)
    return [
        f"F1 is that of {name}; at best {percent(best['f1'])}, with predict --threshold {best['value']!r}."
    ]


def _target_table(report: dict[str, Any]) -> str:
    """Return a table of the errors and R2 of each target."""
    from mlpcli.training.evaluation import score_text

    rows = [
        [clip(row["target"], _LABEL), *(score_text(key, row[key]) for key in ("rmse", "mae", "r2"))]
        for row in report["targets"]
    ]
    rows.insert(0, ["target", "RMSE", "mean absolute error", "R2"])
    return columns(rows, "<>>>")


def _line(line: dict[str, Any]) -> str:
    """Return the line that a single neuron draws, with its signs: ``1.2 * x1 - 0.5 * x2 + 0.1 = 0``."""
    terms = [(w, f" * {clip(name, _LABEL)}") for w, name in zip(line["w"], line["features"], strict=True)]
    words = [
        f"{'-' if value < 0 else '+'} {abs(value):.4g}{name}" for value, name in [*terms, (line["b"], "")]
    ]
    equation = " ".join(words)
    first = "-" if equation.startswith("-") else ""  # the sign of the first term, not one between two terms
    rows = [
        ["decision line", f"{first}{equation[2:]} = 0"],
        ["margin", f"{number(line['margin'])} to each side (1 / length of w)"],
    ]
    return columns(rows, "<<")


def _class_table(report: dict[str, Any]) -> str:
    keys = ("precision", "recall", "f1")
    rows = [["class", *keys, "examples"]]
    for row in report["classes"]:
        shares = [percent(row[key]) for key in keys]
        rows.append([clip(row["class"], _LABEL), *shares, _counted(row["support"])])
    rows.append(["(mean)", *(percent(report["macro"][key]) for key in keys), f"{report['n']:,}"])
    return columns(rows, "<>>>>")


def _counted(examples: float, thousands: str = ",") -> str:
    """Return a number of examples, or a sum of their weights, as text."""
    return f"{examples:{thousands}}" if isinstance(examples, int) else f"{examples:{thousands}.1f}"


def _confusions(report: dict[str, Any]) -> str:
    """Return the matrix or, if it is wider than the terminal, the most frequent mistakes."""
    matrix = report["confusion"]
    if matrix is None:
        return _mistakes(report, "most frequent confusions")
    names = [row["class"] for row in report["classes"]]
    labels = [clip(name, _LABEL) for name in names]
    room = shutil.get_terminal_size().columns - max(map(len, labels))
    width = room // len(names) - 2
    digits = max(len(_counted(n, "")) for row in matrix for n in row)
    if width < max(digits, min(4, max(map(len, labels)))):  # four letters tell most names apart
        return _mistakes(report, "most frequent confusions (the whole matrix is in --json)")
    rows = [["", *(clip(name, width) for name in names)]]
    rows += [[label, *(_counted(n, "") for n in row)] for label, row in zip(labels, matrix, strict=True)]
    title = "confusion (a row for the true class, a column for the predicted one)"
    return f"{title}\n{columns(rows, '<' + '>' * len(names))}"


def _mistakes(report: dict[str, Any], title: str) -> str:
    rows = [
        [_counted(row["count"]), "x", clip(row["class"], _LABEL), "taken for", clip(row["predicted"], _LABEL)]
        for row in report["mistakes"]
    ]
    return f"{title}\n{columns(rows, '><<<<') if rows else 'none'}"
