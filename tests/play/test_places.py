"""The grid, the lines and the examples are found again among the inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlpcli.config.loader import validate_experiment
from mlpcli.play.places import SIDE_OF_MAPS, Places
from mlpcli.training.run import Run


def make(tmp_path: Path, points: int = 40, hidden: tuple[int, ...] = (3,)) -> Run:
    data = {"name": "moons", "points": points, "scaling": "none"}
    return Run(validate_experiment({"data": data, "model": {"hidden": list(hidden)}}, tmp_path))


def places_of(run: Run, *added: int) -> Places:
    return Places(run.splits, run.transform, run.network, added)


def test_without_scaling_inputs_are_the_places_themselves(tmp_path: Path) -> None:
    places = places_of(make(tmp_path))
    (left, right), (bottom, top) = places.extent
    grid = places.inputs[places.grid]
    np.testing.assert_allclose(grid[[0, -1]], [[left, bottom], [right, top]], rtol=1e-6)
    np.testing.assert_allclose(places.inputs[places.bent], places.lines.reshape(-1, 2), rtol=1e-6)
    np.testing.assert_array_equal(places.inputs[places.examples], places.X)


def test_small_images_are_every_so_many_points_of_large_ones_with_both_edges(tmp_path: Path) -> None:
    places = places_of(make(tmp_path))
    large, small = places.images(places.inputs), places.small_images(places.inputs)
    assert small.shape == (2, SIDE_OF_MAPS, SIDE_OF_MAPS)
    np.testing.assert_array_equal(small, large[:, :: places.step, :: places.step])
    np.testing.assert_array_equal(small[:, [0, -1], [0, -1]], large[:, [0, -1], [0, -1]])
    assert (np.diff(small[0], axis=1) > 0).all()  # x1 grows along a row, x2 from row to row
    assert (np.diff(small[1], axis=0) > 0).all()


@pytest.mark.parametrize("added", [(), (4999,), (4990, 4999)])
def test_of_many_examples_few_are_drawn_but_all_added_ones(added: tuple[int, ...], tmp_path: Path) -> None:
    run = make(tmp_path, points=5000)
    rows = places_of(run, *added).rows
    assert 1000 < len(rows) <= 2000 + len(added)
    assert len(np.unique(rows)) == len(rows)
    assert set(added) <= set(rows.tolist())


def test_a_large_network_gets_a_coarser_grid(tmp_path: Path) -> None:
    assert places_of(make(tmp_path)).side > places_of(make(tmp_path, hidden=(500, 500))).side
