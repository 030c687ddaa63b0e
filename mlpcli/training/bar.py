"""The bar that shows how the training of a run goes on: what it says."""

from __future__ import annotations

from mlpcli.nn.measures import MEASURES
from mlpcli.text import number
from mlpcli.training.evaluation import score_text
from mlpcli.training.loop import Epoch
from mlpcli.training.run import Run

__all__ = ["BAR", "latest_scores"]

BAR = "epoch {n_fmt}/{total_fmt} {bar} {elapsed}<{remaining}{postfix}"  # the format of tqdm


def latest_scores(run: Run, epoch: Epoch) -> str:
    """Return the loss of an epoch, and the scores that are watched, for the end of the bar."""
    metrics, monitor = epoch.metrics, run.experiment.monitor
    words = [f"loss {metrics['train_loss']:.4f}"]
    if "val_accuracy" in metrics:
        words.append(f"val {metrics['val_accuracy']:.2%}")
    elif "val_r2" in metrics:
        words.append(f"val R2 {number(metrics['val_r2'])}")
    if monitor not in ("loss", "accuracy", "r2") and f"val_{monitor}" in metrics:
        words.append(f"val {MEASURES[monitor].title} {score_text(monitor, metrics[f'val_{monitor}'])}")
    return ", ".join(words)
