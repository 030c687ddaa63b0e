"""Images: how they are put side by side, and how bright they are."""

from __future__ import annotations

import numpy as np

from mlpcli.figures.images import brightness, mosaic


def test_a_mosaic_has_white_gaps_and_white_where_images_are_missing() -> None:
    grey = np.array([0.1, 0.2, 0.3]).reshape(3, 1, 1, 1) * np.ones((3, 1, 2, 2))
    sheet = mosaic(grey, columns=2)
    assert sheet.shape == (5, 5, 3)
    rows = ["0.1 0.1 1.0 0.2 0.2", "1.0 1.0 1.0 1.0 1.0", "0.3 0.3 1.0 1.0 1.0"]
    for place, row in zip((0, 2, 3), rows, strict=True):
        for channel in range(3):
            assert sheet[place, :, channel].tolist() == list(map(float, row.split()))


def test_colours_do_not_change() -> None:
    image = np.arange(12).reshape(1, 3, 2, 2) / 12
    np.testing.assert_array_equal(mosaic(image, 1), image[0].transpose(1, 2, 0))


def test_brightness_goes_from_0_to_1() -> None:
    assert brightness(np.array([0, 51, 255], np.uint8), (3, 1, 1)).tolist() == [0, 0.2, 1]
    assert brightness(np.array([0.0, 4, 16]), (1, 1, 3)).tolist() == [0, 0.25, 1]
    assert brightness(np.array([-1.0, 0, 3]), (1, 1, 3)).tolist() == [0, 0.25, 1]
    assert brightness(np.zeros(3), (1, 1, 3)).tolist() == [0, 0, 0]  # all black
