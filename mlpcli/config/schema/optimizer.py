"""The section ``optimizer``: how the weights follow the gradient."""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from mlpcli.config.schema.section import Section, by_name, other_names

__all__ = ["Adam", "Optimizer", "Schedule"]


class _ScheduleSection(Section):
    """The keys of all schedules."""

    warmup: float = Field(0.0, ge=0, description="epochs over which the learning rate first grows from 0")


class Constant(_ScheduleSection):
    """The learning rate stays the same."""

    name: Literal["constant"] = Field(description="the learning rate stays the same")


class Step(_ScheduleSection):
    """The learning rate shrinks at regular intervals."""

    name: Literal["step"] = Field(description="the learning rate shrinks at regular intervals")
    every: int = Field(30, ge=1, description="epochs between two changes")
    shrink: float = Field(0.1, gt=0, le=1, description="factor of the learning rate at each change")


class Exponential(_ScheduleSection):
    """The learning rate shrinks a little at each step."""

    name: Literal["exponential"] = Field(description="the learning rate shrinks a little at each step")
    shrink: float = Field(0.95, gt=0, le=1, description="factor of the learning rate in each epoch")


class Cosine(_ScheduleSection):
    """The learning rate falls along half a cosine."""

    name: Literal["cosine"] = Field(
        description="the learning rate falls along half a cosine over the whole training"
    )
    final: float = Field(0.0, ge=0, le=1, description="learning rate at the end, as a fraction")


class CosLog4(_ScheduleSection):
    """The learning rate goes up and down four times."""

    name: Literal["coslog4"] = Field(
        description="the learning rate goes from 0 up and back four times, each time twice as slowly"
    )


class OneCycle(_ScheduleSection):
    """The learning rate rises and then falls."""

    name: Literal["one_cycle"] = Field(description="the learning rate rises, and then falls to almost 0")
    rise: float = Field(0.3, gt=0, lt=1, description="fraction of the training in which it rises")
    start: float = Field(0.04, ge=0, le=1, description="learning rate at first, as a fraction")
    final: float = Field(1e-4, ge=0, le=1, description="learning rate at the end, as a fraction")


class Plateau(_ScheduleSection):
    """The learning rate shrinks when the validation score stops improving."""

    name: Literal["plateau"] = Field(
        description="the learning rate shrinks when the validation score stops improving"
    )
    patience: int = Field(10, ge=1, description="epochs without a better score before it shrinks")
    shrink: float = Field(0.1, gt=0, le=1, description="factor of the learning rate at each change")


OTHER_SCHEDULES = {
    **dict.fromkeys(("none", "const", "constant_lr", "fixed"), "constant"),
    **dict.fromkeys(("step_lr", "multi_step", "multi_step_lr", "step_decay", "piecewise"), "step"),
    **dict.fromkeys(("exp", "exponential_lr", "exponential_decay"), "exponential"),
    **dict.fromkeys(("cosine_annealing", "cosine_annealing_lr", "cosine_decay", "cos"), "cosine"),
    **dict.fromkeys(("one_cycle_lr", "super_convergence"), "one_cycle"),
    **dict.fromkeys(("reduce_lr_on_plateau", "reduce_on_plateau", "adaptive"), "plateau"),
}

Schedule: TypeAlias = Annotated[
    Constant | Step | Exponential | Cosine | CosLog4 | OneCycle | Plateau,
    Field(discriminator="name"),
    other_names(OTHER_SCHEDULES),
    by_name(),
]


class _OptimizerSection(Section):
    """The keys of all optimizers."""

    schedule: Schedule = Field(
        Constant(name="constant"), description="how the learning rate changes during training"
    )
    clip_norm: float | None = Field(
        None,
        gt=0,
        description="largest norm of the gradient, to which a larger one is scaled down; null sets no limit",
    )

    @model_serializer(mode="wrap")
    def _own_keys_first(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return dict(sorted(write(self).items(), key=lambda item: item[0] in _OptimizerSection.model_fields))


_MOMENTUM_HELP = "fraction of the velocity kept from step to step"


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
    beta1: float = Field(0.9, ge=0, lt=1, description="fraction of the first moment kept from step to step")
    beta2: float = Field(
        0.999, ge=0, lt=1, description="fraction of the second moment kept from step to step"
    )
    eps: float = Field(1e-8, gt=0, description="small number that keeps the division finite")

    slots: ClassVar[int] = 2


class Adagrad(_OptimizerSection):
    """Steps scaled by the sum of all squared gradients."""

    name: Literal["adagrad"] = Field(description="steps scaled by the sum of all squared gradients")
    learning_rate: float = Field(0.05, gt=0, description="step size")
    eps: float = Field(1e-10, gt=0, description="small number that keeps the division finite")

    slots: ClassVar[int] = 1


class RmsProp(_OptimizerSection):
    """Steps scaled by a running mean of squared gradients."""

    name: Literal["rmsprop"] = Field(description="steps scaled by a running mean of squared gradients")
    learning_rate: float = Field(1e-3, gt=0, description="step size")
    beta2: float = Field(0.99, ge=0, lt=1, description="fraction of the mean kept from step to step")
    eps: float = Field(1e-8, gt=0, description="small number that keeps the division finite")

    slots: ClassVar[int] = 1


class Lion(_OptimizerSection):
    """Steps of the same size for all parameters, by the sign of the momentum."""

    name: Literal["lion"] = Field(
        description="steps of the same size for all parameters, by the sign of the momentum"
    )
    learning_rate: float = Field(1e-3, gt=0, description="step size")
    beta1: float = Field(0.9, ge=0, lt=1, description="weight of the past in the direction")
    beta2: float = Field(0.99, ge=0, lt=1, description="fraction of the past kept from step to step")

    slots: ClassVar[int] = 1


OTHER_OPTIMIZERS = {
    **dict.fromkeys(("gd", "gradient_descent", "stochastic_gradient_descent", "vanilla", "batch"), "sgd"),
    **dict.fromkeys(("sgd_momentum", "sgdm", "heavy_ball"), "momentum"),
    **dict.fromkeys(("nag", "sgd_nesterov", "nesterov_momentum"), "nesterov"),
    "adaptive_gradient": "adagrad",
    "rms": "rmsprop",
}

Optimizer: TypeAlias = Annotated[
    Sgd | Momentum | Adagrad | RmsProp | Adam | Lion,
    Field(discriminator="name"),
    other_names(OTHER_OPTIMIZERS),
    by_name("adam"),
]
