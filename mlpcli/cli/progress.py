"""Shows how the training of a run goes on: a bar in a terminal, else a line for each epoch."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

from mlpcli.cli.output import tell

if TYPE_CHECKING:
    from mlpcli.training.run import Run

__all__ = ["BarOfAll", "Teller", "describe_place", "follow"]


class Teller:
    """Shows progress on stderr; training continues when nobody reads it any more."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def __call__(self, text: str) -> None:
        """Show how far things are, if progress is wanted."""
        if not self.quiet:
            self.note(text)

    def note(self, text: str) -> None:
        """Show what a user should know even if no progress is wanted."""
        if not tell(text):
            self.quiet = True


def describe_place(run: Run) -> str:
    """Describe how far a run has come."""
    trainer = run.trainer
    batch = trainer.steps - trainer.progress.epoch * trainer.batches
    if batch:
        return f"in epoch {trainer.progress.epoch + 1:,}, after batch {batch:,} of {trainer.batches:,}"
    return f"after epoch {trainer.progress.epoch:,} of {run.experiment.training.epochs:,}"


def follow(run: Run, say: Teller) -> list[float]:
    """Train with a progress bar in a terminal, else a line for each epoch; return their examples/s."""
    from tqdm import tqdm

    from mlpcli.training.bar import BAR, latest_scores
    from mlpcli.training.run import describe_epoch

    rates = []
    in_terminal = sys.stderr is not None and sys.stderr.isatty()
    shows_bar = in_terminal and not say.quiet
    epochs = run.epochs()
    bar = tqdm(
        epochs,
        initial=run.trainer.progress.epoch,
        total=run.experiment.training.epochs,
        disable=not shows_bar,
        ncols=_narrower_than_the_terminal(sys.stderr)[0] if shows_bar else None,
        bar_format=BAR,
    )
    if shows_bar:
        bar.dynamic_ncols = _narrower_than_the_terminal  # type: ignore[assignment]
    with closing(epochs):
        for epoch in bar:
            rates.append(epoch.metrics["examples_per_second"])
            bar.set_postfix_str(latest_scores(run, epoch), refresh=False)
            if not in_terminal:
                say(describe_epoch(epoch.metrics))
    if in_terminal:
        say("")  # sets the summary off from the bar
    return rates


class BarOfAll:
    """A bar for the epochs of several runs, ``total`` in all, from its first call on, in a terminal."""

    def __init__(self, total: int, say: Teller) -> None:
        self.is_shown = sys.stderr is not None and sys.stderr.isatty() and not say.quiet
        self._total, self._say = total, say
        self._bar: Any = None

    def __call__(self, done: int, text: str) -> None:
        """Show how many epochs are done, with a text behind the bar."""
        from tqdm import tqdm

        if not self.is_shown:
            return
        if self._bar is None:
            from mlpcli.training.bar import BAR_OF_ALL

            columns = _narrower_than_the_terminal(sys.stderr)[0]
            self._bar = tqdm(total=self._total, initial=done, ncols=columns, bar_format=BAR_OF_ALL)
            self._bar.dynamic_ncols = _narrower_than_the_terminal
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is, and set what follows off from it."""
        if self._bar is not None:
            self._bar.close()
            self._say("")


def _narrower_than_the_terminal(terminal: Any) -> tuple[int, int]:
    """Return columns and rows for the bar: the terminal's, with room for the ^C that it shows for Ctrl-C.

    If that went on to the next line, the bar would be drawn there again.
    """
    try:
        size = os.get_terminal_size(terminal.fileno())
    except (OSError, ValueError):
        size = shutil.get_terminal_size()
    return max(20, size.columns - 3), size.lines
