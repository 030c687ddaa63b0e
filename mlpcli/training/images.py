"""Says which data sets have images that can be mirrored, and what that means."""

from __future__ import annotations

from mlpcli.config.schema import Experiment
from mlpcli.errors import UsageError

__all__ = ["note_mirrors", "require_images"]


def require_images(experiment: Experiment, features: int) -> tuple[int, int, int]:
    """Return the shape of the images of a data set; raises UsageError if its rows are none."""
    shape = experiment.data.image(features)
    if shape is None:
        raise UsageError(
            f"the rows of {experiment.data.title} are no images that could be mirrored; those of cifar10 "
            "are, and those of an npz file or of arrays if their number of features is a square, as 8 x 8",
            topic="no mirror images",
        )
    return shape


def note_mirrors(experiment: Experiment, shape: tuple[int, int, int]) -> list[str]:
    """Return what there is to know of the mirror images of data whose rows were only taken for images."""
    if experiment.data.name == "cifar10":
        return []
    _, height, width = shape
    return [
        f"Each row is taken for a gray image of {height} x {width} pixels, and mirrored left to right. That "
        "helps only if a mirror image shows the same: of a digit or a letter it does not."
    ]
