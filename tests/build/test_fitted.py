"""The widths of the network follow from the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlpcli.build.fitted import fit_transform, network_widths
from mlpcli.build.splits import load_splits
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError

DATASETS = Path(__file__).parents[2] / "datasets"


def make(**sections: Any) -> Experiment:
    return validate_experiment({"data": "spiral", **sections}, Path())


def test_a_number_of_inputs_that_the_data_contradict() -> None:
    data = {"name": "csv", "path": str(DATASETS / "iris.csv"), "target": "species"}
    experiment = make(data=data, model={"inputs": 5})
    splits = load_splits(experiment)
    with pytest.raises(ConfigError, match=r"model.inputs is 5, but the csv data need 4"):
        network_widths(experiment, fit_transform(experiment, splits), splits.targets)
