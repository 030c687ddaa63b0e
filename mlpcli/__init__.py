"""mlp: trains multilayer perceptrons from one YAML file, on NumPy alone.

A Python program uses what is in ``__all__``; docs/python.md shows how. Each name is imported when it is used
first, so that ``import mlpcli`` costs nothing and imports no NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlpcli.api import cross_validate, load, train
    from mlpcli.errors import (
        CheckpointError,
        ConfigError,
        ConfigWarning,
        DataError,
        DataWarning,
        MlpError,
        RunError,
        UsageError,
    )
    from mlpcli.training.epoch import Epoch
    from mlpcli.training.metrics_csv import MetricsCsv
    from mlpcli.training.model import Model
    from mlpcli.training.run import Run
    from mlpcli.training.validated import Validated

__all__ = [
    "CheckpointError",
    "ConfigError",
    "ConfigWarning",
    "DataError",
    "DataWarning",
    "Epoch",
    "MetricsCsv",
    "MlpError",
    "Model",
    "Run",
    "RunError",
    "UsageError",
    "Validated",
    "__version__",
    "cross_validate",
    "load",
    "train",
]

__version__ = "0.1.0"

_HOMES = {
    "cross_validate": "mlpcli.api",
    "load": "mlpcli.api",
    "train": "mlpcli.api",
    "Epoch": "mlpcli.training.epoch",
    "MetricsCsv": "mlpcli.training.metrics_csv",
    "Model": "mlpcli.training.model",
    "Run": "mlpcli.training.run",
    "Validated": "mlpcli.training.validated",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "mlpcli.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
