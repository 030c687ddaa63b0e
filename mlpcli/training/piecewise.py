"""Scores of rows that come piece by piece: all of them are scored, and few are held."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.parts import build_loss
from mlpcli.data.batches import Split
from mlpcli.errors import DataError
from mlpcli.nn.measures import measure_all
from mlpcli.nn.outcomes import Classified, Regressed
from mlpcli.nn.tally import ClassTally, ValueTally
from mlpcli.streams import stream
from mlpcli.training.baselines import Fitted, outcomes_of_piece
from mlpcli.training.evaluation import finite_or_reason, report_of
from mlpcli.training.memory import ranked_rows
from mlpcli.training.model import Model, UnknownCells, added

__all__ = ["PiecewiseScores"]

Tally = ClassTally | ValueTally


class PiecewiseScores:
    """The report that `Model.report` makes of a split, of rows whose pieces are added one after the other.

    What ranks the rows, as the area under a curve does, takes `ranked_rows` of them, drawn at random.
    """

    def __init__(self, model: Model, where: str) -> None:
        self._model, self._where = model, where
        checkpoint = model.checkpoint
        self._fitted = [
            Fitted(member.baselines, member.transform, member.target_transform)
            for member in checkpoint.members
            if member.baselines is not None
        ]
        self._most = ranked_rows(checkpoint.network.widths[-1])
        self._network = self._tally()
        self._baselines: dict[str, Tally] = {}
        self._unknown: list[UnknownCells] = [{} for _ in checkpoint.members]
        self._rows, self._weights, self._is_weighted = 0, 0.0, False
        self._losses = [0.0, 0.0]  # their sum, and what it is divided by

    def _tally(self) -> Tally:
        if self._model.checkpoint.classes is None:
            return ValueTally()
        return ClassTally(self._most, stream(self._model.checkpoint.experiment.training.seed, "scored"))

    def add(self, split: Split) -> None:
        """Score the rows of a piece; raises DataError, as `Model.compute_logits` does."""
        y, weights, checkpoint = split.y, split.weights, self._model.checkpoint
        if not len(y):
            return
        logits = self._model.compute_logits(split, self._where, self._rows).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):  # overflow shows in the loss
            self._add(logits, y, weights)
        self._unknown = added(self._unknown, self._model.count_unknown_cells(split))
        self._rows += len(y)
        if weights is not None:
            self._weights, self._is_weighted = self._weights + float(weights.sum()), True
        if len(self._fitted) == len(checkpoint.members):
            for name, found in outcomes_of_piece(self._fitted, split):
                _add(self._baselines.setdefault(name, self._tally()), found)

    def _add(self, logits: NDArray[Any], y: NDArray[Any], weights: NDArray[np.float64] | None) -> None:
        checkpoint = self._model.checkpoint
        loss, scaling = (
            build_loss(checkpoint.experiment, checkpoint.class_counts),
            checkpoint.target_transform,
        )
        learned, goals = logits, y
        rows: Classified | Regressed
        if checkpoint.classes is not None:
            rows = Classified.of(loss, logits, y, weights)
        else:
            values = logits
            if scaling is not None:
                goals = scaling.apply(y)
                if self._model.is_mean:
                    learned = scaling.apply(logits)
                else:
                    values = scaling.undo(logits)
            rows = Regressed.of(y, values, weights)
        _add(self._network, rows)
        size = loss.weight(y, weights)
        if size:
            self._losses[0] += loss.evaluate(learned, goals, None, weights) * size
        has_own = weights is not None and loss.class_weights is None
        self._losses[1] += float(weights.sum()) if weights is not None and has_own else size

    def report(self) -> dict[str, Any]:
        """Return all scores, with ``notes``; raises DataError if no row counts."""
        checkpoint, tally = self._model.checkpoint, self._network
        if self._is_weighted and not self._weights:
            raise DataError(f"{self._where}: all weights are 0, so that no row counts")
        for each in (tally, *self._baselines.values()):
            if isinstance(each, ClassTally) and self._is_weighted:
                each.scale = self._rows / self._weights
        total, size = self._losses
        loss, reason = finite_or_reason(total / size if size else np.nan, checkpoint.classes is not None)
        report = report_of(tally, self._rows, loss, reason, checkpoint.classes, self._is_weighted)
        report = self._model.complete(report)
        if self._baselines:
            report["baselines"] = {name: measure_all(rows)[0] for name, rows in self._baselines.items()}
            report["baseline_note"] = self._fitted[0].baselines.note
        report["notes"] = [
            *self._note_ranked(),
            *self._model.note_mirrors(),
            *self._model.tell_unknown_cells(self._unknown),
        ]
        return report

    def _note_ranked(self) -> list[str]:
        tally = self._network
        if not isinstance(tally, ClassTally) or len(tally.ranked.y) == tally.rows:
            return []
        what = "ROC AUC, PR AUC and the threshold" if tally.n_classes == 2 else "ROC AUC and PR AUC"
        n = len(tally.ranked.y)
        return [f"All {self._rows:,} rows are scored; {what} are those of {n:,} of them, drawn at random."]


def _add(tally: Tally, rows: Classified | Regressed) -> None:
    if isinstance(rows, Classified):
        assert isinstance(tally, ClassTally)
        tally.add(rows)
    else:
        assert isinstance(tally, ValueTally)
        tally.add(rows)
