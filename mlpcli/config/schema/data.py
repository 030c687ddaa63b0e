"""The section ``data``: what to learn from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_serializer,
)

from mlpcli.config.schema.section import Section, Task, by_name, problem

__all__ = ["Data", "data_sets"]


def _size(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError
    if value < 0 or (isinstance(value, float) and value >= 1):
        raise ValueError
    return value


_SIZE_ALLOWED = "a fraction from 0 to below 1, or a whole number of examples"
Size = Annotated[
    int | float,
    PlainValidator(_size),
    WithJsonSchema({"type": "number", "minimum": 0, "allowed": _SIZE_ALLOWED}),
]


_LONGEST_PATH = 4096  # what systems open at most; to resolve a long one takes time


def _anchored(value: str, info: ValidationInfo) -> str:
    """Make a path absolute, relative ones from the folder of the config file."""
    if not value or "\0" in value:
        raise problem("a path has to name something")
    if len(value) > _LONGEST_PATH:
        raise problem(f"a path of {len(value):,} characters; at most {_LONGEST_PATH:,} can be opened")
    folder = (info.context or {}).get("folder", Path())
    try:
        return str(os.path.realpath(folder / Path(value).expanduser()))
    except RuntimeError:  # expanduser knows no such user
        raise problem(f"{value[:60]!r} names a home folder that this machine does not have") from None


def _leave_something(key: str, value: float, info: ValidationInfo) -> float:
    """Check that the fractions up to this one come to no more than all examples."""
    sizes = {**{other: info.data.get(other) for other in ("train_size", "val_size")}, key: value}
    fractions = {other: size for other, size in sizes.items() if isinstance(size, float)}
    total = round(sum(fractions.values()), 9)
    if total > 1 or (total == 1 and "train_size" not in fractions):
        parts = " + ".join(f"{other} {size:g}" for other, size in fractions.items())
        raise problem(
            f"{parts} is {total:g} of the examples; they have to fit, and to leave some to train on"
        )
    return value


FileName = Annotated[str, AfterValidator(_anchored)]
Scaling = Literal["standardize", "center", "range", "none"]


class DataSection(Section):
    """What all data sets share."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    train_size: Size | None = Field(
        None, description="training examples to use; null takes all that are left"
    )
    val_size: Size = Field(0.2, description="part of the examples held out to choose the best epoch")
    scaling: Scaling = Field(
        "standardize",
        description="of each feature, by the training split: standardize (subtract the mean, divide by the "
        "standard deviation), center (subtract the mean), range (minimum and maximum become -1 and 1), none",
    )

    @field_validator("train_size")
    @classmethod
    def _trains_on_something(cls, train_size: float | None) -> float | None:
        if train_size == 0:
            raise problem("0 leaves nothing to train on; give a size, or null for all that is left")
        return train_size

    @model_serializer(mode="wrap")
    def _own_keys_first(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return dict(sorted(write(self).items(), key=lambda item: item[0] in _OneSource.model_fields))

    @property
    def title(self) -> str:
        """What to call the data: the set's name, or the file's."""
        section: Any = self
        return Path(getattr(section, "path", section.name)).name

    @property
    def examples(self) -> int | None:
        """Examples over all splits; None where only the data can tell."""
        return None

    @property
    def inputs(self) -> int | None:
        """Features an example has; None where only the data can tell."""
        return 2

    def targets(self, task: Task) -> int | None:  # noqa: ARG002
        """Classes to tell apart, or values to predict; None where only the data can tell."""
        return getattr(self, "classes", 2)


class _OneSource(DataSection):
    """A set that comes in one piece; the test split is held out of it."""

    test_size: Size = Field(
        0.2, validate_default=True, description="part of the examples held out for the final score"
    )

    @field_validator("test_size")
    @classmethod
    def _leaves_something(cls, test_size: float, info: ValidationInfo) -> float:
        return _leave_something("test_size", test_size, info)


class _Toy(_OneSource):
    """A 2-D set drawn from the seed."""

    points: int = Field(300, ge=10, le=10_000_000, description="examples to draw, over all splits")

    @property
    def examples(self) -> int:
        return self.points


class Spiral(_Toy):
    """Interleaved spiral arms, one a class (the toy set of the CS231n case study)."""

    name: Literal["spiral"] = Field(description="interleaved spiral arms, one a class")
    classes: int = Field(3, ge=2, le=100, description="arms")
    noise: float = Field(0.2, ge=0, le=1000, description="standard deviation of the angle, radians")


class Moons(_Toy):
    """Two half circles that reach into each other."""

    name: Literal["moons"] = Field(description="two half circles that reach into each other")
    noise: float = Field(0.1, ge=0, le=1000, description="standard deviation of both coordinates")


class Circles(_Toy):
    """A small circle inside a large one."""

    name: Literal["circles"] = Field(description="a small circle inside a large one")
    noise: float = Field(0.08, ge=0, le=1000, description="standard deviation of both coordinates")


class Blobs(_Toy):
    """Gaussian clouds around centres on a circle."""

    name: Literal["blobs"] = Field(description="Gaussian clouds around centres on a circle")
    classes: int = Field(3, ge=2, le=100, description="clouds")
    noise: float = Field(0.3, ge=0, le=1000, description="standard deviation of both coordinates")


class Xor(_Toy):
    """Four quadrants; opposite ones share a class."""

    name: Literal["xor"] = Field(description="four quadrants; opposite ones share a class")
    noise: float = Field(0.05, ge=0, le=1000, description="standard deviation of both coordinates")


class Sine(_Toy):
    """A sine wave with noise: regression from one input."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)

    name: Literal["sine"] = Field(description="a sine wave with noise: regression from one input")
    noise: float = Field(0.1, ge=0, le=1000, description="standard deviation of the value")

    @property
    def inputs(self) -> int:
        return 1

    def targets(self, task: Task) -> int:  # noqa: ARG002
        return 1


class Augment(Section):
    """How training images are changed anew in each epoch."""

    flip: bool = Field(False, description="mirror every second image, left to right")
    crop: int = Field(
        0, ge=0, le=16, description="pixels to pad each side by before a window is cut out at random"
    )
    cutout: int = Field(0, ge=0, le=32, description="side of a square that is blanked at a random place")
    mixup: float = Field(
        0.0,
        ge=0,
        le=100,
        description="blend pairs of images, with a share from Beta(mixup, mixup); 0 does not",
    )


class Cifar10(DataSection):
    """CIFAR-10: 50,000 training and 10,000 test images of 32 x 32 x 3 bytes (Krizhevsky, 2009)."""

    name: Literal["cifar10"] = Field(description="60,000 small colour images in ten classes")
    root: FileName | None = Field(
        None, description="folder of the data set; null looks under $MLP_DATA, else under datasets/"
    )
    val_size: Size = Field(
        5000, description="part of the 50,000 training images held out to choose the best epoch"
    )
    test_size: Size | None = Field(
        None, description="part of the official test images to score; null takes all"
    )
    augment: Augment = Field(Augment(), description="changes of the training images; none by default")

    @field_validator("val_size")
    @classmethod
    def _leaves_something(cls, val_size: float, info: ValidationInfo) -> float:
        return _leave_something("val_size", val_size, info)

    @property
    def examples(self) -> int:
        return 60_000

    @property
    def inputs(self) -> int:
        return 3072

    def targets(self, task: Task) -> int:  # noqa: ARG002
        return 10


class _File(_OneSource):
    """A file of the user's."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification", "regression")

    path: FileName = Field(description="the file, relative to the config file")

    @property
    def inputs(self) -> None:
        return None

    def targets(self, task: Task) -> int | None:  # noqa: ARG002
        return None


class Csv(_File):
    """A CSV file with a header row."""

    name: Literal["csv"] = Field(description="a CSV file with a header row")
    target: str = Field(min_length=1, description="the column to predict")
    features: list[str] | None = Field(
        None, min_length=1, description="the columns to predict from; null takes all the others"
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="what stands between two cells")

    def targets(self, task: Task) -> int | None:
        return 1 if task == "regression" else None


class Npz(_File):
    """A NumPy .npz file with the arrays X and y."""

    name: Literal["npz"] = Field(description="a NumPy .npz file with the arrays X and y")


class Arrays(_OneSource):
    """Arrays that a program hands to the engine; not offered where a data set can be chosen by name."""

    model_config = ConfigDict(json_schema_extra={"offered": False})
    tasks: ClassVar[tuple[Task, ...]] = ("classification", "regression")

    name: Literal["arrays"] = Field(description="arrays that a program hands in")
    test_size: Size = Field(
        0, validate_default=True, description="part of the examples held out for the final score"
    )

    @property
    def inputs(self) -> None:
        return None

    def targets(self, task: Task) -> int | None:  # noqa: ARG002
        return None


Data: TypeAlias = Annotated[
    Spiral | Moons | Circles | Blobs | Xor | Sine | Cifar10 | Csv | Npz | Arrays,
    Field(discriminator="name"),
    by_name(),
]


def data_sets() -> dict[str, str]:
    """Return the data sets that a config file may name, each with a line that says what it is."""
    sections = [section for section in get_args(get_args(Data)[0]) if section is not Arrays]
    fields = [section.model_fields["name"] for section in sections]
    return {get_args(field.annotation)[0]: field.description for field in fields}
