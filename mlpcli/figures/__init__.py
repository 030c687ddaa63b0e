"""Pictures of runs and data sets: plain functions that return a matplotlib Figure."""

from __future__ import annotations

from importlib import import_module

from mlpcli.errors import UsageError
from mlpcli.text import install_command

__all__ = ["KINDS", "NOTES", "OF_SWEEPS", "UnfitError", "require_matplotlib"]

# The names of all pictures, for parsing the command line without loading matplotlib. Tests ensure that the
# tables in `mlpcli.figures.kinds`, `mlpcli.figures.settings` and `mlpcli.figures.notes` have the same names.
KINDS = (
    *("curves", "boundary", "network", "weights", "confusion", "roc", "calibration", "residuals"),
    *("importance", "health", "hidden", "examples"),
)
OF_SWEEPS = ("parallel", "keys", "key_importance")  # what is drawn of the settings of a sweep
NOTES = (
    "neuron",
    "forgetting",
    "activations",
    "saturation",
    "zigzag",
    "relu_against_tanh",
    "dead_relu",
    "universal_approximator",
    "bumps",
    "layer_sizes",
    "l2_strength",
    "large_regularized",
    "dropout_noise",
    "spread_of_loss",
    "depth",
)


class UnfitError(UsageError):
    """A picture cannot be drawn of this run; the message says why."""


def require_matplotlib(*others: str) -> None:
    """Import matplotlib and the modules ``others``; raise UsageError if one of them is not installed."""
    for module in ("matplotlib.figure", *others):
        try:
            import_module(module)
        except ImportError as error:
            name = module.partition(".")[0]
            raise UsageError(
                f"pictures and reports need {name}, which cannot be imported ({error}); install it with\n"
                f"  {install_command('mlpcli[plot]')}"
            ) from None
