"""What a checkpoint computes, from the cells of a table to its predictions, as a graph of steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.parts import build_loss
from mlpcli.data.kinds import Kind
from mlpcli.data.labels import MISSING
from mlpcli.data.table.dates import DATE_PARTS
from mlpcli.data.table.guesses import BOOLEANS
from mlpcli.data.target_transform import Quantiles, TargetTransform
from mlpcli.data.terms import FUNCTIONS
from mlpcli.data.transform import Transform
from mlpcli.data.whitening import Whitening
from mlpcli.export.symbols import Symbol, choose, concatenate, constant, step, steps_of, within
from mlpcli.nn.layer import Layer
from mlpcli.nn.layers import Dense, LinearPath, MembersDense, Residual
from mlpcli.nn.local import Local
from mlpcli.nn.network import Network
from mlpcli.nn.windows import inputs_seen
from mlpcli.specs import BufferSpec
from mlpcli.terms import TERMS
from mlpcli.training.checkpoints import Checkpoint, Member, name_prefix

__all__ = ["Graph", "build_graph", "class_labels", "dates_of"]

OUTPUTS = ("label", "probabilities", "scores", "variable")


@dataclass(frozen=True)
class Graph:
    """``inputs`` and ``outputs`` by their names; ``columns`` has the columns of each input."""

    inputs: Mapping[str, Symbol]
    outputs: Mapping[str, Symbol]
    columns: Mapping[str, tuple[str, ...]]

    @property
    def is_matrix(self) -> bool:
        """Whether all columns are numbers, and the one input is ``X``; else each column is an input."""
        return not any(symbol.dtype.hasobject for symbol in self.inputs.values())


def build_graph(checkpoint: Checkpoint) -> Graph:
    """Return the graph of a checkpoint.

    Where all columns hold numbers there is one input ``X`` (n, columns). Else each column is an input (n, 1):
    text for categories and booleans. The outputs are ``label`` (n,), and ``probabilities`` or, of an SVM,
    ``scores``, both (n, classes); of a regression ``variable`` (n, targets).
    """
    inputs, columns, numbers, texts = _inputs(checkpoint)
    members = checkpoint.members
    each = [_logits(number, member, numbers, texts, checkpoint) for number, member in enumerate(members, 1)]
    if checkpoint.classes is None:
        outputs = {"variable": _values(each, members)}
    else:
        outputs = _classes(each, checkpoint)
    for name, symbol in outputs.items():
        symbol.node.name = name
    _name_constants(outputs, checkpoint)
    return Graph(inputs, outputs, columns)


def class_labels(classes: Sequence[str]) -> NDArray[Any]:
    """Return the names of classes: int64 where all are whole numbers, else objects that are texts."""
    if all(name.isascii() and name.lstrip("-").isdigit() and str(int(name)) == name for name in classes):
        numbers = [int(name) for name in classes]
        if all(-(2**63) <= number < 2**63 for number in numbers):
            return np.array(numbers, np.int64)
    return np.array(classes, object)


def dates_of(checkpoint: Checkpoint) -> dict[str, list[str]]:
    """Return the columns of dates, and which of their parts the network takes as columns of numbers."""
    data: Any = checkpoint.experiment.data
    read_as = getattr(data, "columns", None) or {}
    dates = {
        name: [part for part in DATE_PARTS if f"{name} {part}" in checkpoint.columns]
        for name, kind in read_as.items()
        if kind == "date"
    }
    return {name: parts for name, parts in dates.items() if parts}


# ------------------------------------------------------------------------------------------------ columns


def _inputs(
    checkpoint: Checkpoint,
) -> tuple[dict[str, Symbol], dict[str, tuple[str, ...]], Symbol, dict[int, Symbol]]:
    """Return the inputs and their columns, all numbers side by side, and the texts of categories by place."""
    names, kinds = checkpoint.columns, checkpoint.kinds
    precise = any(member.transform.needs_float64 for member in checkpoint.members)
    dtype = np.float64 if precise else np.float32
    if not kinds:
        X = _input("X", len(names), dtype)
        return {"X": X}, {"X": names}, X.astype(np.float64).named("numbers"), {}
    inputs: dict[str, Symbol] = {}
    columns: dict[str, tuple[str, ...]] = {}
    numbers: list[Symbol] = []
    texts: dict[int, Symbol] = {}
    for j, column in enumerate(names):
        kind = kinds.get(column)
        name = column
        while name in OUTPUTS or (name != column and name in names):
            name += "_"
        symbol = _input(name, 1, dtype if kind is None else object)
        inputs[name], columns[name] = symbol, (column,)
        if kind is None:
            numbers.append(symbol.astype(np.float64))
        elif kind.name == "boolean":
            numbers.append(_look_up(symbol, _truths(), np.nan, np.nan, np.float32).astype(np.float64))
        else:
            texts[j] = symbol
    together = concatenate(numbers).named("numbers") if numbers else constant(np.zeros((1, 0)))
    return inputs, columns, together, texts


def _input(name: str, width: int, dtype: Any) -> Symbol:
    return step("input", [], (1, width), dtype).named(name)


def _truths() -> dict[str, float]:
    spelled = {form(word): value for word, value in BOOLEANS.items() for form in _FORMS}
    return spelled | {"1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


_FORMS: tuple[Callable[[str], str], ...] = (str.lower, str.capitalize, str.upper)


def _look_up(
    texts: Symbol, table: Mapping[str, float], missing: float, otherwise: float, dtype: Any
) -> Symbol:
    """Return the number of each text; cells that say that there is none have that of ``missing``."""
    spelled = {form(word) for word in ("", *MISSING, "n/a", "none") for form in _FORMS} | {"NaN", "<Na>"}
    of_missing = dict.fromkeys(sorted(spelled), missing)
    settings = {"table": {**of_missing, **table}, "words": table, "missing": missing, "otherwise": otherwise}
    return step("look_up", [texts], texts.shape, dtype, **settings)


def _features(
    transform: Transform, numbers: Symbol, texts: Mapping[int, Symbol], kinds: Mapping[int, Kind]
) -> Symbol:
    """Return the inputs of the network, in the order that `Transform` describes."""
    parts: list[Symbol] = []
    own, width = transform.numbers, len(transform.numbers)
    place = {int(j): i for i, j in enumerate(own)}
    if width:
        scaling = transform.scaling
        shift, scale = constant(scaling.shift[own], "shift"), constant(scaling.scale[own], "scale")
        fill = constant(transform.fill[own], "fill")
        filled = choose(np.isnan(numbers), fill, numbers).named("filled", "missing cells get the median")
        scaled = ((filled - shift) / scale).named("scaled")
        parts.append(scaled if transform.whitening is None else _whitened(transform.whitening, scaled))
    if transform.flagged:
        missing = np.isnan(numbers[:, [place[j] for j in transform.flagged]])
        parts.append(missing.astype(np.float64).named("missing"))
    for j, slots in (transform.slots or {}).items():
        *of_levels, unseen, absent = slots
        if max(slots) >= 0:
            table = dict(zip(kinds[j].levels, of_levels, strict=True))
            found = _look_up(texts[j], table, absent, unseen, np.int64)
            n = max(slots) + 1
            parts.append(step("one_hot", [found], (1, n), np.float64, n=n).named("category"))
    if transform.terms is not None:
        parts.append(_terms(transform, scaled))
    if transform.edges:
        parts.append(_bins(transform, place, filled))
    return concatenate(parts).astype(np.float32).named("x")


def _whitened(whitening: Whitening, scaled: Symbol) -> Symbol:
    pixels, filters = scaled.astype(np.float32), constant(whitening.filters.astype(np.float32), "filters")
    found = step("convolve", [pixels, filters], scaled.shape, np.float32, image=whitening.image)
    return found.named("whitened", "with the pixels at the border of the image repeated around it")


def _terms(transform: Transform, scaled: Symbol) -> Symbol:
    from itertools import combinations

    terms = transform.terms
    assert terms is not None
    n, parts = scaled.shape[-1], []
    for name in terms.names:
        places = np.array([*combinations(range(n), TERMS[name].takes)], np.int64).reshape(
            -1, TERMS[name].takes
        )
        if len(places):
            taken = [scaled[:, some] for some in places.T]
            parts.append(FUNCTIONS[name](*taken))
    shift = constant(terms.scaling.shift, "terms_shift")
    values: Symbol = (concatenate(parts) - shift) / constant(terms.scaling.scale, "terms_scale")  # type: ignore[arg-type]
    return values.named("terms")


def _bins(transform: Transform, place: Mapping[int, int], filled: Symbol) -> Symbol:
    """Return the piecewise linear features: each grows from -0.5 to 0.5 within its bin."""
    edges = transform.edges or {}
    repeated = [place[j] for j, own in edges.items() for _ in own[1:]]
    low = np.concatenate([own[:-1] for own in edges.values()])
    width = np.concatenate([np.diff(own) for own in edges.values()])
    parts = (filled[:, repeated] - constant(low, "bin_low")) / constant(width, "bin_width")
    inside: Symbol = within(parts, 0.0, 1.0) - 0.5
    return inside.named("bins")


# ------------------------------------------------------------------------------------------------ network


def _logits(
    number: int, member: Member, numbers: Symbol, texts: Mapping[int, Symbol], checkpoint: Checkpoint
) -> Symbol:
    """Return the logits (n, outputs) of a network, or of its members (members, n, outputs)."""
    kinds = {
        j: checkpoint.kinds[name] for j, name in enumerate(checkpoint.columns) if name in checkpoint.kinds
    }
    x = _features(member.transform, numbers, texts, kinds)
    return _forward(member.network.layers, x, name_prefix(number)).named("logits")


def _forward(layers: Sequence[Layer], X: Symbol, prefix: str) -> Symbol:
    for layer in layers:
        X = _through(layer, X, prefix)
    return X


def _through(layer: Layer, X: Symbol, prefix: str) -> Symbol:
    """Return what a layer makes of X in evaluation.

    Of the layers that consist of others, and of weights, the members' axis is told apart here. All others
    compute with symbols themselves.
    """
    number = layer.spec.number
    if isinstance(layer, (Dense, MembersDense)):
        bias = layer.b if isinstance(layer, Dense) else layer.b[:, None]
        Z: Symbol = X @ constant(layer.W, f"{prefix}W{number}") + constant(bias, f"{prefix}b{number}")
        return Z.named(f"z{number}")
    if isinstance(layer, Local):
        return _seen_through_windows(layer, X, prefix).named(f"z{number}", "locally connected")
    if isinstance(layer, Residual):
        inner = _forward(layer.inner, X, prefix)
        shortcut = X @ constant(layer.P, f"{prefix}P{number}") if layer.spec.parameters else X
        both: Symbol = inner + shortcut
        return both.named(f"h{number}", "residual connection")
    if isinstance(layer, LinearPath):
        inner = _forward(layer.inner, X, prefix)
        both = inner + X @ constant(layer.V, f"{prefix}V")
        return both.named("z", "linear path")
    before = X.node
    found: Any = layer.with_buffers(_symbol_of_buffer).forward(X.copy())  # type: ignore[arg-type]
    result: Symbol = found.copy()
    if result.node is before:  # dropout, noise and the identity change nothing
        return result
    if layer.is_activation:
        return result.named(f"h{number}", str(layer.spec.settings.get("name", layer.spec.kind)))
    return result.named(f"n{number}" if layer.spec.kind != "clip" else "clipped", layer.spec.kind)


def _seen_through_windows(layer: Local, X: Symbol, prefix: str) -> Symbol:
    """Return the sums of a locally connected layer, of which each place has a matrix of its own."""
    number, window, units = layer.spec.number, layer.window, layer.spec.settings["units"]
    places = constant(inputs_seen(window), f"{prefix}seen{number}")
    seen = step("by_place", [X, places], (window.places, 1, window.fan_in), X.dtype)
    sums = seen @ constant(layer.W, f"{prefix}W{number}")
    Z: Symbol = step("side_by_side", [sums], (1, layer.spec.fan_out), X.dtype)
    pieces = layer.spec.fan_out // (window.places * units)
    if pieces > 1:  # the first piece of all units, then the second
        order = np.arange(layer.spec.fan_out, dtype=np.int64).reshape(window.places, pieces, units)
        Z = Z[:, order.swapaxes(0, 1).ravel()]
    found: Symbol = Z + constant(layer.b, f"{prefix}b{number}")
    return found


def _symbol_of_buffer(buffer: BufferSpec) -> Any:
    return Symbol.buffer(buffer.width, np.float32)


# ------------------------------------------------------------------------------------------------ outputs


def _classes(each: Sequence[Symbol], checkpoint: Checkpoint) -> dict[str, Symbol]:
    assert checkpoint.classes is not None
    loss = build_loss(checkpoint.experiment, checkpoint.class_counts)
    is_probability = loss.outputs == "probabilities"
    scores, of_networks = [], []
    for logits in each:
        both = logits
        if loss.binary:  # a single logit, for the second class
            first = logits * 0.0 if is_probability else -logits
            both = concatenate([first, logits])
        scores.append(both)
        outputs = step("softmax", [both], both.shape, both.dtype) if is_probability else both
        of_networks.append(_mean_of_members(outputs))
    mean = _mean(of_networks)
    decides = scores[0] if len(scores) == 1 and len(scores[0].shape) == 2 else mean
    index = step("argmax", [decides], (1,), np.int64)
    names = class_labels(checkpoint.classes)
    label = step("choose", [constant(names, "classes"), index], (1,), names.dtype)
    return {"label": label, "probabilities" if is_probability else "scores": mean}


def _values(each: Sequence[Symbol], members: Sequence[Member]) -> Symbol:
    found = []
    for logits, member in zip(each, members, strict=True):
        assert member.target_transform is not None
        found.append(_in_units(_mean_of_members(logits).astype(np.float64), member.target_transform))
    mean, first = _mean(found), members[0].target_transform
    assert first is not None
    return mean if first.exceeds_float32 else mean.astype(np.float32)


def _in_units(outputs: Symbol, transform: TargetTransform) -> Symbol:
    """Return the values of a regression in their own units."""
    scaling, bend = transform.scaling, transform.bend
    scaled: Symbol = outputs * constant(scaling.scale, "target_scale") + constant(
        scaling.shift, "target_shift"
    )
    if bend is None:
        return scaled
    if not isinstance(bend, Quantiles):
        bent: Any = bend.undo(scaled)  # type: ignore[arg-type]
        return Symbol(bent.node)
    return concatenate(
        [_follow(scaled[:, i : i + 1], scores, values) for i, (values, scores) in enumerate(bend.curves)]
    )


def _follow(x: Symbol, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> Symbol:
    """Return the y of the line through points, which goes on at both ends: the sum of its rises so far."""
    lower, upper = np.zeros(len(xs) - 1), np.ones(len(xs) - 1)
    lower[0], upper[-1] = -np.inf, np.inf
    part = (x - constant(xs[:-1], "knots")) / constant(np.diff(xs), "steps")
    part = within(part, constant(lower, "lower"), constant(upper, "upper"))
    found: Symbol = part @ constant(np.diff(ys)[:, None], "rises") + constant(ys[:1], "lowest")
    return found


def _mean_of_members(outputs: Symbol) -> Symbol:
    if len(outputs.shape) == 2:
        return outputs
    return step("mean_of_members", [outputs], outputs.shape[1:], outputs.dtype)


def _mean(each: Sequence[Symbol]) -> Symbol:
    if len(each) == 1:
        return each[0]
    total: Symbol = reduce(lambda some, one: some + one, each)
    mean: Symbol = total / float(len(each))
    return mean


def _name_constants(outputs: Mapping[str, Symbol], checkpoint: Checkpoint) -> None:
    """Name the arrays that layers have brought into the graph as the checkpoint names them."""
    known: list[tuple[str, NDArray[Any]]] = []
    for number, member in enumerate(checkpoint.members, 1):
        known += [(name_prefix(number) + name, array) for name, array in _arrays(member.network)]
    for node in steps_of(outputs.values()):
        if node.value is None or node.name or node.value.ndim == 0:
            continue
        same = (
            name for name, array in known if array.shape == node.shape and np.array_equal(array, node.value)
        )
        node.name = next(same, "")


def _arrays(network: Network) -> list[tuple[str, NDArray[Any]]]:
    parameters = network.parameters
    return [*((name, parameters.view(name)) for name in parameters.shapes), *network.state.items()]
