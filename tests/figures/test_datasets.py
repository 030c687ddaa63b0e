"""A data set is drawn with all its examples, by class and split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlpcli.config.loader import parse_experiment
from mlpcli.config.schema import Experiment
from mlpcli.figures import UnfitError
from mlpcli.figures.datasets import draw_dataset


def config(text: str, folder: Path) -> Experiment:
    return parse_experiment(text, "test", folder)


@pytest.mark.parametrize("name", ["spiral", "moons", "circles", "blobs", "xor"])
def test_points_by_class_and_split(name: str, tmp_path: Path) -> None:
    figure = draw_dataset(config(f"data: {{name: {name}, points: 100}}", tmp_path))
    (axes,) = figure.axes
    points = [c for c in axes.collections if type(c).__name__ == "PathCollection"]
    sizes = {True: 0, False: 0}
    for collection in points:
        filled = len(collection.get_facecolors()) > 0 and tuple(collection.get_facecolors()[0][:3]) != (
            1,
            1,
            1,
        )
        sizes[filled] += len(collection.get_offsets())
    assert sizes == {True: 60, False: 40}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x1", "x2")
    assert figure.get_suptitle().endswith("60 train, 20 val, 20 test")
    assert [text.get_text() for text in figure.legends[0].get_texts()][-2:] == [
        "training",
        "held out (val, test)",
    ]


def test_one_feature_of_a_regression(tmp_path: Path) -> None:
    figure = draw_dataset(config("data: {name: sine, points: 50}\nloss: mse", tmp_path))
    (axes,) = figure.axes
    assert sum(len(c.get_offsets()) for c in axes.collections) == 50
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x1", "y")


def test_a_surface_is_colored_by_its_heights(tmp_path: Path) -> None:
    figure = draw_dataset(config("data: {name: peaks, points: 100}", tmp_path))
    axes, bar = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("x1", "x2", "y")
    heights = np.concatenate([np.asarray(points.get_array()) for points in axes.collections])
    assert (len(heights), heights.min(), heights.max()) == (100, *bar.get_ylim())


def test_images_are_rows_by_class(make_cifar10: Callable[..., object], tmp_path: Path) -> None:
    make_cifar10(tmp_path / "cifar-10-batches-bin", n=12)
    figure = draw_dataset(config("data: {name: cifar10, root: ., val_size: 10}", tmp_path))
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names[:2] == ["airplane", "automobile"]
    assert len(names) == 10
    sheet = np.asarray(axes.images[0].get_array())
    assert sheet.shape == (33 * 10 - 1, 33 * 10 - 1, 3)


def test_other_data_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,c,y\n" + "1,2,3,no\n4,5,6,yes\n" * 10)
    with pytest.raises(UnfitError, match=r"t\.csv has 3 features"):
        draw_dataset(config("data: {name: csv, path: t.csv, target: y}", tmp_path))
