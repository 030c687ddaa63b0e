"""The bar of a run says what is watched."""

from __future__ import annotations

from typing import Any

import pytest

from mlpcli.config.loader import make_experiment
from mlpcli.training.bar import latest_scores
from mlpcli.training.run import Run


@pytest.mark.parametrize(
    ("data", "training", "watched"),
    [
        ("moons", {}, ["loss 0.", "val "]),
        ("moons", {"monitor": "roc_auc"}, ["loss 0.", "val ", "val ROC AUC "]),
        ("sine", {}, ["loss ", "val R2 "]),
    ],
)
def test_what_the_bar_says(data: str, training: dict[str, Any], watched: list[str]) -> None:
    run = Run(make_experiment({"data": data, "training": {"epochs": 1, **training}}))
    (epoch,) = run.epochs()
    words = latest_scores(run, epoch).split(", ")
    assert len(words) == len(watched)
    for word, start in zip(words, watched, strict=True):
        assert word.startswith(start)
