"""Fits the transforms of columns and of targets to a training split that was surveyed block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.large.moments import Moments
from mlpcli.data.large.source import Part
from mlpcli.data.scaling import Scaling
from mlpcli.data.target_transform import Log, Quantiles, TargetTransform
from mlpcli.data.terms import Terms, require_few_terms
from mlpcli.data.transform import Transform, slots_of
from mlpcli.errors import DataError

__all__ = ["fit_large_targets", "fit_large_transform"]

Columns = NDArray[np.float64]

# What `mlpcli.data.scaling.SCALINGS` measures, from moments: shift and scale, both (columns,).
_SCALINGS: dict[str, Callable[[Moments], tuple[Columns, Columns]]] = {
    "none": lambda found: (np.zeros_like(found.means), np.ones_like(found.means)),
    "center": lambda found: (found.means.copy(), np.ones_like(found.means)),
    "standardize": lambda found: (found.means.copy(), found.deviations),
    "range": lambda found: _middle_and_half(*found.extremes),
}


def _middle_and_half(low: Columns, high: Columns) -> tuple[Columns, Columns]:
    return low / 2 + high / 2, high / 2 - low / 2


def fit_large_transform(kind: str, train: Part, bins: int = 0, terms: Sequence[str] = ()) -> Transform:
    """Return the transform that `Transform.fit` fits, from what the survey has found out.

    Scaling is exact, up to rounding. The number that fills missing cells is the median of the sample, and
    edges of bins are quantiles of the sketch. Terms are measured in a pass of their own. Raises DataError if
    they are too many.
    """
    found = train.data.found
    scaling = Scaling.measured(*_SCALINGS[kind](found.columns))
    missing = found.columns.missing > 0
    slots = {j: slots_of(counts, is_missing=bool(missing[j])) for j, counts in found.levels.items()}
    if train.data.X.dtype == np.uint8:
        fill, flagged = scaling.shift, []
    else:
        fill = _medians(found.sample["train"].counting.X)
        flagged = [j for j in np.flatnonzero(missing).tolist() if j not in slots]
    edges = {}
    if bins and found.sketch is not None:
        low, high = found.columns.extremes
        for j, quantiles in enumerate(found.sketch.quantiles(np.linspace(0, 1, bins + 1))):
            own = np.unique(np.concatenate([[low[j]], quantiles[1:-1], [high[j]]]))
            if len(own) > 2 and j not in slots:
                edges[j] = own
    fitted = Transform(scaling, fill, tuple(flagged), slots, edges)
    if not terms:
        return fitted
    width = require_few_terms(len(fitted.numbers), terms)
    plain, measured = Terms(tuple(terms), Scaling(np.zeros(width), np.ones(width))), Moments(width)
    for rows in train.chunks():
        counting = np.ones(len(rows), bool) if rows.weights is None else rows.weights > 0
        weights = None if rows.weights is None else rows.weights[counting]
        measured.merge(Moments.of(plain.apply(fitted.scaled(rows.X[counting])), weights))
    return replace(fitted, terms=Terms.measured(terms, *_SCALINGS[kind](measured)))


def _medians(X: NDArray[Any]) -> Columns:
    """Return the median (columns,) of the cells of each column that are there; 0 where there is none."""
    medians = np.zeros(X.shape[1])
    for j, column in enumerate(X.T):
        there = column[~np.isnan(column)]
        if len(there):
            medians[j] = np.median(there.astype(np.result_type(there, np.float32)))
    return medians


def fit_large_targets(kind: str, train: Part) -> TargetTransform:
    """Return the transform that `TargetTransform.fit` fits to the targets of a regression.

    Mean and spread are exact, up to rounding, and so is a logarithm; the curve of quantiles is that of the
    sample. Bent targets are measured in a pass through the targets alone. Raises DataError.
    """
    found = train.data.found
    if kind == "none":
        return TargetTransform(Scaling.measured(found.targets.means.copy(), found.targets.deviations))
    bend: Log | Quantiles
    if kind == "log":
        low, high = found.targets.extremes
        if low.min() < 0:
            raise DataError(
                f"data.target_transform: log is for targets of 0 or more, and there are some below, down to "
                f"{low.min():g}; use quantile or none"
            )
        bend = Log.fit(np.stack([low, np.where(np.isfinite(found.least), found.least, high), high]))
    else:
        bend = Quantiles.fit(found.sample["train"].counting.y.astype(np.float64))
    measured = Moments(len(found.least))
    for y, weights in train.targets():
        measured.merge(Moments.of(bend.apply(y), weights))
    return TargetTransform(Scaling.measured(measured.means, measured.deviations), bend)
