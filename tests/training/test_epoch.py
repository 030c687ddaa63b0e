"""The metrics of an epoch as single numbers, by the names that trackers group them by."""

from __future__ import annotations

import mlpcli
from mlpcli.training.epoch import Epoch


def test_metrics_have_names_in_groups() -> None:
    metrics = {
        "epoch": 3,
        "train_loss": 0.5,
        "val_loss": 0.6,
        "val_roc_auc": None,
        "learning_rate": 0.1,
        "dead": [0.25, None],
    }
    epoch = Epoch(3, metrics, is_best=True)
    assert epoch.values == {
        "loss/train": 0.5,
        "loss/val": 0.6,
        "roc_auc/val": None,
        "training/learning_rate": 0.1,
        "dead/layer_1": 0.25,
        "dead/layer_2": None,
    }
    assert epoch.scalars == {name: value for name, value in epoch.values.items() if value is not None}


def test_no_number_of_a_row_is_lost() -> None:
    row = mlpcli.train("spiral", training={"epochs": 1}).metrics[0]
    numbers = [each for value in row.values() for each in (value if isinstance(value, list) else [value])]
    values = Epoch(1, row, is_best=True).values
    assert sorted(map(str, values.values())) == sorted(map(str, numbers[1:]))
    assert all(value is None or isinstance(value, (int, float)) for value in values.values())
