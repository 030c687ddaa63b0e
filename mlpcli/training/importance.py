"""Permutation importance: how much a score loses when the cells of one column are shuffled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.batches import Split
from mlpcli.errors import DataError
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.outcomes import Classified, Regressed, UndefinedError
from mlpcli.streams import stream
from mlpcli.training.apply import find_rows
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint
from mlpcli.training.model import Model
from mlpcli.training.named import find_checkpoint

__all__ = ["MOST_ROWS", "Importance", "choose_measure", "measure_importance", "report_importance"]

MOST_ROWS = 5000


@dataclass(frozen=True)
class Importance:
    """What a ``measure`` of the network loses by each column, beside its ``score`` with all of them.

    ``losses`` (columns, repeats) are above 0 where the score is worse without the column, also if a lower one
    is better. They were measured on ``rows`` rows.
    """

    measure: str
    score: float
    columns: tuple[str, ...]
    losses: NDArray[np.float64]
    rows: int

    @property
    def means(self) -> NDArray[np.float64]:
        """The mean loss (columns,) over the repeats."""
        means: NDArray[np.float64] = self.losses.mean(axis=1)
        return means

    @property
    def spreads(self) -> NDArray[np.float64]:
        """The standard deviation (columns,) over the repeats; 0 if there is only one."""
        if self.losses.shape[1] == 1:
            return np.zeros(len(self.losses))
        spreads: NDArray[np.float64] = self.losses.std(axis=1, ddof=1)
        return spreads

    @property
    def order(self) -> NDArray[np.intp]:
        """The places of the columns, the most important first."""
        return np.argsort(-self.means, kind="stable")


def choose_measure(checkpoint: Checkpoint) -> str:
    """Return the measure that chose the best epoch; accuracy or R2 if that was the loss."""
    monitor = checkpoint.experiment.monitor
    if monitor != "loss":
        return monitor
    return "r2" if checkpoint.classes is None else "accuracy"


def measure_importance(checkpoint: Checkpoint, split: Split, where: str, repeats: int = 10) -> Importance:
    """Shuffle each raw column of a split in turn, ``repeats`` times, and measure what the score loses.

    Breiman, 2001, "Random Forests", section 10. Of more than `MOST_ROWS` rows that many are drawn. Rows and
    permutations follow from the seed of the training. Raises UndefinedError if the measure has no value for
    these rows, DataError as `Model.compute_logits` does, and then names ``where``.
    """
    model, name = Model(checkpoint), choose_measure(checkpoint)
    seed = checkpoint.experiment.training.seed
    rows = split.rows
    if len(rows) > MOST_ROWS:
        rows = np.sort(stream(seed, "importance_rows").choice(rows, MOST_ROWS, replace=False))
    X, y, weights = split.X[rows], split.y[rows], replace(split, rows=rows).own_weights
    whole = Split(X, y, np.arange(len(rows)))
    measure = MEASURES[name]

    def score() -> float:
        logits = model.compute_logits(whole, where)
        if checkpoint.classes is not None:
            return measure.compute(Classified.of(model.loss, logits, y, weights))
        return measure.compute(Regressed.of(y, model.read_outputs(logits), weights))

    best = score()
    losses = np.empty((X.shape[1], repeats))
    for j in range(X.shape[1]):
        kept = X[:, j].copy()
        for i in range(repeats):
            X[:, j] = stream(seed, f"importance_{i}", j).permutation(kept)
            loss = best - score()
            losses[j, i] = loss if measure.higher_is_better else -loss
        X[:, j] = kept
    return Importance(name, best, checkpoint.columns, losses, len(rows))


def report_importance(path: Path, part: str | None, data: Path | None, repeats: int) -> dict[str, Any]:
    """Return the importance of each column for the checkpoint, ready for JSON, the most important first.

    The rows are those that `score_checkpoint` takes. Raises what it raises, and DataError if the measure has
    no value for them.
    """
    path = find_checkpoint(path)
    checkpoint = load_checkpoint(path)
    head, split = find_rows(path, checkpoint, part, data)
    try:
        found = measure_importance(checkpoint, split, head["split"], repeats)
    except UndefinedError as error:
        name = choose_measure(checkpoint)
        raise DataError(f"{head['data']}: {name} is not defined for these rows, as {error}") from None
    return {
        **head,
        "n": found.rows,
        "measure": found.measure,
        "score": found.score,
        "repeats": repeats,
        "columns": [
            {
                "column": found.columns[j],
                "importance": float(found.means[j]),
                "spread": float(found.spreads[j]),
            }
            for j in found.order
        ],
    }
