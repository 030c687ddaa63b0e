"""The config: every key with its default, its range and its one-line help, written here and nowhere else.

A section that has a ``name`` is a choice: the name picks the model, and with it the other keys. Where
only the name matters the section may be that word alone: ``loss: hinge`` is ``loss: {name: hinge}``.
What a name *does* stands in the table of the same names in its own room (`mlpcli.nn.activations`, ...);
`mlpcli.build` joins the two, and a test holds that neither knows a name that the other does not.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

__all__ = [
    "Data",
    "Experiment",
    "Layer",
    "Loss",
    "Model",
    "Optimizer",
    "Regularization",
    "Training",
    "data_sets",
    "flatten",
    "to_plain",
]


class Section(BaseModel):
    """A mapping in the config; unknown keys and loose types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _problem(message: str, at: tuple[str, ...] = ()) -> PydanticCustomError:
    """Make an error with words of our own, which reach the user as they stand.

    ``at`` is the path of the key to change, where that is not the one being validated.
    """
    return PydanticCustomError("config", "{message}", {"message": message, "at": at})


def _by_name(default: str | None = None) -> BeforeValidator:
    """Read a bare word as the name, and a mapping without a name as the default one."""

    def expand(value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and default is not None:
            return {"name": default, **value}
        return value

    return BeforeValidator(expand)


# ---------------------------------------------------------------------------------------------- data


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
        raise _problem("a path has to name something")
    if len(value) > _LONGEST_PATH:
        raise _problem(f"a path of {len(value):,} characters; at most {_LONGEST_PATH:,} can be opened")
    folder = (info.context or {}).get("folder", Path())
    try:
        return str(os.path.realpath(folder / Path(value).expanduser()))
    except RuntimeError:  # expanduser knows no such user
        raise _problem(f"{value[:60]!r} names a home folder that this machine does not have") from None


def _leave_something(key: str, value: float, info: ValidationInfo) -> float:
    """Check that the fractions up to this one come to no more than all examples."""
    sizes = {**{other: info.data.get(other) for other in ("train_size", "val_size")}, key: value}
    fractions = {other: size for other, size in sizes.items() if isinstance(size, float)}
    total = round(sum(fractions.values()), 9)
    if total > 1 or (total == 1 and "train_size" not in fractions):
        parts = " + ".join(f"{other} {size:g}" for other, size in fractions.items())
        raise _problem(
            f"{parts} is {total:g} of the examples; they have to fit, and to leave some to train on"
        )
    return value


FileName = Annotated[str, AfterValidator(_anchored)]
Standardize = Literal["none", "center", "standardize", "scale"]
Task = Literal["classification", "regression"]


class DataSection(Section):
    """What all data sets share."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    train_size: Size | None = Field(
        None, description="training examples to use; null takes all that are left"
    )
    val_size: Size = Field(0.2, description="part of the examples held out to choose the best epoch")
    standardize: Standardize = Field(
        "standardize",
        description="per feature, from the training split: none; center (subtract the mean); "
        "standardize (then divide by the standard deviation); scale (minimum and maximum to -1 and 1)",
    )

    @field_validator("train_size")
    @classmethod
    def _trains_on_something(cls, train_size: float | None) -> float | None:
        if train_size == 0:
            raise _problem("0 leaves nothing to train on; give a size, or null for all that is left")
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


Data: TypeAlias = Annotated[
    Spiral | Moons | Circles | Blobs | Xor | Sine | Cifar10 | Csv | Npz,
    Field(discriminator="name"),
    _by_name(),
]


def data_sets() -> dict[str, str]:
    """Return the names that ``data.name`` may have, each with a line that says what it is."""
    fields = [section.model_fields["name"] for section in get_args(get_args(Data)[0])]
    return {get_args(field.annotation)[0]: field.description for field in fields}


# --------------------------------------------------------------------------------------------- model


class _ActivationSection(Section):
    """What an activation adds to the parameters and to the work."""

    slopes: ClassVar[int] = 0

    @property
    def work(self) -> int:
        """Numbers a unit needs in a training step besides its output and that output's gradient."""
        return 0

    @property
    def sums(self) -> int:
        """Weighted sums that go into one unit."""
        return getattr(self, "pieces", 1)


class PlainActivation(_ActivationSection):
    """An activation without settings of its own."""

    name: Literal["identity", "sigmoid", "tanh", "relu", "gelu", "silu", "softplus"] = Field(
        description="f in f(Wx + b)"
    )

    @property
    def work(self) -> int:
        return {"gelu": 2, "silu": 2, "softplus": 1}.get(self.name, 0)


class LeakyRelu(_ActivationSection):
    """max(z, alpha z)."""

    name: Literal["leaky_relu"] = Field(description="max(z, alpha z)")
    alpha: float = Field(0.01, ge=0, lt=1, description="slope for negative z")

    @property
    def work(self) -> int:
        return 1


class PRelu(_ActivationSection):
    """A leaky ReLU whose slopes are learned, one a unit."""

    name: Literal["prelu"] = Field(description="a leaky ReLU whose slopes are learned, one a unit")
    alpha: float = Field(0.25, ge=0, lt=1, description="all slopes at first")

    slopes: ClassVar[int] = 1

    @property
    def work(self) -> int:
        return 2


class Maxout(_ActivationSection):
    """The largest of several weighted sums."""

    name: Literal["maxout"] = Field(description="the largest of several weighted sums")
    pieces: int = Field(2, ge=2, le=100, description="weighted sums a unit: so many times the parameters")

    @property
    def work(self) -> int:
        return self.pieces


class Elu(_ActivationSection):
    """z, or alpha (exp(z) - 1) where z is negative."""

    name: Literal["elu"] = Field(description="z, or alpha (exp(z) - 1) where z is negative")
    alpha: float = Field(1.0, gt=0, description="how far below 0 the outputs go")

    @property
    def work(self) -> int:
        return 1


Activation: TypeAlias = Annotated[
    PlainActivation | LeakyRelu | PRelu | Maxout | Elu, Field(discriminator="name"), _by_name("leaky_relu")
]


class _InitSection(Section):
    """What all initialisations share."""

    gain: float = Field(1.0, gt=0, description="what every weight is multiplied by")
    bias: float = Field(0.0, description="all biases at first")


class SpreadInit(_InitSection):
    """Random weights of a variance that follows from the number of connections."""

    name: Literal["auto", "he", "xavier", "lecun"] = Field(
        description="variance of the weights: he 2/fan_in, xavier 2/(fan_in + fan_out), lecun 1/fan_in; "
        "auto takes the one that suits the activation"
    )
    distribution: Literal["normal", "uniform"] = Field("normal", description="what they are drawn from")


class OrthogonalInit(_InitSection):
    """Weight vectors of length 1 at right angles to each other."""

    name: Literal["orthogonal"] = Field(description="vectors of length 1 at right angles to each other")


Init: TypeAlias = Annotated[SpreadInit | OrthogonalInit, Field(discriminator="name"), _by_name("auto")]


class Layer(Section):
    """A hidden layer that differs from the model's defaults."""

    units: int = Field(ge=1, le=1_000_000, description="neurons of the layer")
    activation: Activation | None = Field(None, description="this layer's own; null takes the model's")
    init: Init | None = Field(None, description="this layer's own; null takes the model's")
    batch_norm: bool | None = Field(None, description="this layer's own; null takes the model's")
    dropout: float | None = Field(None, ge=0, lt=1, description="this layer's own; null takes the model's")


def _units(value: Any) -> Any:
    return {"units": value} if isinstance(value, int) and not isinstance(value, bool) else value


HiddenLayer = Annotated[
    Layer,
    BeforeValidator(_units),
    Field(
        json_schema_extra={"allowed": f"a number of units, or a mapping with {', '.join(Layer.model_fields)}"}
    ),
]


class Model(Section):
    """The network: fully-connected layers."""

    hidden: list[HiddenLayer] = Field(
        [Layer(units=100)],
        max_length=1000,
        description="sizes of the hidden layers, as in [100, 50]; [] is a linear classifier",
    )
    activation: Activation = Field(
        PlainActivation(name="relu"), description="of the hidden layers; the output layer has none"
    )
    init: Init = Field(SpreadInit(name="auto"), description="the first weights and biases, of all layers")
    batch_norm: bool = Field(
        False,
        description="normalise the weighted sums of hidden layers over the batch, before activation",
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of a hidden layer's outputs dropped in training"
    )
    input_dropout: float = Field(0.0, ge=0, lt=1, description="share of the inputs dropped in training")
    input_noise: float = Field(
        0.0, ge=0, description="standard deviation of noise on the scaled inputs in training"
    )
    inputs: int | None = Field(None, ge=1, description="features; null asks the data; given, it has to agree")
    outputs: int | None = Field(
        None, ge=1, description="output units; null asks the data; given, it has to agree"
    )


# ---------------------------------------------------------------------------------------------- loss


class _LossSection(Section):
    """What a loss has to be known by before there is any data."""

    task: ClassVar[Task] = "classification"
    binary: ClassVar[bool] = False


def _weights(value: Any) -> Any:
    if value in (None, "balanced"):
        return value
    if not isinstance(value, list) or not value:
        raise ValueError
    if any(
        isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight < 0 for weight in value
    ):
        raise ValueError
    if not any(value):
        raise ValueError
    return [float(weight) for weight in value]


ClassWeights = Annotated[
    Any,
    PlainValidator(_weights),
    WithJsonSchema({"allowed": "balanced, null, or a list of weights of 0 or more, one a class, not all 0"}),
]


class CrossEntropy(_LossSection):
    """Softmax classifier: -log of the probability of the right class."""

    name: Literal["cross_entropy"] = Field(description="softmax classifier")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target spread over all classes")
    class_weights: ClassWeights = Field(
        None,
        description="how much each class counts: a list, in the order of the classes; balanced makes up for "
        "their number in the training split; null counts every example alike",
    )


class Hinge(_LossSection):
    """Multiclass SVM (Weston-Watkins): every wrong class that comes within the margin costs."""

    name: Literal["hinge"] = Field(description="multiclass SVM")
    delta: float = Field(1.0, gt=0, description="the margin")
    squared: bool = Field(False, description="square what breaks the margin (an L2-SVM)")


class BinaryLoss(_LossSection):
    """One output unit for two classes: logistic regression, or the two-class SVM."""

    binary: ClassVar[bool] = True

    name: Literal["binary_cross_entropy", "binary_hinge"] = Field(
        description="one output for two classes: logistic, or SVM"
    )


class PlainRegression(_LossSection):
    """Mean squared or absolute error of a regression."""

    task: ClassVar[Task] = "regression"

    name: Literal["mse", "mae"] = Field(description="mean squared or absolute error, for a regression")


class Huber(_LossSection):
    """Squares small errors of a regression, and only measures large ones."""

    task: ClassVar[Task] = "regression"

    name: Literal["huber"] = Field(description="squares small errors of a regression, measures large ones")
    delta: float = Field(1.0, gt=0, description="where small ends, in standard deviations of the targets")


Loss: TypeAlias = Annotated[
    CrossEntropy | Hinge | BinaryLoss | PlainRegression | Huber, Field(discriminator="name"), _by_name()
]

# ----------------------------------------------------------------------------------------- optimizer


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
    Constant | Step | Exponential | Cosine | OneCycle | Plateau, Field(discriminator="name"), _by_name()
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
    Sgd | Momentum | Adagrad | RmsProp | Adam | Lion, Field(discriminator="name"), _by_name("adam")
]

# ------------------------------------------------------------------------ regularization, training


class Regularization(Section):
    """What keeps the weights small; biases and slopes are never penalised."""

    l1: float = Field(0.0, ge=0, description="adds l1 * sum(abs(W)) to the loss; with l2 an elastic net")
    l2: float = Field(
        1e-4, ge=0, description="adds 0.5 * l2 * sum(W**2) to the loss, whatever the batch size"
    )
    weight_decay: float | None = Field(
        None,
        ge=0,
        description="shrinks W by learning_rate * weight_decay before each step, apart from the gradient; "
        "null: 0.01 with adamw, else 0",
    )
    max_norm: float | None = Field(
        None, gt=0, description="longest vector of weights into one unit; null sets no limit"
    )


class Training(Section):
    """The loop."""

    epochs: int = Field(100, ge=1, le=10_000_000, description="passes over the training split")
    batch_size: int = Field(32, ge=1, le=1_000_000, description="examples a step")
    patience: int | None = Field(
        None,
        ge=1,
        description="stop after so many epochs without a better validation score; null never stops early",
    )
    seed: int = Field(
        0, ge=0, lt=2**32, description="of everything that is random: data, split, weights, batches"
    )
    checkpoint_every: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description="also save last.npz every so many steps; null saves at the end of epochs alone, "
        "once a second at most",
    )
    snapshots: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="keep the weights of so many epochs, from the first to the last, for mlp plot --animate; "
        "null keeps none",
    )


class Experiment(Section):
    """A whole config file."""

    data: Data = Field(description="what to learn from")
    model: Model = Field(Model(), description="the network")
    loss: Loss = Field(
        None,
        validate_default=True,
        description="what training makes small; left out, cross_entropy, or mse for a regression",
    )
    optimizer: Optimizer = Field(Adam(name="adam"), description="how the weights follow the gradient")
    regularization: Regularization = Field(Regularization(), description="what keeps the weights small")
    training: Training = Field(Training(), description="the loop")

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, value: Any) -> Any:
        """Read a section with nothing under it as one that is not there, where it may be left out."""
        if not isinstance(value, dict):
            return value
        optional = {key for key, section in cls.model_fields.items() if not section.is_required()}
        return {key: item for key, item in value.items() if item is not None or key not in optional}

    @field_validator("model")
    @classmethod
    def _model_fits_data(cls, model: Model, info: ValidationInfo) -> Model:
        data = info.data.get("data")
        if data is not None and None not in (data.inputs, model.inputs) and data.inputs != model.inputs:
            raise _problem(
                f"{model.inputs} does not fit {data.name}, which has {data.inputs} to an example; delete it",
                ("model", "inputs"),
            )
        return model

    @field_validator("loss", mode="before")
    @classmethod
    def _default_loss(cls, loss: Any, info: ValidationInfo) -> Any:
        if loss is None:
            data = info.data.get("data")
            return {"name": "mse" if data is not None and data.tasks == ("regression",) else "cross_entropy"}
        return loss

    @field_validator("loss")
    @classmethod
    def _loss_fits_data(cls, loss: Any, info: ValidationInfo) -> Any:
        data, model = info.data.get("data"), info.data.get("model")
        if data is None:
            return loss
        if loss.task not in data.tasks:
            kinds = {"regression": ("numbers", "mse"), "classification": ("classes", "cross_entropy")}
            what, fitting = kinds[data.tasks[0]]
            raise _problem(
                f"{loss.name} does not fit {data.name}, which has {what} to predict; use {fitting}"
            )
        targets = data.targets(loss.task)
        if loss.binary and targets not in (2, None):
            raise _problem(
                f"{loss.name} has one output for two classes, and {data.name} has {targets}; "
                "use cross_entropy or hinge"
            )
        weights = getattr(loss, "class_weights", None)
        if isinstance(weights, list) and targets not in (len(weights), None):
            raise _problem(
                f"class_weights has {len(weights)} weights, and {data.name} has {targets} classes; "
                "give one for each"
            )
        outputs = 1 if loss.binary else targets
        if model is not None and None not in (outputs, model.outputs) and outputs != model.outputs:
            raise _problem(
                f"{model.outputs} does not fit {loss.name} on {data.name}, which takes {outputs}; delete it",
                ("model", "outputs"),
            )
        return loss

    def widths(self, inputs: int | None = None, targets: int | None = None) -> tuple[int, ...] | None:
        """Return (inputs, hidden ..., outputs) of the network.

        ``inputs`` and ``targets`` (classes, or values of a regression) are what the data turned out to have;
        without them the config has to tell. Returns None where it does not.
        """
        inputs = inputs or self.data.inputs or self.model.inputs
        outputs = (
            1 if self.loss.binary else targets or self.data.targets(self.loss.task) or self.model.outputs
        )
        if inputs is None or outputs is None:
            return None
        return (inputs, *(layer.units for layer in self.model.hidden), outputs)

    @property
    def weight_decay(self) -> float:
        """How strong the decoupled weight decay is."""
        asked = self.regularization.weight_decay
        return asked if asked is not None else 0.01 if self.optimizer.name == "adamw" else 0.0

    def kinds(self) -> list[tuple[int, int, int]]:
        """Return how many sums and learned slopes a unit of each layer has, and norm parameters a sum.

        The output layer is the last of them.
        """
        model = self.model
        kinds = []
        for layer in model.hidden:
            activation = layer.activation or model.activation
            normed = model.batch_norm if layer.batch_norm is None else layer.batch_norm
            kinds.append((activation.sums, activation.slopes, 2 if normed else 0))
        return [*kinds, (1, 0, 0)]


def to_plain(section: Section) -> dict[str, Any]:
    """Return a config section as plain values, complete but without needless nesting.

    It reads back to the same section: ``{name: relu}`` becomes ``relu``, ``{units: 100}`` becomes 100.
    """

    def shorten(value: Any) -> Any:
        if isinstance(value, list):
            return [shorten(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "units" in value:
            value = {key: item for key, item in value.items() if item is not None}
            if len(value) == 1:
                return value["units"]
        if "name" in value:  # it says how to read the rest
            value = {"name": value["name"], **value}
        value = {key: shorten(item) for key, item in value.items()}
        return value["name"] if value.keys() == {"name"} else value

    plain: dict[str, Any] = shorten(section.model_dump())
    return plain


def flatten(plain: Any, prefix: str = "") -> dict[str, Any]:
    """Return a plain config as dotted keys: ``{loss: {delta: 1}}`` becomes ``{loss.delta: 1}``."""
    if not isinstance(plain, dict):
        return {prefix: plain}
    return {
        key: item
        for name, part in plain.items()
        for key, item in flatten(part, f"{prefix}.{name}" if prefix else name).items()
    }
