"""Adds up what a network has made of rows that come piece by piece, so that not all are held at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.outcomes import Calibration, Classified, Errors, Regressed, Task, UndefinedError

__all__ = ["ClassTally", "ValueTally"]

_SLACK = 8  # an eighth more rows than are wanted may be held before some are let go


class ClassTally:
    """What `Classified` tells of rows, added up of pieces of them; measures take either.

    Counts and means are those of all rows, and need no rows. A ranking needs them: ``ranked`` are all, or up
    to ``most``, drawn at random. They are the same for tallies with generators of the same state that were
    given pieces of the same rows. With weights, counts are sums of them times ``scale``.
    """

    task: ClassVar[Task] = "classification"

    def __init__(self, most: int, rng: np.random.Generator) -> None:
        self.rows = 0
        self.scale = 1.0
        self._weight, self._sums = 0.0, [0.0, 0.0]  # the sums of weights, of log losses and of squared errors
        self._undefined: str | None = None
        self._pairs: NDArray[np.int64] = np.empty(0, np.int64)  # true class x classes + predicted class
        self._counts: NDArray[Any] = np.empty(0, np.int64)
        self._bins: list[Any] = [0, 0, 0]  # of the calibration: counts, sums of confidence, sums of hits
        self._most, self._rng, self._below = most, rng, np.inf
        self._held: list[tuple[Classified, NDArray[np.float64]]] = []

    def add(self, rows: Classified) -> None:
        """Add the rows of a piece."""
        self.n_classes, self.is_weighted = rows.n_classes, rows.weights is not None
        keys = self._rng.random(len(rows.y))
        if not len(rows.y):
            return
        self.rows += len(rows.y)
        weight = float(len(rows.y) if rows.weights is None else rows.weights.sum())
        self._weight += weight
        pairs = np.concatenate([self._pairs, rows.y * self.n_classes + rows.predicted])
        counts = [self._counts, np.ones(len(rows.y), np.int64) if rows.weights is None else rows.weights]
        self._pairs, which = np.unique(pairs, return_inverse=True)
        added = np.bincount(which, np.concatenate(counts))
        self._counts = added if self.is_weighted else np.rint(added).astype(np.int64)
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # the sums tell
                self._sums[0] += rows.log_loss * weight
                self._sums[1] += rows.squared_error * weight
                found = rows.calibration
        except UndefinedError as error:
            self._undefined = str(error)
        else:
            filled = found.counts > 0
            for i, means in enumerate((np.ones(len(filled)), found.confidence, found.accuracy)):
                self._bins[i] = self._bins[i] + found.counts * np.where(filled, means, 0)
        self._hold(rows, keys)

    def _hold(self, rows: Classified, keys: NDArray[np.float64]) -> None:
        """Keep the rows with the smallest keys of all so far."""
        chosen = keys < self._below
        some = rows.some(chosen)
        small = replace(  # logits of a network are float32
            some,
            y=some.y.astype(np.int32),
            predicted=some.predicted.astype(np.int32),
            logits=some.logits.astype(np.float32),
        )
        self._held.append((small, keys[chosen]))
        if sum(len(keys) for _, keys in self._held) > self._most + self._most // _SLACK:
            held, keys = self._joined()
            self._below = float(np.partition(keys, self._most)[self._most])
            self._held = [(held.some(keys < self._below), keys[keys < self._below])]

    def _joined(self) -> tuple[Classified, NDArray[np.float64]]:
        rows = [rows for rows, _ in self._held]
        weights = None if rows[0].weights is None else np.concatenate([some.weights for some in rows])
        joined = Classified(
            np.concatenate([some.y for some in rows]),
            np.concatenate([some.predicted for some in rows]),
            np.concatenate([some.logits for some in rows]),
            rows[0].has_probabilities,
            weights,
        )
        return joined, np.concatenate([keys for _, keys in self._held])

    @property
    def ranked(self) -> Classified:
        """The rows that are ranked."""
        joined, keys = self._joined()
        self._held = [(joined, keys)]
        if len(keys) > self._most:
            joined = joined.some(keys < np.partition(keys, self._most)[self._most])
        return replace(joined, y=joined.y.astype(np.int64), logits=joined.logits.astype(np.float64))

    def _count(self, classes: NDArray[Any], counts: NDArray[Any]) -> NDArray[Any]:
        if self.is_weighted:
            return np.bincount(classes, counts * self.scale, self.n_classes)
        return np.rint(np.bincount(classes, counts, self.n_classes)).astype(np.int64)

    @property
    def confusion(self) -> NDArray[Any]:
        """The number of rows (classes, classes) of each true class, in rows, and each predicted one."""
        matrix = np.zeros(self.n_classes**2, self._counts.dtype)
        matrix[self._pairs] = self._counts
        return (matrix * self.scale if self.is_weighted else matrix).reshape(self.n_classes, -1)

    @property
    def supports(self) -> NDArray[Any]:
        """The number of rows (classes,) of each true class."""
        return self._count(self._pairs // self.n_classes, self._counts)

    @property
    def predictions(self) -> NDArray[Any]:
        """The number of rows (classes,) that each class was predicted for."""
        return self._count(self._pairs % self.n_classes, self._counts)

    @property
    def correct(self) -> NDArray[Any]:
        """The number of rows (classes,) of each class that were classified correctly."""
        true, predicted = np.divmod(self._pairs, self.n_classes)
        return self._count(true, np.where(true == predicted, self._counts, 0))

    @property
    def occurring(self) -> NDArray[np.intp]:
        """The classes that occur."""
        return np.flatnonzero(self.supports)

    def mistakes(self, most: int) -> list[tuple[int, int, Any]]:
        """Return the most frequent mistakes: the true class, the predicted one, and their number of rows."""
        true, predicted = np.divmod(self._pairs, self.n_classes)
        wrong = np.flatnonzero(true != predicted)
        frequent = wrong[np.argsort(-self._counts[wrong], kind="stable")[:most]]
        counts = self._counts * self.scale if self.is_weighted else self._counts
        return [(int(true[i]), int(predicted[i]), counts[i].item()) for i in frequent]

    @property
    def log_loss(self) -> float:
        """The mean of -log p of the true class, in nats; raises UndefinedError."""
        self._require_probabilities()
        return self._sums[0] / self._weight

    @property
    def squared_error(self) -> float:
        """The mean squared distance of the probabilities from 1 for the true class and 0 for the others."""
        self._require_probabilities()
        return self._sums[1] / self._weight

    @property
    def calibration(self) -> Calibration:
        """How often the network is right, by how sure it is; raises UndefinedError."""
        self._require_probabilities()
        counts, confidence, hits = self._bins
        with np.errstate(invalid="ignore"):
            return Calibration(counts, confidence / counts, hits / counts)

    def _require_probabilities(self) -> None:
        if self._undefined is not None:
            raise UndefinedError(self._undefined)


class ValueTally:
    """What `Regressed` tells of rows, added up of pieces of them; measures take either."""

    task: ClassVar[Task] = "regression"

    def __init__(self, errors: Sequence[Errors] = ()) -> None:
        self.errors = [*errors]

    def add(self, rows: Regressed) -> None:
        """Add the rows of a piece."""
        if len(rows.y):
            with np.errstate(over="ignore", invalid="ignore"):  # the sums tell
                more = rows.errors
                self.errors = [*map(Errors.plus, self.errors, more)] if self.errors else more

    @property
    def targets(self) -> int:
        """The number of targets."""
        return len(self.errors)

    def target(self, i: int) -> ValueTally:
        """Return what is known of a single one of the targets."""
        return ValueTally(self.errors[i : i + 1])
