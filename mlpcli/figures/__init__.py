"""Pictures of runs and data sets: each a plain function from what there is to know to a matplotlib Figure."""

from __future__ import annotations

from importlib import import_module

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


def require_matplotlib(*others: str) -> None:
    """Load matplotlib and ``others``, which a module needs; raise UsageError where one is not installed."""
    for module in ("matplotlib.figure", *others):
        try:
            import_module(module)
        except ImportError as error:
            name = module.partition(".")[0]
            raise UsageError(
                f"pictures and pages need {name}, which cannot be imported ({error}); install it by\n"
                "  pip install 'mlpcli[plot]'",
                topic="no matplotlib",
            ) from None
