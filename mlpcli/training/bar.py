"""The bar that shows how the training of a run, or of several, goes on, in a notebook or a terminal."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Generator
from contextlib import closing
from typing import Any

from mlpcli.nn.measures import MEASURES
from mlpcli.training.epoch import Epoch
from mlpcli.training.evaluation import score_text
from mlpcli.training.run import Run

__all__ = ["BAR", "BAR_OF_ALL", "bar_of_all", "latest_scores", "with_bar"]

BAR = "epoch {n_fmt}/{total_fmt} {bar} {elapsed}<{remaining}{postfix}"  # the format of tqdm
BAR_OF_ALL = "epoch {n_fmt}/{total_fmt} of all {bar} {elapsed}<{remaining}{postfix}"


def with_bar(run: Run) -> Generator[Epoch, None, None]:
    """Train a run and yield its epochs, as `Run.epochs` does, beside a bar that suits where it is shown."""
    epochs = run.epochs()
    bar = _bar_class()(
        epochs,
        initial=run.trainer.progress.epoch,
        total=run.experiment.training.epochs,
        bar_format=BAR,
        dynamic_ncols=True,
        disable=sys.stderr is None,
    )
    with closing(epochs):
        for epoch in bar:
            bar.set_postfix_str(latest_scores(run, epoch), refresh=False)
            if run.trainer.out_of_patience:
                bar.total = epoch.number  # there are no more; a notebook would show an error in red
            yield epoch


def bar_of_all(total: int, done: int, *, hidden: bool) -> Any:
    """Return a bar for the epochs of several runs, of which some are done."""
    return _bar_class()(
        total=total,
        initial=done,
        bar_format=BAR_OF_ALL,
        dynamic_ncols=True,
        disable=hidden or sys.stderr is None,
    )


def _bar_class() -> Any:
    """Return the bar of tqdm for a notebook, or the one in text where that cannot be shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm's word on ipywidgets, without which it takes the one in text
        from tqdm.auto import tqdm
    return tqdm


def latest_scores(run: Run, epoch: Epoch) -> str:
    """Return the loss of an epoch, and the scores that are watched, for the end of the bar."""
    metrics, monitor = epoch.metrics, run.experiment.monitor
    words = [f"loss {metrics['train_loss']:.4f}"]
    if "val_accuracy" in metrics:
        words.append(f"val {metrics['val_accuracy']:.2%}")
    elif "val_r2" in metrics:
        words.append(f"val R2 {score_text('r2', metrics['val_r2'])}")
    if monitor not in ("loss", "accuracy", "r2") and f"val_{monitor}" in metrics:
        words.append(f"val {MEASURES[monitor].title} {score_text(monitor, metrics[f'val_{monitor}'])}")
    return ", ".join(words)
