"""Trains configs/spiral.yaml with scikit-learn; the argument is a folder to write to."""

import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)
rng = np.random.default_rng(0)

# Three spirals, a fifth of the points for validation and a fifth for the test.
y = np.repeat(np.arange(3), 100)
radius = np.tile(np.linspace(0, 1, 100), 3)
angle = 4 * (radius + y) + rng.normal(0, 0.2, 300)
X = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1).astype(np.float32)
train, val, test = np.split(rng.permutation(300), [180, 240])
X = (X - X[train].mean(axis=0)) / X[train].std(axis=0)

model = MLPClassifier(
    (100,),
    solver="sgd",
    alpha=1e-3 * 64,  # scikit-learn divides it by the batch size
    batch_size=64,
    learning_rate_init=0.1,
    momentum=0.9,
    nesterovs_momentum=False,
    max_iter=200,
    tol=0.0,
    n_iter_no_change=200,
    random_state=0,
)
model.fit(X[train], y[train])
joblib.dump(model, Path(sys.argv[1]) / "model.joblib")
print(f"validation {model.score(X[val], y[val]):.2%}, test {model.score(X[test], y[test]):.2%}")
