"""The section ``model``: the network."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from mlpcli.config.schema.section import Section, by_name

__all__ = ["Activation", "Init", "Layer", "Model"]


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
    PlainActivation | LeakyRelu | PRelu | Maxout | Elu, Field(discriminator="name"), by_name("leaky_relu")
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


Init: TypeAlias = Annotated[SpreadInit | OrthogonalInit, Field(discriminator="name"), by_name("auto")]


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
