"""The part of ``mlp train`` that trains several networks: how far they are, how they end, how they go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click

from mlpcli.cli.interrupt import Interrupt
from mlpcli.cli.output import show, tell
from mlpcli.cli.progress import BarOfAll, Teller
from mlpcli.errors import MlpError
from mlpcli.text import columns, shell_path

if TYPE_CHECKING:
    from mlpcli.cohort.folds import CrossValidation
    from mlpcli.cohort.seeds import Seeds
    from mlpcli.training.directory import RunsDirectory
    from mlpcli.training.run import Run

__all__ = ["Words", "table_of_runs", "title", "train_several"]

_MOST_ROWS = 30  # of the table

_T = TypeVar("_T", bound="Seeds | CrossValidation")
_D = TypeVar("_D", bound="RunsDirectory")


@dataclass(frozen=True)
class Words(Generic[_T]):
    """What is said of several runs: what they are called, which they are, how one has ended, and all."""

    noun: str
    which: Callable[[_T], str]
    describe: Callable[[_T, Any], str]
    summarize: Callable[[_T, float], str]


def train_several(take: Callable[[], _D], make: Callable[[_D], _T], words: Words[_T], say: Teller) -> _T:
    """Train the runs that ``make`` returns for the directory that ``take`` returns, and print a summary.

    There is one bar for all runs in a terminal, else a line for each that ends.
    """
    with Interrupt() as interrupt:
        directory = take()
        trained: _T | None = None

        def last_words() -> str:
            if trained is None and not directory.goes_on:
                return "\nInterrupted."
            return f"\nInterrupted; what was saved before is kept.\n{_go_on(directory)}"

        interrupt.last_words = last_words
        try:
            trained = make(directory)
            interrupt.stop = trained.waves.stop
            seconds = _follow(trained, directory, words, say)
            stopped = trained.waves.stopped and len(trained.record.rows) < len(trained.plans)
            if not stopped:
                trained.finish()
        except KeyboardInterrupt:  # before training began, or for the second time
            tell(interrupt.last_words())
            click.get_current_context().exit(interrupt.exit_code)
        except MlpError as error:
            if trained is not None or directory.goes_on:
                _tell_what_goes_on(error, directory)
            raise
        finally:
            directory.close(discard=True)
        if stopped:
            tell(f"\nInterrupted {_place(trained, words)}; everything is saved.\n{_go_on(directory)}")
            click.get_current_context().exit(interrupt.exit_code)
        show(words.summarize(trained, seconds))
    return trained


def _follow(trained: _T, directory: RunsDirectory, words: Words[_T], say: Teller) -> float:
    """Train, and show how far the runs are; return the seconds."""
    told, start, begun = len(trained.record.rows), time.perf_counter(), False
    waves, rows = trained.waves, trained.record.rows
    bar = BarOfAll(waves.epochs, say)

    def begin(runs: Sequence[Run]) -> None:
        nonlocal begun
        if not begun:
            _introduce(trained, directory, words, runs, say)
            begun = True

    def tell_more() -> None:
        nonlocal told
        if bar.is_shown:
            bar(waves.epochs_done, f"{len(rows):,} of {len(trained.plans):,} {words.noun} done")
        else:
            for row in rows[told:]:
                say(words.describe(trained, row))
        told = len(rows)

    with closing(bar), closing(waves.train(begin)) as epochs:
        for _ in epochs:
            tell_more()
        tell_more()
    return time.perf_counter() - start


def _introduce(
    trained: _T, directory: RunsDirectory, words: Words[_T], runs: Sequence[Run], say: Teller
) -> None:
    """Show the data, the network, which runs there are, and how far those that are resumed had come."""
    run, done = runs[0], len(trained.record.rows)
    say(run.describe_data())
    say(run.describe_network())
    resumed = ""
    if done or any(run.trainer.steps for run in runs):
        resumed = f", resumed with {done:,} of {len(trained.plans):,} {words.noun} done"
    say(f"-> {directory.path}: {words.which(trained)}{resumed}")
    for note in [*trained.notes, *run.notes]:
        say.note(note)


def _place(trained: _T, words: Words[_T]) -> str:
    """Describe how far the runs have come."""
    done = f"with {len(trained.record.rows):,} of {len(trained.plans):,} {words.noun} done"
    epochs = [run.trainer.progress.epoch for run in trained.waves.going.values()]
    if not epochs:  # while runs were made
        return done
    return f"after epoch {max(epochs):,} of {trained.experiment.training.epochs:,}, {done}"


def _tell_what_goes_on(error: MlpError, directory: RunsDirectory) -> None:
    """Make an error speak of all runs together, which go on, instead of one of them."""
    from mlpcli.training.directory import NotWrittenError

    if isinstance(error, NotWrittenError) and error.topic in (None, "nothing written"):
        refused = str(error).partition("\n")[0].rstrip(".")
        error.args = (f"{refused}.\nWhat was saved before is whole.",)
        error.topic = "run not written"
    if error.topic is not None:
        error.facts["run"] = directory.path


def _go_on(directory: RunsDirectory) -> str:
    return f"Resume with: mlp train --resume {shell_path(directory.path)}"


def title(name: str) -> str:
    """Return the name of a score in a table."""
    from mlpcli.nn.measures import MEASURES

    return "loss" if name == "loss" else MEASURES[name].title


def table_of_runs(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    below: Sequence[Sequence[str]],
    noun: str,
    file: Path,
) -> str:
    """Return a table with a row for each of the first runs, and those ``below`` for all; ``file`` has all."""
    shown = rows[:_MOST_ROWS]
    table = columns([["", "best epoch", *titles], *shown, *below], "<" + ">" * (len(titles) + 1))
    if len(rows) > len(shown):
        table += f"\nThe other {len(rows) - len(shown):,} {noun} are in {file}."
    return table
