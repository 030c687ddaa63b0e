"""The section ``optimizer``: how the weights follow the gradient."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from mlpcli.config.schema.section import Section, by_name

__all__ = ["Adam", "Optimizer", "Schedule"]


class _ScheduleSection(Section):
    """What all schedules share."""

    warmup: float = Field(0.0, ge=0, description="epochs in which the learning rate first grows from 0")


class Constant(_ScheduleSection):
    """The same learning rate throughout."""

    name: Literal["constant"] = Field(description="the same throughout")


class Step(_ScheduleSection):
    """Shrinks every so many epochs."""

    name: Literal["step"] = Field(description="shrinks every so many epochs")
    every: int = Field(30, ge=1, description="epochs from one change to the next")
    shrink: float = Field(0.1, gt=0, le=1, description="what it is multiplied by")


class Exponential(_ScheduleSection):
    """Shrinks a little all the time."""

    name: Literal["exponential"] = Field(description="shrinks a little all the time")
    shrink: float = Field(0.95, gt=0, le=1, description="what it is multiplied by in an epoch")


class Cosine(_ScheduleSection):
    """Half a cosine down."""

    name: Literal["cosine"] = Field(description="half a cosine down, over the whole of training")
    final: float = Field(0.0, ge=0, le=1, description="share of the learning rate at the end")


class OneCycle(_ScheduleSection):
    """Up and then down."""

    name: Literal["one_cycle"] = Field(description="up, and then down to almost nothing")
    rise: float = Field(0.3, gt=0, lt=1, description="share of training that goes up")
    start: float = Field(0.04, ge=0, le=1, description="share of the learning rate at first")
    final: float = Field(1e-4, ge=0, le=1, description="share of the learning rate at the end")


class Plateau(_ScheduleSection):
    """Shrinks where the validation score stands still."""

    name: Literal["plateau"] = Field(description="shrinks where the validation score stands still")
    patience: int = Field(10, ge=1, description="epochs without a better score before it shrinks")
    shrink: float = Field(0.1, gt=0, le=1, description="what it is multiplied by")


Schedule: TypeAlias = Annotated[
    Constant | Step | Exponential | Cosine | OneCycle | Plateau, Field(discriminator="name"), by_name()
]


class _OptimizerSection(Section):
    """What all optimizers share."""

    schedule: Schedule = Field(
        Constant(name="constant"), description="how the learning rate changes as training goes on"
    )
    clip_norm: float | None = Field(
        None, gt=0, description="longest gradient: a longer one is scaled down to it; null cuts nothing"
    )

    @model_serializer(mode="wrap")
    def _own_keys_first(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return dict(sorted(write(self).items(), key=lambda item: item[0] in _OptimizerSection.model_fields))


_MOMENTUM_HELP = "share of the velocity kept from step to step"


class Sgd(_OptimizerSection):
    """Stochastic gradient descent."""

    name: Literal["sgd"] = Field(description="stochastic gradient descent")
    learning_rate: float = Field(0.1, gt=0, description="step size")
    momentum: float = Field(0.0, ge=0, lt=1, description=_MOMENTUM_HELP)

    @property
    def slots(self) -> int:
        """Numbers that the optimizer keeps for each parameter."""
        return 1 if self.momentum else 0


class Momentum(_OptimizerSection):
    """Gradient descent with a velocity."""

    name: Literal["momentum", "nesterov"] = Field(description="gradient descent with a velocity")
    slots: ClassVar[int] = 1

    learning_rate: float = Field(0.01, gt=0, description="step size")
    momentum: float = Field(0.9, gt=0, lt=1, description=_MOMENTUM_HELP)


class Adam(_OptimizerSection):
    """Steps scaled by running moments of the gradient."""

    name: Literal["adam", "adamw"] = Field(description="steps scaled by running moments of the gradient")
    learning_rate: float = Field(3e-3, gt=0, description="step size")
    beta1: float = Field(0.9, ge=0, lt=1, description="share of the first moment kept from step to step")
    beta2: float = Field(0.999, ge=0, lt=1, description="share of the second moment kept from step to step")
    eps: float = Field(1e-8, gt=0, description="keeps the division finite")

    slots: ClassVar[int] = 2


class Adagrad(_OptimizerSection):
    """Steps scaled by the sum of all squared gradients."""

    name: Literal["adagrad"] = Field(description="steps scaled by the sum of all squared gradients")
    learning_rate: float = Field(0.05, gt=0, description="step size")
    eps: float = Field(1e-10, gt=0, description="keeps the division finite")

    slots: ClassVar[int] = 1


class RmsProp(_OptimizerSection):
    """Steps scaled by a running mean of squared gradients."""

    name: Literal["rmsprop"] = Field(description="steps scaled by a running mean of squared gradients")
    learning_rate: float = Field(1e-3, gt=0, description="step size")
    beta2: float = Field(0.99, ge=0, lt=1, description="share of the mean kept from step to step")
    eps: float = Field(1e-8, gt=0, description="keeps the division finite")

    slots: ClassVar[int] = 1


class Lion(_OptimizerSection):
    """Steps of one size, in the direction of a sign."""

    name: Literal["lion"] = Field(description="steps of one size, in the direction of a sign")
    learning_rate: float = Field(1e-3, gt=0, description="step size")
    beta1: float = Field(0.9, ge=0, lt=1, description="weight of the past in the direction")
    beta2: float = Field(0.99, ge=0, lt=1, description="share of the past kept from step to step")

    slots: ClassVar[int] = 1


Optimizer: TypeAlias = Annotated[
    Sgd | Momentum | Adagrad | RmsProp | Adam | Lion, Field(discriminator="name"), by_name("adam")
]
