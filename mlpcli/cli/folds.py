"""The part of ``mlp train`` that cross-validates: shows each fold, and at the end what all have found."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import click

from mlpcli.cli.interrupt import Interrupt
from mlpcli.cli.output import show, tell
from mlpcli.cli.progress import Teller, describe_place, follow
from mlpcli.errors import MlpError
from mlpcli.text import columns, shell_path

if TYPE_CHECKING:
    from mlpcli.config.schema import Experiment
    from mlpcli.training.directory import FoldsDirectory
    from mlpcli.training.folds import CrossValidation
    from mlpcli.training.run import Run
    from mlpcli.training.validated import FoldRow, FoldsRecord, Scores

__all__ = ["cross_validate"]

_MOST_ROWS = 30  # of the table


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
    from mlpcli.training.folds import CrossValidation

    with Interrupt() as interrupt:
        directory = take()
        validation: CrossValidation | None = None

        def last_words() -> str:
            if validation is None and not directory.goes_on:
                return "\nInterrupted."
            return f"\nInterrupted; what was saved before is kept.\n{_go_on(directory)}"

        interrupt.last_words = last_words
        seconds = 0.0
        try:
            validation = CrossValidation(
                experiment, folds, repeats, directory=directory, force_memory=force_memory
            )
            interrupt.stop = validation.stop
            n = len(validation.plans)
            told = len(validation.record.rows)
            where, begun = "", False
            with closing(validation.runs()) as runs:
                for plan, run in runs:
                    told = _tell_rows(validation, told, say)
                    if not begun:
                        _introduce(validation, run, say)
                        begun = True
                    number = validation.plans.index(plan) + 1
                    follow(run, say, f"fold {number} of {n}, ")
                    seconds += run.seconds
                    if run.trainer.stopping:
                        where = f"in fold {number} of {n}, {describe_place(run)}"
            _tell_rows(validation, told, say)
            stopped = validation.stopped and len(validation.record.rows) < n
            if not stopped:
                found = validation.finish()
        except KeyboardInterrupt:  # before training began, or for the second time
            tell(interrupt.last_words())
            click.get_current_context().exit(interrupt.exit_code)
        except MlpError as error:
            if validation is not None or directory.goes_on:
                _tell_what_goes_on(error, directory)
            raise
        finally:
            directory.close(discard=True)
        if stopped:
            where = where or f"after fold {len(validation.record.rows)} of {n}"  # while a run was made
            tell(f"\nInterrupted {where}; everything is saved.\n{_go_on(directory)}")
            click.get_current_context().exit(interrupt.exit_code)
        show(_summary(found.record, validation, directory, seconds))


def _tell_what_goes_on(error: MlpError, directory: FoldsDirectory) -> None:
    """Make an error speak of the cross-validation, which goes on, instead of the run of a fold alone."""
    from mlpcli.training.directory import NotWrittenError

    if isinstance(error, NotWrittenError) and error.topic in (None, "nothing written"):
        refused = str(error).partition("\n")[0].rstrip(".")
        error.args = (f"{refused}.\nWhat was saved before is whole.",)
        error.topic = "run not written"
    if error.topic is not None:
        error.facts["run"] = directory.path


def _go_on(directory: FoldsDirectory) -> str:
    return f"Resume with: mlp train --resume {shell_path(directory.path)}"


def _introduce(validation: CrossValidation, run: Run, say: Teller) -> None:
    """Show the data, the network, the directory, and how far a resumed cross-validation had come."""
    assert validation.directory is not None
    record, done = validation.record, len(validation.record.rows)
    repeats = f", {record.repeats} times" if record.repeats > 1 else ""
    say(f"{run.describe_data()}; {record.folds} folds{repeats}")
    say(run.describe_network())
    resumed = ""
    if done or run.trainer.steps:
        resumed = f", resumed after {done:,} of {len(validation.plans):,} folds"
        if run.trainer.steps:
            resumed += f", {describe_place(run)} of the next"
    say(f"-> {validation.directory.path}{resumed}")
    for note in [*validation.notes, *run.notes]:
        say.note(note)


def _tell_rows(validation: CrossValidation, told: int, say: Teller) -> int:
    """Say how the folds after the first ``told`` ones went; return how many have been told of."""
    rows = validation.record.rows
    names = _names(validation.record)
    for row in rows[told:]:
        from mlpcli.nn.measures import MEASURES
        from mlpcli.training.evaluation import score_text

        shown = [
            f"{'loss' if name == 'loss' else MEASURES[name].title} {score_text(name, row.scores[name])}"
            for name in names[:2]
        ]
        say(
            f"{_label(row, validation.record)}: best epoch {row.best_epoch} of {row.epochs}, "
            + ", ".join(shown)
        )
    return len(rows)


def _names(record: FoldsRecord) -> list[str]:
    """Return the names of the scores in the table, the most telling ones first."""
    of_classes = ["loss", "accuracy", "balanced_accuracy", "roc_auc"]
    known = record.rows[0].scores if record.rows else {}
    names = of_classes if "accuracy" in known else ["loss", "r2", "rmse"]
    return [name for name in names if any(row.scores.get(name) is not None for row in record.rows)]


def _label(row: FoldRow, record: FoldsRecord) -> str:
    return f"fold {row.fold}" if record.repeats == 1 else f"repeat {row.repeat}, fold {row.fold}"


def _summary(
    record: FoldsRecord, validation: CrossValidation, directory: FoldsDirectory, seconds: float
) -> str:
    from mlpcli.nn.measures import MEASURES
    from mlpcli.training.baselines import TITLES
    from mlpcli.training.evaluation import score_text

    names = _names(record)

    def cells(scores: Scores | None) -> list[str]:
        return [score_text(name, scores[name]) if scores and name in scores else "" for name in names]

    titles = ["loss" if name == "loss" else MEASURES[name].title for name in names]
    rows = [["", "best epoch", *titles]]
    shown = record.rows[:_MOST_ROWS]
    rows += [[_label(row, record), str(row.best_epoch), *cells(row.scores)] for row in shown]
    rows.append(["mean of folds", "", *cells(record.mean)])
    for baseline in record.rows[0].baselines:
        of_all = [row.baselines[baseline] for row in record.rows if baseline in row.baselines]
        if len(of_all) == len(record.rows):
            rows.append([f"  {TITLES[baseline]}", "", *cells(_mean(of_all))])
    rows.append(["standard deviation", "", *cells(record.std)])
    rows.append(["out of fold", "", *cells(record.out_of_fold)])
    blocks = [_verdict(record, validation.experiment), columns(rows, "<" + ">" * (len(names) + 1))]
    if len(record.rows) > len(shown):
        blocks[-1] += f"\nThe other {len(record.rows) - len(shown):,} folds are in {directory.scores}."
    checkpoint = shell_path(directory.checkpoint)
    file = getattr(validation.experiment.data, "path", None)
    new = shell_path(os.path.relpath(file)) if file else "new.csv"
    facts = [
        ["time", f"{seconds:.1f} s"],
        ["files", f"{directory.path}: folds.npz, out_of_fold.csv, folds.json, and the runs"],
        ["next", f"mlp predict {checkpoint} {new}"],
        ["", f"mlp eval {shell_path(directory.path / 'fold-1')}"],
    ]
    return "\n\n".join([*blocks, columns(facts, "<<")])


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
