"""Toy sets, drawn from the seed."""

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from mlpcli.config.schema.data.base import OneSource
from mlpcli.config.schema.data.columns import SCALING_OF_TABLES, TableScaling
from mlpcli.config.schema.section import Task

__all__ = ["Toy"]


class _ToySection(OneSource):
    """A set of points drawn from the seed."""

    scaling: TableScaling = SCALING_OF_TABLES
    points: int = Field(300, ge=10, le=10_000_000, description="examples to draw, for all splits together")
    points_seed: int | None = Field(
        None, ge=0, lt=2**32, description="seed by which the points are drawn; null takes training.seed"
    )

    @property
    def examples(self) -> int:
        return self.points


class Spiral(_ToySection):
    """Interleaved spiral arms, one for each class (the toy set of the CS231n case study)."""

    name: Literal["spiral"] = Field(description="interleaved spiral arms, one for each class")
    classes: int = Field(3, ge=2, le=100, description="number of arms")
    noise: float = Field(0.2, ge=0, le=1000, description="standard deviation of the angle, radians")
    angle: float = Field(
        4.0,
        ge=0,
        le=1000,
        description="how far each arm turns, radians: 4 as in the CS231n case study; 11, or 1.75 turns, as "
        "in TensorFlow Playground",
    )


class Moons(_ToySection):
    """Two half circles that reach into each other."""

    name: Literal["moons"] = Field(description="two half circles that reach into each other")
    noise: float = Field(0.1, ge=0, le=1000, description="standard deviation of both coordinates")


class Circles(_ToySection):
    """A small circle inside a large one."""

    name: Literal["circles"] = Field(description="a small circle inside a large one")
    noise: float = Field(0.08, ge=0, le=1000, description="standard deviation of both coordinates")


class Blobs(_ToySection):
    """Gaussian clouds around centres on a circle."""

    name: Literal["blobs"] = Field(description="Gaussian clouds around centres on a circle")
    classes: int = Field(3, ge=2, le=100, description="number of clouds")
    noise: float = Field(0.3, ge=0, le=1000, description="standard deviation of both coordinates")


class Xor(_ToySection):
    """Four quadrants; opposite ones share a class."""

    name: Literal["xor"] = Field(description="four quadrants; opposite ones share a class")
    noise: float = Field(0.05, ge=0, le=1000, description="standard deviation of both coordinates")


class Sine(_ToySection):
    """A sine wave with noise: regression from one input."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)

    name: Literal["sine"] = Field(description="a sine wave with noise: regression from one input")
    noise: float = Field(0.1, ge=0, le=1000, description="standard deviation of the value")

    @property
    def n_columns(self) -> int:
        return 1

    def targets(self, task: Task | None) -> int:  # noqa: ARG002
        return 1


class Peaks(_ToySection):
    """Hills and hollows over a square: regression from two inputs."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)

    name: Literal["peaks"] = Field(description="MATLAB's hills and hollows: regression from two inputs")
    noise: float = Field(0.2, ge=0, le=1000, description="standard deviation of the value")

    def targets(self, task: Task | None) -> int:  # noqa: ARG002
        return 1


Toy: TypeAlias = Spiral | Moons | Circles | Blobs | Xor | Sine | Peaks
