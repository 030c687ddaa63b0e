"""Counts of the notes, and the arithmetic of a step, by hand."""

from __future__ import annotations

import pytest

from mlpcli.nn.sizes import NetworkSize


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ((3, 4, 2), (6, 20, 6, 26)),
        ((3, 4, 4, 1), (9, 32, 9, 41)),
        ((3072, 100, 10), (110, 308_200, 110, 308_310)),
    ],
)
def test_counts_of_the_notes(widths: tuple[int, ...], expected: tuple[int, ...]) -> None:
    size = NetworkSize.of(widths)
    assert (size.neurons, size.weights, size.biases, size.parameters) == expected


def test_work_of_a_step() -> None:
    size = NetworkSize.of((3, 4, 2))
    assert size.activations == 3 + 4 + 2
    assert size.forward_flops == (2 * 12 + 4) + (2 * 8 + 2)
    backward = (2 * 12 + 4) + (2 * 8 + 2) + 2 * 8  # dW and db of both layers, dX of the second
    assert size.step_flops == size.forward_flops + backward
