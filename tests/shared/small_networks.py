"""Small networks with all that networks are made of, table by table: what exports are tried on."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mlpcli
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.data.scaling import SCALINGS
from mlpcli.data.target_transform import BENDS
from mlpcli.errors import DataWarning
from mlpcli.nn.losses import LOSSES
from mlpcli.terms import TERMS
from mlpcli.training.model import Model

__all__ = ["NETWORKS", "TABLE", "network", "require_same"]

_RNG = np.random.default_rng(7)
X = (_RNG.normal(size=(60, 3)) * [1, 20, 0.01] + [0, 100, 5]).astype(np.float32)
_FAR = np.concatenate([X, X * 3, X - [30, 0, 0]]).astype(np.float32)
_GAPS = X.copy()
_GAPS[::5, 1] = np.nan
_MORE_GAPS = _GAPS.copy()
_MORE_GAPS[3, 2] = np.nan  # in a column that had none
_SECONDS = 1.7e9 + np.arange(60.0)[:, None]
_BYTES = _RNG.integers(0, 256, (60, 12), np.uint8)
_PIXELS = _RNG.normal(size=(60, 49)).astype(np.float32)
_IMAGES = _BYTES.repeat(2, axis=1)[:, :16]
_CLASSES = np.digitize(X[:, 0] + X[:, 1] / 20, [4.5, 5.5])
_TWO = np.where(_CLASSES == 1, "yes", "no")
_AMOUNT = np.exp(X[:, 0] + (X[:, 2] - 5) * 30).astype(np.float64)
_AMOUNTS = np.stack([_AMOUNT, _AMOUNT * 1000], axis=1)

# A table with a number, a boolean, a category and a date, some of them missing.
TABLE = ["age,smoker,city,when,risk"] + [
    ",".join(
        [
            "" if i % 9 == 4 else f"{20 + i % 37}.5",
            "" if i % 13 == 5 else ["yes", "No", "no"][i % 3],
            ["Köln", "NA", "Rom", " Oslo ", "Rom", "Köln", "Oslo"][i % 7] if i else "Paris",
            f"2024-0{1 + i % 9}-1{i % 10}",
            ["low", "high"][i % 5 < 2],
        ]
    )
    for i in range(80)
]


def _trained(y: Any, rows: NDArray[Any] = X, **config: Any) -> Model:
    """Return a network that has learned a little."""
    config = {"model": {"hidden": [6, 5]}, "training": {"epochs": 2}, **config}
    return mlpcli.train(config, X=rows, y=y).best


def _validated(y: Any) -> Model:
    config = {"model": {"hidden": [5]}, "training": {"epochs": 2}, "data": {"terms": ["square"]}}
    return mlpcli.cross_validate(config, X=X, y=y, folds=3).model


def _targets(loss: str) -> Any:
    if loss.startswith("binary"):
        return _TWO
    return _AMOUNT if loss in ("mse", "mae", "huber") else _CLASSES


def _residual(norm: str, residual: bool) -> dict[str, Any]:
    hidden = [{"units": 6, "residual": residual}, {"units": 6, "residual": residual, "dropout": 0.5}]
    return {"hidden": hidden, "norm": norm, "input_noise": 0.1}


_Make = Callable[[], Model]
# By name: how the network is made, and the rows to try it on.
NETWORKS: dict[str, tuple[_Make, NDArray[Any]]] = {
    **{
        f"activation {name}": (partial(_trained, _CLASSES, model={"hidden": [6, 5], "activation": name}), X)
        for name in UNITS
    },
    **{
        f"norm {norm}{', residual' if residual else ''}": (
            partial(_trained, _CLASSES, model=_residual(norm, residual)),
            X,
        )
        for norm in ("none", *NORMS)
        for residual in (False, True)
    },
    **{
        f"loss {loss}, {members} members": (
            partial(
                _trained,
                _targets(loss),
                loss=loss,
                model={"hidden": [6], "members": members, "linear_path": "learned"},
            ),
            X,
        )
        for loss in LOSSES
        for members in (1, 3)
    },
    **{
        f"members {name}": (
            partial(
                _trained,
                _CLASSES,
                model={"hidden": [6, 5], "members": 2, "activation": name, "linear_path": "fitted"},
            ),
            X,
        )
        for name in UNITS
        if name != "prelu"
    },
    **{
        f"target {bend}{', clipped' if clip else ''}": (
            partial(
                _trained,
                _AMOUNTS,
                loss="mse",
                data={"target_transform": bend},
                model={"hidden": [5], "clip_outputs": clip},
            ),
            _FAR,
        )
        for bend in ("none", *BENDS)
        for clip in (False, True)
    },
    **{f"term {name}": (partial(_trained, _CLASSES, data={"terms": [name]}), X) for name in TERMS},
    "all terms": (partial(_trained, _CLASSES, data={"terms": list(TERMS)}), X),
    **{
        f"scaling {name}": (partial(_trained, _CLASSES, data={"scaling": name, "bins": 4}), X)
        for name in SCALINGS
    },
    "mixed activations": (
        partial(
            _trained,
            _CLASSES,
            model={
                "hidden": [
                    {"units": 5, "activation": {"name": "leaky_relu", "alpha": 0.3}},
                    {"units": 6, "activation": {"name": "elu", "alpha": 2.0}},
                    {"units": 4, "activation": {"name": "maxout", "pieces": 3}, "norm": "batch"},
                ]
            },
        ),
        X,
    ),
    "no hidden layer": (partial(_trained, _CLASSES, model={"hidden": []}), X),
    "many layers": (partial(_trained, _CLASSES, model={"hidden": [3] * 400}), X),
    **{
        f"windows {name}": (
            partial(
                _trained,
                _CLASSES,
                _PIXELS,
                model={
                    "hidden": [
                        {"units": 3, "window": 3, "stride": 2},
                        {"units": 4, "window": 2, "norm": "batch"},
                        5,
                    ],
                    "activation": name,
                },
            ),
            _PIXELS,
        )
        for name in ("relu", "maxout")
    },
    "images": (partial(_trained, _CLASSES, _BYTES), _BYTES),
    "whitened images": (partial(_trained, _CLASSES, _IMAGES, data={"scaling": "whiten"}), _IMAGES),
    "far targets": (partial(_trained, 1.7e9 + _AMOUNT, loss="mse"), X),
    "missing cells": (
        partial(_trained, _CLASSES, _GAPS, data={"bins": 3, "terms": ["product"]}),
        _MORE_GAPS,
    ),
    "seconds": (partial(_trained, _SECONDS[:, 0] > 1.7e9 + 30, _SECONDS), _SECONDS),
    "folds of classes": (partial(_validated, _CLASSES), X),
    "folds of values": (partial(_validated, _AMOUNT), X),
    "wide": (partial(_trained, _CLASSES, model={"hidden": [200]}), X),
}


@cache
def network(name: str) -> tuple[Model, NDArray[Any]]:
    """Return a network and its rows; the test of another format does not train it again."""
    make, rows = NETWORKS[name]
    return make(), rows


def require_same(model: Model, rows: NDArray[Any], found: dict[str, NDArray[Any]]) -> None:
    """Compare labels, and probabilities, scores or values, with those of the model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # a cell is missing in a column that had none
        _require_same(model, rows, found)


def _require_same(model: Model, rows: NDArray[Any], found: dict[str, NDArray[Any]]) -> None:
    if model.classes is None:
        expected = np.reshape(model.predict(rows), (len(rows), -1))
        assert found.keys() == {"variable"}
        assert found["variable"].dtype == expected.dtype
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found["variable"] / scale, expected / scale, atol=1e-5)
        return
    assert list(map(str, found["label"])) == list(map(str, model.predict(rows)))
    if model.loss.outputs == "probabilities":
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(rows), atol=1e-5)
    else:
        logits = model.scores(rows)
        both = np.hstack([-logits, logits]) if model.loss.binary else logits
        np.testing.assert_allclose(found["scores"], both, atol=1e-5)
