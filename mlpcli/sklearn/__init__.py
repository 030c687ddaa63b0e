"""Estimators for scikit-learn that train the networks of mlp (docs/sklearn.md)."""

from __future__ import annotations

try:
    import sklearn  # noqa: F401
except ImportError:
    from mlpcli.text import install_command

    raise ImportError(f"mlpcli.sklearn needs scikit-learn: {install_command('mlpcli[sklearn]')}") from None

from mlpcli.sklearn.base import EstimatorError
from mlpcli.sklearn.classifier import MLPClassifier
from mlpcli.sklearn.regressor import MLPRegressor

__all__ = ["EstimatorError", "MLPClassifier", "MLPRegressor"]
