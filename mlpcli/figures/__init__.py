"""Pictures of runs and data sets: each a plain function from what there is to know to a matplotlib Figure."""

from __future__ import annotations

import gc

from mlpcli.errors import UsageError

__all__ = ["KINDS", "NOTES", "UnfitError", "require_matplotlib"]

# What there is, for a command line that is parsed before matplotlib is loaded; tests hold that the tables of
# `mlpcli.figures.kinds` and `mlpcli.figures.notes` have the same names.
KINDS = ("curves", "boundary", "weights", "confusion", "health", "hidden", "examples")
NOTES = (
    "activations",
    "layer_sizes",
    "l2_strength",
    "relu_against_tanh",
    "spread_of_loss",
    "dead_relu",
    "universal_approximator",
)


class UnfitError(UsageError):
    """A picture cannot be made of this run: the message says why."""


def require_matplotlib() -> None:
    """Load matplotlib before a module that imports it; raise UsageError where it is not installed."""
    # It makes so many objects that to look through them for garbage, after every 700, is a tenth of the time.
    gc.set_threshold(50_000)
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"pictures need matplotlib, which cannot be imported ({error}); install it by\n"
            "  pip install 'mlpcli[plot]'\n"
            "Without it, mlp plot RUN --text draws in characters."
        ) from None
