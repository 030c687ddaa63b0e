"""The part of ``mlp train`` that cross-validates: what it says of the folds, and what all have found."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mlpcli.cli.progress import Teller
from mlpcli.cli.several import Words, table_of_runs, title, train_several
from mlpcli.text import columns, shell_path

if TYPE_CHECKING:
    from mlpcli.cohort.folds import CrossValidation
    from mlpcli.config.schema import Experiment
    from mlpcli.training.directory import FoldsDirectory
    from mlpcli.training.validated import FoldRow, FoldsRecord, Scores

__all__ = ["cross_validate"]


def cross_validate(
    experiment: Experiment,
    folds: int | None,
    repeats: int | None,
    take: Callable[[], FoldsDirectory],
    say: Teller,
    *,
    force_memory: bool,
) -> None:
    """Train the networks of all folds in the directory that ``take`` returns, and print what they found."""
    from mlpcli.cohort.folds import CrossValidation

    def make(directory: FoldsDirectory) -> CrossValidation:
        return CrossValidation(experiment, folds, repeats, directory=directory, force_memory=force_memory)

    train_several(take, make, Words("folds", _which, _describe, _summary), say)


def _which(validation: CrossValidation) -> str:
    folds, repeats = validation.record.folds, validation.record.repeats
    return f"{folds:,} folds" + (f", {repeats:,} times" if repeats > 1 else "")


def _describe(validation: CrossValidation, row: FoldRow) -> str:
    """Say how the run of a fold has ended."""
    from mlpcli.training.evaluation import score_text

    names = _names(validation.record)[:2]
    shown = [f"{title(name)} {score_text(name, row.scores[name])}" for name in names]
    label = _label(row, validation.record)
    return f"{label}: best epoch {row.best_epoch} of {row.epochs}, {', '.join(shown)}"


def _names(record: FoldsRecord) -> list[str]:
    """Return the names of the scores in the table, the most telling ones first."""
    of_classes = ["loss", "accuracy", "balanced_accuracy", "roc_auc"]
    known = record.rows[0].scores if record.rows else {}
    names = of_classes if "accuracy" in known else ["loss", "r2", "rmse"]
    return [name for name in names if any(row.scores.get(name) is not None for row in record.rows)]


def _label(row: FoldRow, record: FoldsRecord) -> str:
    return f"fold {row.fold}" if record.repeats == 1 else f"repeat {row.repeat}, fold {row.fold}"


def _summary(validation: CrossValidation, seconds: float) -> str:
    from mlpcli.training.baselines import TITLES
    from mlpcli.training.evaluation import score_text

    record, directory = validation.record, validation.directory
    assert directory is not None
    names = _names(record)

    def cells(scores: Scores | None) -> list[str]:
        return [score_text(name, scores[name]) if scores and name in scores else "" for name in names]

    rows = [[_label(row, record), str(row.best_epoch), *cells(row.scores)] for row in record.rows]
    below = [["mean of folds", "", *cells(record.mean)]]
    for baseline in record.rows[0].baselines:
        of_all = [row.baselines[baseline] for row in record.rows if baseline in row.baselines]
        if len(of_all) == len(record.rows):
            below.append([f"  {TITLES[baseline]}", "", *cells(_mean(of_all))])
    below.append(["standard deviation", "", *cells(record.std)])
    below.append(["out of fold", "", *cells(record.out_of_fold)])
    table = table_of_runs([title(name) for name in names], rows, below, "folds", directory.scores)
    checkpoint = shell_path(directory.checkpoint)
    file = getattr(validation.experiment.data, "path", None)
    new = shell_path(os.path.relpath(file)) if file else "new.csv"
    facts = [
        ["time", f"{seconds:.1f} s"],
        ["files", f"{directory.path}: folds.npz, out_of_fold.csv, folds.json, and the runs"],
        ["next", f"mlp predict {checkpoint} {new}"],
        ["", f"mlp eval {shell_path(directory.path / 'fold-1')}"],
    ]
    return "\n\n".join([_verdict(record, validation.experiment), table, columns(facts, "<<")])


def _verdict(record: FoldsRecord, experiment: Experiment) -> str:
    n = sum(row.n for row in record.rows if row.repeat == 1)
    mean = ",\neach predicted by the mean of the networks that have not seen it" if record.repeats > 1 else ""
    return (
        f"{len(record.rows):,} networks, each scored on the fold that it was not trained on.\n"
        f"Out of fold: all {n:,} rows of {experiment.data.title} together{mean}."
    )


def _mean(scores: Sequence[Scores]) -> Scores:
    """Return the means of the scores that all have."""
    found: Scores = {}
    for name in scores[0]:
        values = [each.get(name) for each in scores]
        known = [value for value in values if value is not None]
        found[name] = sum(known) / len(known) if len(known) == len(values) else None
    return found
