"""Fits transforms to the training split, and finds the widths of the network between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.splits import Splits, check_width
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Split
from mlpcli.data.large.fit import fit_large_targets, fit_large_transform
from mlpcli.data.target_transform import TargetTransform
from mlpcli.data.transform import Transform
from mlpcli.errors import ConfigError

__all__ = [
    "fit_target_transform",
    "fit_transform",
    "network_widths",
]


def fit_transform(experiment: Experiment, splits: Splits) -> Transform:
    """Return the transform of raw columns into network inputs, fitted to the training split.

    Raises DataError if the terms that the config adds are too many, or a pixel is missing in an image that is
    to be whitened.
    """
    data: Any = experiment.data
    if splits.train.whole is not None:
        return fit_large_transform(data.scaling, splits.train.whole, data.bins, data.terms)
    rows, weights = _counting(splits.train)
    bins, terms = getattr(data, "bins", 0), getattr(data, "terms", ())
    image = data.image(len(splits.columns))
    return Transform.fit(
        data.scaling, splits.train.X, rows, splits.columns, splits.kinds, bins, weights, terms, image
    )


def _counting(split: Split) -> tuple[NDArray[np.intp], NDArray[np.float64] | None]:
    """Return the rows of a split that do not have the weight 0, and their weights if they have any."""
    weights = split.own_weights
    return (split.rows, None) if weights is None else (split.rows[weights > 0], weights[weights > 0])


def fit_target_transform(experiment: Experiment, splits: Splits) -> TargetTransform | None:
    """Return the transform of the targets of a regression; None for a classification.

    It standardizes them, since targets in large units would be too large to learn. Raises DataError if they
    are not such as ``data.target_transform`` is for.
    """
    if splits.classes is not None:
        return None
    kind = getattr(experiment.data, "target_transform", "none")
    if splits.train.whole is not None:
        return fit_large_targets(kind, splits.train.whole)
    return TargetTransform.fit(kind, splits.train.y, *_counting(splits.train))


def network_widths(experiment: Experiment, transform: Transform, targets: int) -> tuple[int, ...]:
    """Return the widths of the network, from the transform's features to the ``targets`` of the splits.

    Raises ConfigError if the config gives a different number of inputs, or has windows that do not fit them.
    """
    check_width(experiment, "inputs", experiment.model.inputs, transform.n_features)
    more = transform.n_features - transform.n_columns
    if more and experiment.model.has_windows:
        raise ConfigError(
            "model.hidden has a layer with a window, which needs pixels alone as inputs, and the data have "
            f"{more:,} more, for missing cells; leave window out, or set data.missing: drop"
        )
    widths = experiment.widths(transform.n_features, targets)
    assert widths is not None
    return widths
