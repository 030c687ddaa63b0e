"""Colors: color-blind readers can tell them apart."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.colours import CLASS_COLOURS, CLASS_SHAPES, SPLIT_COLOURS
from mlpcli.figures.style import LINE_COLOURS, MARKERS

# The responses of the eye's cones to linear RGB; Viénot, Brettel and Mollon (1999).
SEEN = {
    "without red": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "without green": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


@pytest.mark.parametrize("sight", SEEN)
@pytest.mark.parametrize(
    "colours",
    [CLASS_COLOURS[:7], LINE_COLOURS[:3], tuple(SPLIT_COLOURS.values())],
    ids=["classes", "lines", "splits"],
)
def test_colour_blind_readers_can_tell_the_colours_apart(colours: tuple[str, ...], sight: str) -> None:
    rgb = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])
    seen = np.clip(rgb**2.2 @ np.array(SEEN[sight]).T, 0, 1) ** (1 / 2.2)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=2)
    assert apart[~np.eye(len(colours), dtype=bool)].min() > 0.12


def test_each_shape_of_a_class_has_a_marker_in_pictures() -> None:
    assert len(MARKERS) == len(CLASS_SHAPES) == len(set(CLASS_SHAPES))
