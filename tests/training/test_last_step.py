"""What is measured in the last step of an epoch, by triangles whose sides are whole numbers."""

from __future__ import annotations

from math import hypot
from pathlib import Path

import numpy as np
import pytest

from mlpcli.build.parts import build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.nn.layers import Cohort
from mlpcli.nn.network import Network
from mlpcli.training.last_step import LastStep


def network(cohort: Cohort = ()) -> Network:
    """Return a network 1-2-1: the flat array holds its W1, W2, b1 and b2."""
    config = {"data": {"name": "arrays"}, "model": {"hidden": [2]}, "loss": "mse"}
    alone = build_network(validate_experiment(config, Path()), (1, 2, 1))
    return Network(alone.spec, alone.dtype, cohort=cohort)


@pytest.mark.parametrize("cohort", [(), (1,), (2,)])
def test_norms_of_gradients_and_weights(cohort: Cohort) -> None:
    net = network(cohort)
    parameters = net.parameters
    last = LastStep(net, 0.0)
    parameters.values[...] = [3, 4, 5, 12, 100, 100, 100]
    parameters.gradients[...] = [6, 8, 8, 15, 1, 2, 2]
    last.begin()
    last.keep()
    parameters.values[...] = [0, 0, 5, 12, 0, 0, 0]
    assert (
        last.reports()
        == [
            {
                "gradient_norm": pytest.approx(hypot(10, 17, 3)),
                "gradient_norms": [10, 17],
                "update_ratio": [1, 0],
                "weight_norm": [0, 13],
            }
        ]
        * (cohort or (1,))[0]
    )


def test_each_network_of_a_cohort_has_its_own() -> None:
    net = network((2,))
    net.parameters.gradients[...] = [[6, 8, 0, 0, 0, 0, 0], [0, 0, 8, 15, 0, 0, 0]]
    last = LastStep(net, 0.0)
    last.begin()
    last.keep()
    assert [report["gradient_norms"] for report in last.reports()] == [[10, 0], [0, 17]]


def test_of_a_sum_of_gradients_what_was_added_is_measured() -> None:
    net = network()
    last = LastStep(net, 0.5)
    net.parameters.gradients[...] = 2
    last.begin()
    net.parameters.gradients[...] = np.array([6, 8, 8, 15, 0, 0, 0]) + 1
    last.keep()
    assert last.reports()[0]["gradient_norms"] == [10, 17]


def test_weights_of_zero_have_no_update_ratio() -> None:
    last = LastStep(network(), 0.0)
    last.begin()
    last.keep()
    assert last.reports()[0]["update_ratio"] == [None, None]
