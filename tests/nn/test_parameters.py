"""Parameters: one array of values and one of gradients, weights first, with views by name."""

from __future__ import annotations

import numpy as np

from mlpcli.nn.parameters import Parameters
from mlpcli.specs import ArraySpec

SPECS = [
    ArraySpec("W", "W1", (2, 3), "weights", penalized=True),
    ArraySpec("b", "b1", (3,), "biases"),
    ArraySpec("W", "W2", (3, 1), "weights", penalized=True),
    ArraySpec("b", "b2", (1,), "biases"),
]


def test_weights_come_first_and_spans_give_their_places() -> None:
    parameters = Parameters(SPECS, np.float32)
    assert (parameters.values.shape, parameters.values.dtype) == ((13,), np.float32)
    assert parameters.n_penalized == 9
    spans = {name: (parameters.span(name).start, parameters.span(name).stop) for name in parameters.shapes}
    assert spans == {"W1": (0, 6), "b1": (9, 12), "W2": (6, 9), "b2": (12, 13)}
    assert not parameters.values.any()
    assert not parameters.gradients.any()


def test_parameters_are_views_of_values_and_gradients() -> None:
    parameters = Parameters(SPECS, np.float64)
    parameters.values[...] = range(13)
    assert parameters.view("W1").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert parameters.view("b1").tolist() == [9, 10, 11]
    parameters.view("W2")[1, 0] = 70
    assert parameters.values[7] == 70
    parameters.gradient("b2")[...] = 5
    assert parameters.gradients.tolist() == [0] * 12 + [5]


def test_other_arrays_with_the_same_layout_have_the_same_views() -> None:
    momentum = np.arange(13.0) * 10
    assert Parameters(SPECS, np.float32).view("W2", momentum).tolist() == [[60], [70], [80]]


def test_a_network_may_have_no_weights_to_penalize() -> None:
    parameters = Parameters([ArraySpec("gamma", "gamma1", (4,), "norm_parameters")], np.float32)
    assert (parameters.n_penalized, len(parameters.values)) == (0, 4)
