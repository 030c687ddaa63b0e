"""What the page can show, and limits, so that no click makes the machine work for minutes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mlpcli.build.splits import Splits
from mlpcli.config.schema import Experiment
from mlpcli.errors import UsageError
from mlpcli.training.plane import without_axis
from mlpcli.training.run import Run

__all__ = ["require_drawable", "require_features", "require_quick", "require_small"]

_MAX_EXAMPLES = 10_000
_MAX_LAYERS, _MAX_UNITS = 8, 500
_MAX_CLASSES = 20
_MAX_SECONDS = 2.0  # estimated for an epoch


def require_features(experiment: Experiment) -> None:
    """Raise UsageError if the config alone tells that its data have too many features."""
    data = experiment.data
    if data.n_columns is not None and data.n_columns > 2:
        raise UsageError(
            f"the page needs 2 features, but {data.title} has {data.n_columns:,}; "
            "name another config, or none"
        )


def require_small(experiment: Experiment) -> None:
    """Raise UsageError if the config asks for more examples, layers or units than the page allows."""
    hidden, examples = experiment.model.hidden, experiment.data.examples
    if examples is not None and examples > _MAX_EXAMPLES:
        raise UsageError(f"data.points: {examples:,}; the page allows at most {_MAX_EXAMPLES:,}")
    if len(hidden) > _MAX_LAYERS:
        raise UsageError(f"model.hidden: {len(hidden):,} layers; the page allows at most {_MAX_LAYERS}")
    for layer in hidden:
        if layer.units > _MAX_UNITS:
            raise UsageError(
                f"model.hidden: {layer.units:,} units; the page allows at most {_MAX_UNITS} in a layer"
            )


def require_drawable(experiment: Experiment, splits: Splits) -> None:
    """Raise UsageError if data are no plane of classes, and no curve or surface of a quantity."""
    title, features = experiment.data.title, len(splits.columns)
    is_regression = splits.classes is None
    if features != 2 and not (is_regression and features == 1):
        needed = "1 or 2 features of a regression" if is_regression else "2 features"
        raise _not_two(experiment, f"the page needs {needed}, but {title} has {features:,}", splits.columns)
    why_not = without_axis(splits.columns, splits.kinds)
    if why_not is not None:
        raise _not_two(experiment, f"the page cannot draw {title}: {why_not}")
    if is_regression and splits.targets > 1:
        raise UsageError(f"the page draws one target, but {title} has {splits.targets:,}; name one of them")
    if splits.classes is not None and len(splits.classes) > _MAX_CLASSES:
        raise UsageError(
            f"{title} has {len(splits.classes):,} classes; the page allows at most {_MAX_CLASSES}"
        )
    n = len(splits.train.X)
    if n > _MAX_EXAMPLES:
        raise UsageError(f"{title} has {n:,} examples; the page allows at most {_MAX_EXAMPLES:,}")


def _not_two(experiment: Experiment, message: str, columns: Sequence[str] = ()) -> UsageError:
    """Return the error about data that are no plane, and how to take two of their columns, if that can be."""
    if "features" not in type(experiment.data).model_fields:
        return UsageError(f"{message}; name another config, or none")
    message += "; name two columns in data.features"
    if len(columns) < 2:
        return UsageError(message)
    change = f"data.features={json.dumps(list(columns[:2]), ensure_ascii=False)}"
    return UsageError(message, topic="two columns", change=change)


def require_quick(run: Run) -> None:
    """Raise UsageError if an epoch would take too long: requests are answered between two epochs."""
    n, batch_size = len(run.splits.train), run.trainer.batch_size
    parameters = len(run.network.parameters.values)
    # A step takes 50 us in Python and 4 ns per parameter; matrix products run at 30 GFLOP/s.
    seconds = run.trainer.batches * (5e-5 + 4e-9 * parameters) + 6 * n * parameters / 3e10
    if seconds > _MAX_SECONDS:
        raise UsageError(
            f"an epoch of {n:,} examples in batches of {batch_size:,} with {parameters:,} parameters would "
            f"take about {seconds:.0f} seconds, but the page allows at most {_MAX_SECONDS:g}; try fewer "
            "points or units, or larger batches"
        )
