"""Estimators for scikit-learn that train the networks of mlp (docs/sklearn.md)."""

from __future__ import annotations

try:
    import sklearn  # noqa: F401
except ImportError:
    raise ImportError("mlpcli.sklearn needs scikit-learn: pip install 'mlpcli[sklearn]'") from None

from mlpcli.sklearn.base import EstimatorError
from mlpcli.sklearn.classifier import MLPClassifier
from mlpcli.sklearn.regressor import MLPRegressor

__all__ = ["EstimatorError", "MLPClassifier", "MLPRegressor"]
