"""The section ``model``: the network."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from mlpcli.config.schema.section import Section, by_name, other_names, problem, written
from mlpcli.specs import Window

__all__ = ["TWINS", "Activation", "Init", "Layer", "Model"]


class PlainActivation(Section):
    """An activation without settings of its own."""

    name: Literal["identity", "sigmoid", "tanh", "relu", "selu", "gelu", "silu", "mish", "softplus"] = Field(
        description="f in f(Wx + b)"
    )


class LeakyRelu(Section):
    """A ReLU with a slope for negative z: max(z, alpha z)."""

    name: Literal["leaky_relu"] = Field(description="max(z, alpha z)")
    alpha: float = Field(0.01, ge=0, lt=1, description="slope for negative z")


class PRelu(Section):
    """A leaky ReLU whose slopes are learned, one for each unit."""

    name: Literal["prelu"] = Field(description="a leaky ReLU whose slopes are learned, one for each unit")
    alpha: float = Field(0.25, ge=0, lt=1, description="initial value of all slopes")


class Maxout(Section):
    """The largest of several weighted sums."""

    name: Literal["maxout"] = Field(description="the largest of several weighted sums")
    pieces: int = Field(
        2, ge=2, le=100, description="weighted sums per unit; multiplies the number of parameters"
    )


class Elu(Section):
    """z, or alpha (exp(z) - 1) if z is negative."""

    name: Literal["elu"] = Field(description="z, or alpha (exp(z) - 1) if z is negative")
    alpha: float = Field(1.0, gt=0, description="outputs are above -alpha")


OTHER_ACTIVATIONS = {
    **dict.fromkeys(("linear", "none", "no", "null"), "identity"),
    **dict.fromkeys(("logistic", "expit"), "sigmoid"),
    **dict.fromkeys(("hyperbolic_tangent", "hyperbolic"), "tanh"),
    **dict.fromkeys(("rectifier", "rectified_linear", "rectified_linear_unit"), "relu"),
    **dict.fromkeys(("lrelu", "leaky"), "leaky_relu"),
    **dict.fromkeys(("swish", "sigmoid_weighted_linear_unit"), "silu"),
    "parametric_relu": "prelu",
    "gelu_tanh": "gelu",
}

Activation: TypeAlias = Annotated[
    PlainActivation | LeakyRelu | PRelu | Maxout | Elu,
    Field(discriminator="name"),
    other_names(OTHER_ACTIVATIONS),
    by_name("leaky_relu"),
]


class _InitSection(Section):
    """The settings that all initializations share."""

    gain: float = Field(1.0, gt=0, le=1e30, description="factor that multiplies every weight")
    bias: float = Field(0.0, ge=-1e30, le=1e30, description="initial value of all biases")
    bias_spread: float = Field(
        0.0,
        ge=0,
        le=1e30,
        description="biases are drawn evenly from bias - bias_spread to bias + bias_spread",
    )


class SpreadInit(_InitSection):
    """Random weights whose variance depends on the number of connections."""

    name: Literal["auto", "he", "xavier", "lecun"] = Field(
        description="variance of the weights: he 2/fan_in, xavier 2/(fan_in + fan_out), lecun 1/fan_in; "
        "auto uses the one that suits the activation"
    )
    distribution: Literal["normal", "uniform"] = Field("normal", description="distribution of the weights")


class OrthogonalInit(_InitSection):
    """Weight vectors of length 1 that are orthogonal to each other."""

    name: Literal["orthogonal"] = Field(
        description="weight vectors of length 1 that are orthogonal to each other"
    )


OTHER_INITS = {
    **dict.fromkeys(
        ("glorot", "glorot_uniform", "glorot_normal", "xavier_uniform", "xavier_normal"), "xavier"
    ),
    **dict.fromkeys(
        ("kaiming", "kaiming_uniform", "kaiming_normal", "he_uniform", "he_normal", "msra"), "he"
    ),
    **dict.fromkeys(("lecun_uniform", "lecun_normal"), "lecun"),
    **dict.fromkeys(("ortho", "orthonormal"), "orthogonal"),
    **dict.fromkeys(("default", "random", "normal", "uniform"), "auto"),
}

Init: TypeAlias = Annotated[
    SpreadInit | OrthogonalInit, Field(discriminator="name"), other_names(OTHER_INITS), by_name("auto")
]


TWINS = {"norm": "batch_norm", "batch_norm": "norm"}  # keys that are two spellings of one setting


def _norm_from_batch_norm(value: Any) -> Any:
    """Read ``batch_norm: true`` as ``norm: batch``, and ``batch_norm: false`` as ``norm: none``."""
    if not isinstance(value, dict) or "batch_norm" not in value:
        return value
    section = dict(value)
    wanted, norm = section.pop("batch_norm"), section.get("norm")
    if wanted is None:
        return section
    if not isinstance(wanted, bool):
        raise problem(
            f"batch_norm is {wanted!r:.50}; it must be true or false, short for norm: batch and norm: none"
        )
    if norm is None:
        return {**section, "norm": "batch" if wanted else "none"}
    if wanted == (norm == "batch"):
        return section
    raise problem(f"batch_norm: {str(wanted).lower()} contradicts norm: {norm}; delete batch_norm")


def _if_batch_norm(value: bool, norm: dict[str, Any]) -> dict[str, Any]:
    """Return in JSON schema what ``norm`` may be beside ``batch_norm: value``."""
    return {
        "if": {"properties": {"batch_norm": {"const": value}}, "required": ["batch_norm"]},
        "then": {"properties": {"norm": norm}},
    }


class _Normed(Section):
    """A section with a ``norm``, which may also be written as ``batch_norm: true``."""

    model_config = ConfigDict(
        json_schema_extra={
            "written": {
                "properties": {
                    "batch_norm": {
                        "type": ["boolean", "null"],
                        "description": "Short for norm: batch, and for norm: none.",
                    }
                },
                "allOf": [
                    _if_batch_norm(True, {"enum": ["batch", None]}),
                    _if_batch_norm(False, {"not": {"const": "batch"}}),
                ],
            }
        }
    )

    @model_validator(mode="before")
    @classmethod
    def _batch_norm(cls, value: Any) -> Any:
        return _norm_from_batch_norm(value)


OTHER_NORMS = {
    **dict.fromkeys(("batch_norm", "batch_norm_1d", "batch_normalization", "bn"), "batch"),
    **dict.fromkeys(("layer_norm", "layer_normalization", "ln"), "layer"),
    **dict.fromkeys(("no", "off", "false"), "none"),
}
Norm: TypeAlias = Annotated[Literal["none", "batch", "layer"], other_names(OTHER_NORMS)]
_OWN = "for this layer; null means as in model"
_OWN_KEYS = {"units", "window", "stride"}  # of a layer, which a model has not


class Layer(_Normed):
    """A hidden layer that differs from the model's defaults."""

    units: int = Field(
        ge=1, le=1_000_000, description="neurons of the layer; with a window, neurons at each place of it"
    )
    window: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="side, in pixels, of the square window through which a unit sees an image; it is moved "
        "over the image, and the units at each place have weights of their own (a locally connected layer); "
        "null: each unit sees all",
    )
    stride: int | None = Field(
        None, ge=1, le=100_000, description="pixels from one place of the window to the next; null: 1"
    )
    activation: Activation | None = Field(None, description=_OWN)
    init: Init | None = Field(None, description=_OWN)
    norm: Norm | None = Field(None, description=_OWN)
    residual: bool | None = Field(None, description=_OWN)
    dropout: float | None = Field(None, ge=0, lt=1, description=_OWN)


def _units(value: Any) -> Any:
    return {"units": value} if isinstance(value, int) and not isinstance(value, bool) else value


HiddenLayer = Annotated[
    Layer,
    BeforeValidator(_units),
    Field(
        json_schema_extra={
            "allowed": f"a number of units, or a mapping with {', '.join(Layer.model_fields)}",
            "alone": "units",
        }
    ),
]


def _one_layer(value: Any) -> Any:
    """Read the number of units of a single hidden layer as a list of one."""
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


def _linear_path(value: Any) -> Any:
    """Read true as ``learned``, and false as ``none``."""
    return {True: "learned", False: "none"}[value] if isinstance(value, bool) else value


LinearPath: TypeAlias = Annotated[
    Literal["none", "learned", "fitted"],
    BeforeValidator(_linear_path),
    written({"enum": ["none", "learned", "fitted", True, False]}),
]


class Model(_Normed):
    """The network: fully connected layers, and before them layers of units that see a part of an image."""

    hidden: Annotated[list[HiddenLayer], BeforeValidator(_one_layer)] = Field(
        [Layer(units=100)],
        max_length=1000,
        json_schema_extra={"single": True},
        description="sizes of the hidden layers, as in [100, 50], or 100 for a single one; [] is a linear "
        "classifier",
    )
    activation: Activation = Field(
        PlainActivation(name="relu"), description="activation of the hidden layers; the output layer has none"
    )
    init: Init = Field(SpreadInit(name="auto"), description="initial weights and biases of all layers")
    output_gain: float = Field(
        1.0,
        ge=0,
        le=1e30,
        description="factor of the initial weights of the output layer, and of the spread of its biases; "
        "with 0 the network begins with its biases as outputs",
    )
    norm: Norm = Field(
        "none",
        description="normalization of the weighted sums of hidden layers: batch (each unit over the batch), "
        "layer (each example over the units); batch_norm: true means norm: batch",
    )
    residual: bool = Field(
        False,
        description="add the input of a hidden layer to its output, through a matrix if the widths differ",
    )
    members: int = Field(
        1,
        ge=1,
        le=1000,
        description="networks of this shape that are trained side by side, each from initial weights and "
        "with batches of its own; their probabilities, scores or values are averaged",
    )
    linear_path: LinearPath = Field(
        "none",
        description="add a linear function of the inputs to the outputs: learned starts at 0 and is trained "
        "with the network (true means this); fitted is a ridge or logistic regression, which training does "
        "not change",
    )
    clip_outputs: bool = Field(
        False,
        description="keep the predictions of a regression within the range of the training targets",
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of a hidden layer's outputs dropped in training"
    )
    input_dropout: float = Field(0.0, ge=0, lt=1, description="share of the inputs dropped in training")
    input_noise: float = Field(
        0.0, ge=0, description="standard deviation of noise on the scaled inputs in training"
    )
    inputs: int | None = Field(
        None, ge=1, description="number of inputs; null takes it from the data, a number must match them"
    )
    outputs: int | None = Field(
        None, ge=1, description="number of outputs; null takes it from the data, a number must match them"
    )

    @model_validator(mode="after")
    def _windows_are_plain(self) -> "Model":
        """Refuse windows where there is no image, and what does not go with them."""
        for i, layer in enumerate(self.hidden):
            at = ("model", "hidden", i)
            if layer.window is None:
                if layer.stride is not None:
                    raise problem(
                        f"{layer.stride} is for a window, and this layer has none; add window, or leave "
                        "stride out",
                        (*at, "stride"),
                    )
                continue
            if i and self.hidden[i - 1].window is None:
                raise problem(
                    f"{layer.window} needs an image, and the layer before is fully connected; layers with a "
                    "window come first",
                    (*at, "window"),
                )
            if self.members > 1:
                raise problem(
                    f"{layer.window} does not go with members: {self.members}; leave one of them out",
                    (*at, "window"),
                )
            if self.resolved(layer).residual:
                raise problem(
                    f"{layer.window} does not go with residual: true; set residual: false for this layer",
                    (*at, "window"),
                )
        return self

    @model_validator(mode="after")
    def _members_are_plain(self) -> "Model":
        """Refuse several members where a layer has parameters that they would have to share."""
        for i, section in enumerate(self.hidden) if self.members > 1 else ():
            layer: Any = self.resolved(section)
            for key, value, plain in (
                ("norm", layer.norm, "none"),
                ("residual", layer.residual, False),
                ("activation", layer.activation.name, None),
            ):
                if value == "prelu" or plain not in (None, value):
                    shown = str(value).lower()
                    at = ("hidden", i) if getattr(section, key) is not None else ()
                    raise problem(
                        f"members: {self.members} does not go with {key}: {shown}; leave one of them out",
                        ("model", *at, key),
                    )
        return self

    def resolved(self, layer: Layer) -> Layer:
        """Return a hidden layer in which no key is null: those that were have the model's values."""
        own = layer.model_dump(exclude=_OWN_KEYS, exclude_none=True)
        shared = {key: getattr(self, key) for key in Layer.model_fields.keys() - _OWN_KEYS - own.keys()}
        return layer.model_copy(update=shared)

    @property
    def has_windows(self) -> bool:
        """Whether there are layers whose units see only a part of the image."""
        return any(layer.window is not None for layer in self.hidden)

    def windows(self, image: tuple[int, int, int]) -> list[Window | None]:
        """Return the windows of each hidden layer, None for a fully connected one.

        ``image`` is (channels, rows, columns), of a square one. Raises PydanticCustomError if a window is
        larger than the image that it is moved over.
        """
        found: list[Window | None] = []
        channels, side, planes = image[0], image[1], True
        for i, layer in enumerate(self.hidden):
            if layer.window is None:
                found.append(None)
                continue
            if layer.window > side:
                of = "the image" if planes else "what the layer before puts out"
                raise problem(
                    f"{layer.window} is larger than {of}, {side} x {side}; give at most {side}",
                    ("model", "hidden", i, "window"),
                )
            window = Window(channels, side, layer.window, layer.stride or 1, planes=planes)
            found.append(window)
            channels, side, planes = layer.units, window.across, False
        return found
