"""Plans the layers of a network from its config, without NumPy: one entry for each kind of unit and norm.

An entry says which arrays and buffers a layer needs. The code that computes it has the same name elsewhere:
the class of a layer in `mlpcli.nn.layers`, the functions of an elementwise activation in
`mlpcli.nn.activations`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from mlpcli.config.schema import Experiment, Layer, Model
from mlpcli.specs import ArraySpec, BufferSpec, LayerSpec, NetworkSpec, Window

__all__ = ["NORMS", "UNITS", "Unit", "plan_experiment", "plan_network", "plan_widths"]

# Takes the number of the layer, its units and the settings of the activation.
PlanUnit: TypeAlias = Callable[[int, int, dict[str, Any]], LayerSpec]


@dataclass(frozen=True)
class Unit:
    """A kind of unit: ``plan`` specifies the layer that follows the weighted sums.

    ``init`` is the initialization that suits it.
    """

    plan: PlanUnit
    init: str


def _elementwise(init: str, scratch: int = 0, masks: int = 0) -> Unit:
    """Specify a function that is applied to each weighted sum by itself, in place.

    It needs ``scratch`` buffers of numbers and ``masks`` buffers of booleans, each as large as the outputs.
    """

    def plan(number: int, units: int, settings: dict[str, Any]) -> LayerSpec:
        buffers = [BufferSpec(f"scratch{i}", units) for i in range(scratch)]
        buffers += [BufferSpec(f"mask{i}", units, mask=True) for i in range(masks)]
        return LayerSpec("elementwise", number, units, units, settings, buffers=tuple(buffers))

    return Unit(plan, init)


def _prelu(number: int, units: int, settings: dict[str, Any]) -> LayerSpec:
    return LayerSpec(
        "prelu",
        number,
        units,
        units,
        settings,
        parameters=(ArraySpec("a", f"a{number}", (units,), "slopes"),),
        buffers=(BufferSpec("negative", units), BufferSpec("slope", units)),
    )


def _maxout(number: int, units: int, settings: dict[str, Any]) -> LayerSpec:
    sums = units * settings["pieces"]
    return LayerSpec(
        "maxout",
        number,
        sums,
        units,
        settings,
        buffers=(
            BufferSpec("Y", units, keeps=True),
            BufferSpec("dX", sums),
            BufferSpec("free", units, mask=True),
            BufferSpec("chosen", units, mask=True),
        ),
    )


UNITS: dict[str, Unit] = {
    "identity": _elementwise("lecun"),
    "sigmoid": _elementwise("xavier"),
    "tanh": _elementwise("xavier"),
    "relu": _elementwise("he", masks=1),
    "leaky_relu": _elementwise("he", scratch=1),
    "prelu": Unit(_prelu, "he"),
    "maxout": Unit(_maxout, "lecun"),
    "elu": _elementwise("he", scratch=1),
    "selu": _elementwise("lecun", scratch=1),
    "gelu": _elementwise("he", scratch=2),
    "silu": _elementwise("he", scratch=2),
    "mish": _elementwise("he", scratch=3),
    "softplus": _elementwise("he", scratch=2),
}


def _gamma_and_beta(number: int, width: int) -> tuple[ArraySpec, ...]:
    return tuple(
        ArraySpec(role, f"{role}{number}", (width,), "norm_parameters") for role in ("gamma", "beta")
    )


def _batch_norm(number: int, width: int) -> LayerSpec:
    return LayerSpec(
        "batch_norm",
        number,
        width,
        width,
        parameters=_gamma_and_beta(number, width),
        state=(
            ArraySpec("running_mean", f"mean{number}", (width,)),
            ArraySpec("running_var", f"var{number}", (width,), non_negative=True),
        ),
        buffers=(BufferSpec("Xhat", width, keeps=True), BufferSpec("scratch", width)),
    )


def _layer_norm(number: int, width: int) -> LayerSpec:
    return LayerSpec(
        "layer_norm",
        number,
        width,
        width,
        parameters=_gamma_and_beta(number, width),
        buffers=(
            BufferSpec("Xhat", width, keeps=True),
            BufferSpec("scratch", width),
            BufferSpec("mean", 1),
            BufferSpec("inverse", 1, keeps=True),
        ),
    )


NORMS: dict[str, Callable[[int, int], LayerSpec]] = {
    "batch": _batch_norm,
    "layer": _layer_norm,
}


def _dense(
    number: int, fan_in: int, units: int, pieces: int, init: dict[str, Any], members: int
) -> LayerSpec:
    """Specify a fully connected layer; where there are several members, each has a matrix of its own."""
    sums = units * pieces
    own = () if members == 1 else (members,)
    buffers = [BufferSpec("Y", sums, keeps=True)]
    if number > 1:  # the gradient with respect to the network's inputs is not needed
        buffers.append(BufferSpec("dX", fan_in))
    return LayerSpec(
        "members_dense" if own else "dense",
        number,
        fan_in,
        sums,
        {"units": units, "init": init},
        parameters=(
            ArraySpec("W", f"W{number}", (*own, fan_in, sums), "weights", penalized=True),
            ArraySpec("b", f"b{number}", (*own, sums), "biases"),
        ),
        buffers=tuple(buffers),
    )


def _local(number: int, window: Window, units: int, pieces: int, init: dict[str, Any]) -> LayerSpec:
    """Specify a layer whose ``units`` at each place see a window of an image, with weights of their own."""
    inputs, sums = window.channels * window.side**2, units * pieces
    buffers = [
        BufferSpec("Y", window.places * sums, keeps=True),
        BufferSpec("seen", window.places * window.fan_in, keeps=True),
        BufferSpec("apart", window.places * sums),
    ]
    if number > 1:
        buffers.append(BufferSpec("dX", inputs))
    return LayerSpec(
        "local",
        number,
        inputs,
        window.places * sums,
        {"units": units, "init": init},
        parameters=(
            ArraySpec("W", f"W{number}", (window.places, window.fan_in, sums), "weights", penalized=True),
            ArraySpec("b", f"b{number}", (window.places * sums,), "biases"),
        ),
        buffers=tuple(buffers),
        window=window,
    )


def _linear_path(inner: Sequence[LayerSpec], widths: Sequence[int], model: Model) -> LayerSpec:
    """Specify a layer that adds a linear function X V of the network's inputs to the output of all others.

    If V is fitted, training does not change it, and it is not penalized.
    """
    inputs, outputs, learned = widths[0], widths[-1], model.linear_path == "learned"
    own = () if model.members == 1 else (model.members,)
    V = ArraySpec("V", "V", (*own, inputs, outputs), "linear_path" if learned else None, penalized=learned)
    return LayerSpec(
        "linear_path",
        len(widths) - 1,
        inputs,
        outputs,
        parameters=(V,) if learned else (),
        state=() if learned else (V,),
        buffers=(BufferSpec("linear", outputs),),
        inner=tuple(inner),
    )


def _clip(outputs: int) -> LayerSpec:
    """Specify a layer that keeps outputs within a range, which the training targets set."""
    state = (ArraySpec("low", "low", (outputs,)), ArraySpec("high", "high", (outputs,)))
    return LayerSpec("clip", 1, outputs, outputs, state=state)


def _residual(inner: Sequence[LayerSpec], init: dict[str, Any]) -> LayerSpec:
    """Specify a layer that adds its input to the output of its inner layers.

    If the widths differ, a matrix P projects the input (He et al., 2016, "projection shortcut").
    """
    number, fan_in, fan_out = inner[0].number, inner[0].fan_in, inner[-1].fan_out
    buffers = [BufferSpec("Y", fan_out, keeps=True), BufferSpec("dY", fan_out)]
    projection: tuple[ArraySpec, ...] = ()
    if fan_in != fan_out:
        projection = (ArraySpec("P", f"P{number}", (fan_in, fan_out), "projections", penalized=True),)
        buffers.append(BufferSpec("projected", fan_out))
        if number > 1:
            buffers.append(BufferSpec("dX", fan_in))
    return LayerSpec(
        "residual",
        number,
        fan_in,
        fan_out,
        {"init": init},
        parameters=projection,
        buffers=tuple(buffers),
        inner=tuple(inner),
    )


def _dropout(number: int, width: int, p: float) -> LayerSpec:
    buffers = (BufferSpec("Y", width), BufferSpec("mask", width))
    return LayerSpec("dropout", number, width, width, {"p": p}, buffers=buffers)


def _noise(width: int, std: float) -> LayerSpec:
    buffers = (BufferSpec("Y", width), BufferSpec("drawn", width))
    return LayerSpec("noise", 1, width, width, {"std": std}, buffers=buffers)


def plan_experiment(experiment: Experiment, widths: Sequence[int]) -> NetworkSpec:
    """Return the layers of the network of an experiment, with the ``widths`` that it has; see there."""
    return plan_network(experiment.model, widths, experiment.windows(widths[0]))


def plan_network(
    model: Model, widths: Sequence[int], windows: Sequence[Window | None] | None = None
) -> NetworkSpec:
    """Return the layers of the network with ``widths``, which are (inputs, hidden ..., outputs).

    ``windows`` are what units see, of each hidden layer, if they do not see all. The output layer has no
    activation, because losses take logits.
    """
    layers = list(_layers(model, widths, windows or [None] * len(model.hidden)))
    if model.linear_path != "none":
        layers = [_linear_path(layers, widths, model)]
    if model.clip_outputs:
        layers.append(_clip(widths[-1]))
    if model.members > 1:
        layers = [_of_members(layer, model.members) for layer in layers]
    return NetworkSpec(tuple(widths), tuple(layers), model.members)


def _of_members(layer: LayerSpec, members: int) -> LayerSpec:
    """Return a layer with a row for each member, and so its inner layers."""
    inner = tuple(_of_members(each, members) for each in layer.inner)
    return replace(layer, rows=members, inner=inner)


def plan_widths(widths: Sequence[int]) -> NetworkSpec:
    """Return the layers of the network with ``widths``, of any size, and the defaults of a config."""
    hidden = [Layer.model_construct(units=units) for units in widths[1:-1]]  # without the limits of a config
    return plan_network(Model.model_construct(hidden=hidden), widths)


def _layers(model: Model, widths: Sequence[int], windows: Sequence[Window | None]) -> Iterator[LayerSpec]:
    if model.input_noise:
        yield _noise(widths[0], model.input_noise)
    dropout = model.input_dropout
    for number, section in enumerate(model.hidden, 1):
        fan_in, units = widths[number - 1], widths[number]
        layer: Any = model.resolved(section)  # no key of it is None
        if dropout:
            yield _dropout(number, fan_in, dropout)
        unit, settings = UNITS[layer.activation.name], layer.activation.model_dump()
        pieces = settings.get("pieces", 1)
        init, window = _init(layer.init, unit.init), windows[number - 1]
        if window is None:
            block = [_dense(number, fan_in, units, pieces, init, model.members)]
        else:
            block = [_local(number, window, layer.units, pieces, init)]
        if layer.norm != "none":
            block.append(NORMS[layer.norm](number, block[0].fan_out))
        block.append(unit.plan(number, units, settings))
        if layer.residual:
            yield _residual(block, _init(layer.init, "lecun"))
        else:
            yield from block
        dropout = layer.dropout
    number = len(widths) - 1
    if dropout:
        yield _dropout(number, widths[-2], dropout)
    init = _init(model.init, "lecun")
    init["gain"] *= model.output_gain
    init["bias_spread"] *= model.output_gain
    yield _dense(number, widths[-2], widths[-1], 1, init, model.members)


def _init(section: Any, suitable: str) -> dict[str, Any]:
    """Return the settings of an initialization; ``suitable`` is the one to use if the config says auto."""
    settings: dict[str, Any] = section.model_dump()
    return {**settings, "name": suitable} if section.name == "auto" else settings
