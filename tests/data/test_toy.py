"""Toy sets: the shapes they promise, drawn from the seed alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlpcli.build.readers import load_dataset
from mlpcli.config.loader import validate_experiment
from mlpcli.data.dataset import Dataset
from mlpcli.data.toy import TOY_SETS


def draw(name: str, seed: int = 0, **settings: float) -> Dataset:
    """Draw a set with the schema's defaults for what is not given."""
    config = {"data": {"name": name, **settings}, "training": {"seed": seed}}
    return load_dataset(validate_experiment(config, Path()))


@pytest.mark.parametrize("name", TOY_SETS)
def test_is_what_the_schema_says(name: str) -> None:
    experiment = validate_experiment({"data": {"name": name, "points": 101}}, Path())
    dataset = load_dataset(experiment)
    assert dataset.X.shape == (101, experiment.data.inputs)
    assert dataset.X.dtype == np.float32
    assert len(dataset.columns) == experiment.data.inputs
    targets = experiment.data.targets(experiment.loss.task)
    if dataset.classes is None:
        assert dataset.y.shape == (101, targets)
        assert dataset.y.dtype == np.float32
    else:
        counts = np.bincount(dataset.y)
        assert len(counts) == targets == len(dataset.classes)
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("name", TOY_SETS)
def test_the_seed_decides(name: str) -> None:
    first, again, other = draw(name), draw(name), draw(name, seed=1)
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.y, other.y) or not np.array_equal(first.X, other.X)


@pytest.mark.parametrize("angle", [None, 0, 4, 11])
def test_arms_of_a_spiral_turn_by_the_angle(angle: float | None) -> None:
    given = {} if angle is None else {"angle": angle}
    dataset = draw("spiral", noise=0, points=300, classes=3, **given)
    radius = np.hypot(*dataset.X.T)
    assert (radius.min(), radius.max()) == (0, pytest.approx(1, abs=1e-6))
    outer = radius > 0.05
    bearing = np.arctan2(dataset.X[outer, 0], dataset.X[outer, 1])
    start = bearing - (4 if angle is None else angle) * radius[outer] - 2 * np.pi / 3 * dataset.y[outer]
    np.testing.assert_allclose(np.cos(start), 1, atol=1e-5)


def test_moons_are_half_circles() -> None:
    dataset = draw("moons", noise=0)
    upper, lower = dataset.X[dataset.y == 0], dataset.X[dataset.y == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, atol=1e-5)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1, atol=1e-5)
    assert upper[:, 1].min() >= 0
    assert lower[:, 1].max() <= 0.5


def test_circles_have_radius_1_and_a_half() -> None:
    dataset = draw("circles", noise=0)
    np.testing.assert_allclose(np.hypot(*dataset.X.T), np.where(dataset.y == 0, 1, 0.5), atol=1e-6)


def test_blobs_lie_around_the_unit_circle() -> None:
    centres = draw("blobs", noise=0, classes=4).X[:4]
    np.testing.assert_allclose(centres, [[1, 0], [0, 1], [-1, 0], [0, -1]], atol=1e-6)
    cloud = draw("blobs", noise=0.3, classes=4, points=40_000)
    spread = cloud.X - centres[cloud.y]
    assert spread.std() == pytest.approx(0.3, rel=0.02)


def test_xor_is_the_sign_of_the_product() -> None:
    dataset = draw("xor", noise=0)
    np.testing.assert_array_equal(dataset.y, np.sign(dataset.X[:, 0]) != np.sign(dataset.X[:, 1]))
    assert np.abs(dataset.X).max() <= 1


def test_sine_is_a_sine() -> None:
    dataset = draw("sine", noise=0)
    np.testing.assert_allclose(dataset.y, np.sin(dataset.X), atol=1e-6)
    noisy = draw("sine", noise=0.1, points=10_000)
    assert (noisy.y - np.sin(noisy.X)).std() == pytest.approx(0.1, rel=0.05)


def test_peaks_are_as_high_and_as_low_as_those_of_matlab() -> None:
    """Its documentation and many pages since give z(0, 0), and the places of the highest and the lowest."""
    dataset = draw("peaks", noise=0, points=50_000)
    (x, y), z = dataset.X.T, dataset.y[:, 0]
    assert np.abs(dataset.X).max() <= 3
    for place, height in {
        (0, 0): 8 / (3 * np.e),
        (-0.0093, 1.5814): 8.1062,
        (0.2283, -1.6255): -6.5511,
    }.items():
        near = np.hypot(x - place[0], y - place[1]) < 0.05
        assert z[near].mean() == pytest.approx(height, abs=0.08)
    assert (z.max(), z.min()) == (pytest.approx(8.1062, abs=0.01), pytest.approx(-6.5511, abs=0.01))
    noisy = draw("peaks", noise=0.5, points=50_000)
    np.testing.assert_array_equal(noisy.X, dataset.X)
    assert (noisy.y - dataset.y).std() == pytest.approx(0.5, rel=0.05)
