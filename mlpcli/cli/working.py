"""Writes a forward pass out as text, layer by layer, with its numbers."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.cli.numerals import MOST_TERMS, Show, named_terms, pack, products
from mlpcli.data.kinds import cell_text
from mlpcli.nn.layers import BatchNorm, LayerNorm, PRelu, Residual
from mlpcli.text import clip, columns, count
from mlpcli.training.explanation import Explanation
from mlpcli.training.forward import LayerPass, Step

__all__ = ["write_out"]

WIDTH = 80
_MOST_CLASSES = 16  # of a table that is written out whole; of a larger one the first few
_FIRST = 6
_MOST_COLUMNS = 32
_NAME = 26  # widest name of a column or class
# What z is multiplied by in activations that let a share of it through.
_GATES = {
    "gelu": "is about the normal distribution function of z",
    "silu": "= 1 / (1 + exp(-z))",
    "mish": "= tanh(log(1 + exp(z)))",
}
_SAFE = 40.0  # logits whose exponentials are shown as they are

Array = NDArray[Any]


def write_out(found: Explanation, digits: int = 4, *, whole: bool = False) -> str:
    """Return the forward pass of an example as blocks of text, 80 columns wide.

    Numbers have ``digits`` digits after the point. Of large layers the most important units are written out,
    and of long sums the largest terms, if not the ``whole`` of both is asked for.
    """
    show = Show(digits)
    last = len(found.forward.layers)
    blocks = [_head(found, digits)]
    if not found.followed.transform.is_plain and found.followed.transform.whitening is None:
        blocks.append(_raw(found, show, whole=whole))
    blocks.append(_inputs(found, show, whole=whole))
    if found.forward.hidden_add_nothing and not whole:
        blocks += [_nothing(last), _layer(found, last, show, whole=whole)]
    else:
        blocks += [_layer(found, number, show, whole=whole) for number in range(1, last + 1)]
    blocks.append(_outputs(found, show))
    if len(found.each) > 1:
        blocks.append(_members(found, show))
    blocks.append(_prediction(found, show))
    return "\n\n".join(blocks)


def _head(found: Explanation, digits: int) -> str:
    of_which = f"epoch {found.followed.epoch:,}"
    if len(found.each) > 1:
        of_which = f"network {found.member + 1:,} of {len(found.each):,}, {of_which}"
    part = "" if found.part is None else f", of the {found.part} split"
    layers = (
        "" if len(found.forward.layers) < 3 else "h1 is what layer 1 puts out, and the input of layer 2. "
    )
    rounded = (
        "Inputs and weights of layers are rounded to 8 bits before they are multiplied, as bfloat16. "
        if found.followed.network.engine.rounds
        else ""
    )
    said = [
        f"{found.path} ({of_which}): {found.source}{part}",
        "The example is a row x, and z = x W + b: column j of W has the weights of unit j. "
        f"{layers}{rounded}Numbers are rounded to {digits} digits after the point, small ones to more; those "
        "with fewer are exact.",
    ]
    return "\n".join(textwrap.fill(text, WIDTH, break_long_words=False) for text in said)


def _nothing(last: int) -> str:
    """Return what stands in the place of hidden layers whose outputs are all multiplied by 0."""
    of_which = {2: "layer 1", 3: "layers 1 and 2"}.get(last, f"layers 1 to {last - 1}")
    return f"{of_which}: the hidden layers add nothing: all weights of layer {last} are 0"


def _raw(found: Explanation, show: Show, *, whole: bool) -> str:
    """Return the columns with their cells."""
    names = found.checkpoint.columns
    cells = [["", clip(name, _NAME), clip(_cell(found, j, show), 40)] for j, name in enumerate(names)]
    first = cells if whole else cells[:_MOST_COLUMNS]
    more = f"\n  and {len(cells) - len(first):,} others" if len(first) < len(cells) else ""
    return f"columns\n{columns(first, '<<>')}{more}"


def _inputs(found: Explanation, show: Show, *, whole: bool) -> str:
    """Return the inputs that the columns become; of many of them those that the sums name."""
    checkpoint, transform, x = found.checkpoint, found.followed.transform, found.forward.x
    names = transform.features(checkpoint.columns, checkpoint.kinds)
    chosen = _named_inputs(found, whole=whole)
    numbers, terms = list(map(int, transform.numbers)), transform.terms
    shift, scale = transform.scaling.shift[numbers], transform.scaling.scale[numbers]
    values = {i: (_cell(found, j, show), shift[i], scale[i]) for i, j in enumerate(numbers)}
    if terms is not None:
        start = transform.n_direct - len(terms.scaling.shift)
        own = map(show, terms.scaling.undo(x[None, start : transform.n_direct])[0])
        of_terms = zip(own, terms.scaling.shift, terms.scaling.scale, strict=True)
        values |= dict(enumerate(of_terms, start))
    scaled = bool(np.any(shift != 0) or np.any(scale != 1))
    rows = [["", "", "input", "value", *(["shift", "scale"] if scaled else []), "x"]]
    for i in chosen:
        value, *scaling = values.get(i, ("", None, None))
        shown = ["" if number is None else show(number) for number in scaling] if scaled else []
        rows.append(["", str(i + 1), clip(names[i], _NAME), value, *shown, show(x[i])])
    formula = "x = (value - shift) / scale" if scaled else "x is the value"
    if transform.whitening is not None:
        k = transform.whitening.filters.shape[-1]
        formula = f"x is a sum over the {k} x {k} pixels around it,\n  filter * (value - shift) / scale"
    lines = [f"{count(len(x), 'input')}: {formula}", columns(rows, "<><" + ">" * (len(rows[0]) - 3))]
    for j in [j for j in numbers if np.isnan(float(found.raw[j]))][:_FIRST]:
        name = clip(checkpoint.columns[j], _NAME)
        lines.append(f"  {name} is missing: {show(transform.fill[j])}, the median, takes its place")
    if terms is not None:
        lines.append("  squares, products and sines are those of the scaled numbers, scaled again")
    if transform.edges:
        lines.append("  the input of a bin, from ... to ..., grows from -0.5 to 0.5 between its ends")
    if len(chosen) < len(x):
        lines.append(f"  and {count(len(x) - len(chosen), 'other')}, which no sum below names")
    return "\n".join(lines)


def _cell(found: Explanation, j: int, show: Show) -> str:
    kind = found.checkpoint.kinds.get(found.checkpoint.columns[j])
    value = found.raw[j]
    return show(value) if kind is None and value == value else cell_text(float(value), kind)


def _named_inputs(found: Explanation, *, whole: bool) -> list[int]:
    """Return the places of the inputs to list: all if they are few, else those that a sum below names."""
    forward, chosen = found.forward, found.units(0, whole=whole)
    first, outputs = forward.layers[0], found.units(len(forward.layers), whole=whole)
    if len(chosen) == len(forward.x):
        return chosen
    sums = []
    if not forward.hidden_add_nothing:
        units = found.units(1, whole=whole)
        pieces = range(first.pieces)
        sums += [first.W[:, piece * len(first.y) + j] for j in units for piece in pieces]
        for step in first.steps:
            if isinstance(step.layer, Residual) and step.layer.spec.parameters:
                sums += [step.layer.P[:, j] for j in units]
            elif isinstance(step.layer, Residual):
                chosen += units
    if found.path_weights is not None:
        sums += [found.path_weights[:, j] for j in outputs]
    for w in sums:
        chosen += named_terms(forward.x.astype(np.float64) * w, whole=whole).tolist()
    return sorted(set(chosen))


def _layer(found: Explanation, number: int, show: Show, *, whole: bool) -> str:
    """Return a layer with the sums of its units, or of the most important ones."""
    layers = found.forward.layers
    layer, last = layers[number - 1], number == len(layers)
    chosen = found.units(number, whole=whole)
    names = [f"unit {j + 1:,}" for j in range(len(layer.y))]
    if last and len(found.output_names) == len(names):
        names = [f"unit {j + 1:,} ({clip(name, 16)})" for j, name in enumerate(found.output_names)]
    width = max(len(names[j]) for j in chosen) + 4
    lines = [*_title(found, number)]
    terms = len(layer.x) if layer.seen is None else layer.seen.shape[1]
    largest = f"of {terms:,} terms the largest, " if terms > MOST_TERMS and not whole else ""
    if (largest or layer.seen is not None) and layer.W.any():
        lines.append(f"  {largest}each with the number of its input in brackets")
    for step in layer.steps:
        if isinstance(step.layer, LayerNorm):
            mean, var = step.X.mean(dtype=np.float64), step.X.var(dtype=np.float64)
            lines.append(f"  layer norm: the sums have the mean {show(mean)} and the variance {show(var)}")
    for j in chosen:
        sums = _unit(layer, j, show, whole=whole)
        if last:
            sums += _ends(found, j, show, whole=whole)
        packed = [line for label, tokens in sums for line in pack(label, tokens, WIDTH - width)]
        lines += [f"{f'  {names[j]}' if i == 0 else '':{width}}{line}" for i, line in enumerate(packed)]
    if len(chosen) < len(layer.y):
        less = "are nearer to 0" if found.checkpoint.classes is None else "are less"
        why = f"whose outputs {less}" if last else f"which give less to layer {number + 1}"
        lines.append(f"  and {count(len(layer.y) - len(chosen), 'other unit')}, {why}")
    return "\n".join(lines)


def _title(found: Explanation, number: int) -> list[str]:
    """Return the heading of a layer: its sizes, and what follows the sums."""
    layer, last = found.forward.layers[number - 1], number == len(found.forward.layers)
    sums = f"z = {_input_name(number)} W{number} + b{number}"
    if layer.pieces > 1:
        sums += f", {layer.pieces} pieces a unit"
    then = [_name(step) for step in layer.steps]
    title = (
        f"layer {number}: {count(len(layer.x), 'input')}, {count(len(layer.y), 'output' if last else 'unit')}"
    )
    if last and found.forward.path is not None:
        sums += "; then the linear path, plus x V of the inputs"
    elif not last:
        sums += f"; then {', '.join(then)} {'gives' if len(then) == 1 else 'give'} {_input_name(number + 1)}"
    lines = textwrap.wrap(f"{title}; {sums}", WIDTH, subsequent_indent="  ")
    for step in layer.steps:
        name = step.layer.spec.settings.get("name")
        if name in _GATES:
            lines.append(f"  {name}(z) = z * s(z), and s(z) {_GATES[name]}")
    off = [f"{each.spec.kind} {next(iter(each.spec.settings.values())):g}" for each in layer.off]
    return [*lines, *(f"  {name} before it is for training alone, and off here" for name in off)]


def _input_name(number: int) -> str:
    """Return what goes into a layer: the inputs x, or h1, which layer 1 puts out."""
    return "x" if number == 1 else f"h{number - 1}"


def _name(step: Step) -> str:
    """Return what a step is: ``leaky_relu (alpha 0.01)``, ``batch norm``, ``plus its input``."""
    spec = step.layer.spec
    if isinstance(step.layer, Residual):
        return f"plus {_input_name(spec.number)} P{spec.number}" if spec.parameters else "plus its input"
    settings = {key: value for key, value in spec.settings.items() if key not in ("name", "pieces")}
    learned = isinstance(step.layer, PRelu)
    said = "" if learned else ", ".join(f"{key} {value:g}" for key, value in settings.items())
    return str(spec.settings.get("name", spec.kind.replace("_", " "))) + (f" ({said})" if said else "")


def _unit(layer: LayerPass, j: int, show: Show, *, whole: bool) -> list[tuple[str, list[str]]]:
    """Return the lines of a unit: its sum, or the sum of each of its pieces, and what follows."""
    lines = []
    units, steps = len(layer.y), list(layer.steps)
    for piece in range(layer.pieces):
        place = piece * units + j
        label = f"piece {piece + 1}: z = " if layer.pieces > 1 else "z = "
        own = layer.W[:, place], layer.b[place], layer.z[place]
        lines.append((label, products(layer.x, *own, show, whole=whole, seen=layer.seen_by(j))))
        lines += [
            _follow(step, place, show)
            for step in steps
            if len(step.Y) > units or layer.pieces == 1
            if not isinstance(step.layer, Residual)
        ]
    if layer.pieces > 1:
        largest = next(step for step in steps if len(step.X) > len(step.Y))
        lines.append(("", [f"the largest of them = {show(largest.Y[j])}"]))
    for step in steps:
        if isinstance(step.layer, Residual):
            lines += _residual(step, steps[-2].Y[j], j, show, whole=whole)
    return lines


def _follow(step: Step, j: int, show: Show) -> tuple[str, list[str]]:
    """Return the line of what a norm or an activation makes of one number."""
    layer, before, after = step.layer, step.X[j], show(step.Y[j])
    if isinstance(layer, (BatchNorm, LayerNorm)):
        mean, var = step.X.mean(dtype=np.float64), step.X.var(dtype=np.float64)
        if isinstance(layer, BatchNorm):
            mean, var = layer.running_mean[j], layer.running_var[j]
        return f"{_name(step)}: ", [
            f"({show(before)} - {show.factor(mean)})",
            f"/ sqrt({show(var)} + {layer.EPS:g})",
            f"* {show.factor(layer.gamma[j])}",
            show.signed(layer.beta[j]),
            f"= {after}",
        ]
    if isinstance(layer, PRelu) and before < 0:
        return "", [f"prelu({show(before)}) = {show(layer.a[j])} * {show.factor(before)} = {after}"]
    name = step.layer.spec.settings.get("name", _name(step))
    if name in _GATES and before != 0:
        share = step.Y[j].astype(np.float64) / before
        return "", [f"{name}({show(before)}) = {show(before)} * {show(share)} = {after}"]
    return "", [f"{name}({show(before)}) = {after}"]


def _residual(step: Step, inner: Any, j: int, show: Show, *, whole: bool) -> list[tuple[str, list[str]]]:
    layer: Any = step.layer
    if not layer.spec.parameters:
        return [("", [f"plus its input: {show(inner)} {show.signed(step.X[j])} = {show(step.Y[j])}"])]
    X, P = layer.engine.multiplied(step.X), layer.engine.multiplied(layer.P)[:, j]
    own, projected = f"{_input_name(layer.spec.number)} P{layer.spec.number}", X.astype(np.float64) @ P
    return [
        (f"{own} = ", products(X, P, None, projected, show, whole=whole)),
        ("", [f"plus {own}: {show(inner)} {show.signed(projected)} = {show(step.Y[j])}"]),
    ]


def _ends(found: Explanation, j: int, show: Show, *, whole: bool) -> list[tuple[str, list[str]]]:
    """Return what a linear path and a range of the outputs add to an output."""
    forward = found.forward
    lines: list[tuple[str, list[str]]] = []
    value = forward.layers[-1].y[j]
    if forward.path is not None and found.path_weights is not None:
        v = found.path_weights[:, j]
        linear = forward.path.Y[j] - value
        lines.append(("x V = ", products(forward.x, v, None, linear, show, whole=whole)))
        lines.append(("", [f"plus x V: {show(value)} {show.signed(linear)} = {show(forward.path.Y[j])}"]))
    if forward.clip is not None:
        low, high = (getattr(forward.clip.layer, name)[j] for name in ("low", "high"))
        lines.append(("", [f"clipped to {show(low)} ... {show(high)}: {show(forward.clip.Y[j])}"]))
    return lines


def _outputs(found: Explanation, show: Show) -> str:
    """Return how the logits become what the network says."""
    logits, names = found.forward.logits.astype(np.float64), found.output_names
    own = found.each[found.member]
    kind, binary = found.model.loss.outputs, found.model.loss.binary
    if kind == "values":
        return _values(found, show)
    if binary and kind == "probabilities":
        z, second = found.forward.logits[0], f"P({clip(names[1], _NAME)})"
        rows = [
            [second, f"= 1 / (1 + exp(-z)) = 1 / (1 + exp({show(-z)}))", f"= {show(own[1])}"],
            [f"P({clip(names[0], _NAME)})", f"= 1 - {second}", f"= {show(own[0])}"],
        ]
        return f"output: the sigmoid of z is the probability of the second class\n{_table(rows, '<<<')}"
    order = np.argsort(-own, kind="stable")
    chosen = sorted(map(int, order[: len(own) if len(own) <= _MOST_CLASSES else _FIRST]))
    if kind == "scores":
        title = "output: the scores; the largest one wins"
        if binary:
            title = "output: the score of the second class is z, and that of the first is -z"
        rows = [[clip(names[j], _NAME), show.fixed(own[j])] for j in chosen]
        table = _table(rows, "<>")
    else:
        top = logits.max() if np.abs(logits).max() > _SAFE else 0.0
        powers = np.exp(logits - top)
        power = f"exp(z - {show(top)})" if top else "exp(z)"
        title = f"output: softmax, the share of each {power} in their sum"
        rows = [["class", "z", power, "probability"]]
        rows += [[clip(names[j], _NAME), *map(show.fixed, (logits[j], powers[j], own[j]))] for j in chosen]
        if len(chosen) < len(own):
            rest = np.delete(np.arange(len(own)), chosen)
            sums = powers[rest].sum(), own[rest].sum()
            rows.append([f"{len(rest):,} others", "", *map(show.fixed, sums)])
        rows.append(["sum", "", *map(show.fixed, (powers.sum(), own.sum()))])
        table = _table(rows, "<>>>")
    return f"{title}\n{table}"


def _values(found: Explanation, show: Show) -> str:
    """Return how the outputs of a regression get the units of the targets."""
    transform, own = found.followed.target_transform, found.each[found.member]
    rows = []
    for j, name in enumerate(found.output_names):
        z = found.forward.logits[j]
        shown = [clip(name, _NAME), f"= {show(z)}"]
        if transform is not None:
            scaled = transform.scaling.undo(found.forward.logits[None])[0, j]
            shown[1] += (
                f" * {show.factor(transform.scaling.scale[j])} {show.signed(transform.scaling.shift[j])}"
            )
            if transform.bend is not None:
                bend = found.checkpoint.experiment.data.target_transform  # type: ignore[union-attr]
                shown.append(f"= {show(scaled)}, {bend} undone")
        rows.append([*shown, f"= {show(found.outputs[j] if len(found.each) == 1 else own[j])}"])
    return f"output: z in the units of the target, z * scale + shift\n{_table(rows, '<' * len(rows[0]))}"


def _members(found: Explanation, show: Show) -> str:
    """Return what each of several networks says; the prediction is their mean."""
    names, each = found.output_names, found.each
    chosen = list(range(len(names)))[: _FIRST - 1]
    rows = [["network", *(clip(names[j], 14) for j in chosen)]]
    first = range(min(len(each), _MOST_CLASSES))
    rows += [[str(i + 1), *(show.fixed(each[i, j]) for j in chosen)] for i in first]
    if len(first) < len(each):
        rows.append([f"... {len(each):,}", *("" for _ in chosen)])
    rows.append(["mean", *(show.fixed(found.outputs[j]) for j in chosen)])
    what = {"probabilities": "probability", "scores": "score", "values": "value"}[found.model.loss.outputs]
    title = f"the prediction is the mean {what} of {len(each):,} networks"
    transform = found.followed.target_transform
    if transform is not None and transform.bend is not None and found.checkpoint.network.members > 1:
        title = f"the prediction is that of the mean z of {len(each):,} networks"
        rows[-1][0] = "all"
    return f"{title}\n{_table(rows, '>' * len(rows[0]))}"


def _prediction(found: Explanation, show: Show) -> str:
    if found.predicted is None:
        rows = (
            [["", *(clip(name, _NAME) for name in found.output_names)]] if len(found.output_names) > 1 else []
        )
        rows.append(["predicted", *map(show, found.outputs)])
        rows.append(["true", *(map(show, found.truth) if found.truth else ["not known"])])
        return columns(
            [row + [""] * (len(rows[0]) - len(row)) for row in rows], "<" + ">" * (len(rows[0]) - 1)
        )
    chosen = found.output_names.index(found.predicted)
    what = {"probabilities": "probability", "scores": "score"}[found.model.loss.outputs]
    truth = clip(str(found.truth[0]), 60) if found.truth else "not known"
    verdict = "" if not found.truth or found.truth[0] == found.predicted else "  (the network is wrong)"
    return (
        f"predicted  {clip(found.predicted, 40)}, {what} {show(found.outputs[chosen])}\n"
        f"true       {truth}{verdict}"
    )


def _table(rows: Sequence[Sequence[str]], align: str) -> str:
    return textwrap.indent(columns(rows, align), "  ")
