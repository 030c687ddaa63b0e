"""CIFAR-10, and the random changes of its images."""

from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from mlpcli.config.schema.data.base import DataSection
from mlpcli.config.schema.data.splits import Size, leave_something
from mlpcli.config.schema.paths import FileName
from mlpcli.config.schema.section import Section, Task

__all__ = ["Cifar10"]


class Augment(Section):
    """Random changes of the training images, new in each epoch."""

    flip: bool = Field(False, description="mirror half of the images, left to right")
    rotate: float = Field(0.0, ge=0, le=180, description="degrees that images are turned by at most")
    scale: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share by which images are enlarged or made smaller at most: 0.1 is up to 1.1 times, or "
        "1 / 1.1 times",
    )
    stretch: float = Field(
        0.0, ge=0, le=1, description="share by which the ratio of width to height is changed at most"
    )
    crop: int = Field(
        0,
        ge=0,
        le=16,
        description="pixels added on each side before a random window is cut out: images, deformed or not, "
        "are shifted by so many pixels at most",
    )
    cutout: int = Field(
        0, ge=0, le=32, description="side of a square that is blanked at a random place, in pixels"
    )
    mixup: float = Field(
        0.0,
        ge=0,
        le=100,
        description="blend pairs of images, in proportions from Beta(mixup, mixup); 0 blends none",
    )


class Cifar10(DataSection):
    """CIFAR-10: 50,000 training and 10,000 test images of 32 x 32 x 3 bytes (Krizhevsky, 2009)."""

    may_be_images: ClassVar[bool] = True

    name: Literal["cifar10"] = Field(description="60,000 small colour images in ten classes")
    root: FileName | None = Field(
        None, description="folder of the data set; null searches $MLP_DATA, or datasets/ if that is not set"
    )
    val_size: Size = Field(
        5000, description="number or fraction of the 50,000 training images held out to choose the best epoch"
    )
    test_size: Size | None = Field(
        None, description="number or fraction of the official test images to score; null uses all"
    )
    augment: Augment = Field(Augment(), description="random changes of the training images; none by default")

    @field_validator("val_size")
    @classmethod
    def _leaves_something(cls, val_size: float, info: ValidationInfo) -> float:
        return leave_something("val_size", val_size, info)

    @property
    def examples(self) -> int:
        """50,000 to train on, and 10,000 to test."""
        return 60_000

    @property
    def n_columns(self) -> int:
        """A number for each color of each pixel."""
        return 3072

    def image(self, features: int) -> tuple[int, int, int]:  # noqa: ARG002
        """Return (channels, rows, columns) of every image."""
        return (3, 32, 32)

    def targets(self, task: Task | None) -> int:  # noqa: ARG002
        """Return the number of classes."""
        return 10
