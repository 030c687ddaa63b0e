"""Counts of the notes, and the arithmetic of a step, by hand."""

from __future__ import annotations

import pytest

from mlpcli.config.plan import plan_widths


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ((3, 4, 2), (6, 20, 6, 26)),
        ((3, 4, 4, 1), (9, 32, 9, 41)),
        ((3072, 100, 10), (110, 308_200, 110, 308_310)),
    ],
)
def test_counts_of_the_notes(widths: tuple[int, ...], expected: tuple[int, ...]) -> None:
    spec = plan_widths(widths)
    counts = (spec.neurons, spec.count("weights"), spec.count("biases"), spec.count())
    assert counts == expected


def test_work_of_a_step() -> None:
    spec = plan_widths((3, 4, 2))
    assert spec.activations == 3 + 4 + 2
    assert spec.forward_flops == (2 * 12 + 4) + (2 * 8 + 2)
    backward = (2 * 12 + 4) + (2 * 8 + 2) + 2 * 8  # dW and db of both layers, dX of the second
    assert spec.step_flops == spec.forward_flops + backward
