"""The written-out forward pass: the sums that are printed add up, and end in what the network predicts."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import mlpcli
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.config.schema import Experiment
from mlpcli.nn.losses import LOSSES
from mlpcli.training.directory import RunDirectory

Mlp = Callable[..., Any]
NUMBER = r"\(?-?[\d.]+(?:e[+-]\d+)?\)?"
ROWS = np.random.default_rng(0).normal(size=(3, 2)).round(3)


def value(text: str) -> float:
    return float(text.strip("()"))


def units(out: str) -> Iterator[str]:
    """Yield what is written of each unit, on one line."""
    for block in re.split(r"\n\n", out):
        if block.startswith("layer "):
            lines = "\n".join(
                line for line in block.splitlines()[1:] if line.startswith("    ") or "unit " in line
            )
            for unit in re.split(r"^  (?=unit )", lines, flags=re.MULTILINE)[1:]:
                yield " ".join(unit.split())


def check_sums(out: str) -> list[float]:
    """Check that every ``a * b + c * d + e = total`` holds but for rounding; return the totals."""
    totals = []
    for unit in units(out):
        for terms, total in re.findall(rf"(?:z|[xh]\d* [PV]\d*) = (.*?) = ({NUMBER})(?= |$)", unit):
            terms = re.sub(r" \[[^\]]*\]", "", terms)
            found, error = 0.0, 0.0
            for sign, a, b in re.findall(rf"(^|[+-]) ?({NUMBER})(?: \* ({NUMBER}))?", terms):
                x, w = value(a), value(b) if b else 1.0
                found += (-1 if sign == "-" else 1) * x * w
                error += 0.5e-4 * (abs(x) + abs(w) + 1)
            assert found == pytest.approx(value(total), abs=error), unit
            totals.append(value(total))
        for terms, total in re.findall(rf"plus [a-zA-Z0-9 ]+: (.*?) = ({NUMBER})(?= |$)", unit):
            a, sign, b = re.fullmatch(rf"({NUMBER}) ([+-]) ({NUMBER})", terms).groups()  # type: ignore[union-attr]
            assert value(a) + (-1 if sign == "-" else 1) * value(b) == pytest.approx(value(total), abs=2e-4)
    return totals


def predictions(mlp: Mlp, run: Any, rows: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(mlp("predict", run, rows).out)))


def check_against_predict(mlp: Mlp, run: Path, tmp_path: Path) -> str:
    """Check the forward passes of some rows; return what was written of the last one."""
    table = tmp_path / "rows.csv"
    table.write_text("x1,x2\n" + "".join(f"{a},{b}\n" for a, b in ROWS), encoding="utf-8")
    out = ""
    for number, row in enumerate(predictions(mlp, run, table), 1):
        code, out, _ = mlp("explain", run, number, "--data", table)
        assert code == 0
        assert max(map(len, out.splitlines())) <= 80
        assert check_sums(out)
        assert f"\npredicted  {row['label']}, " in out
        (shown,) = re.findall(rf"^predicted .*, (?:probability|score) ({NUMBER})$", out, re.MULTILINE)
        values = [float(row[name]) for name in row if name != "label"]
        assert float(shown) == pytest.approx(max(values), abs=6e-5)
        if "softmax" in out:
            table_of_classes = re.findall(rf"^  [01] .* ({NUMBER})$", out.split("output:")[1], re.MULTILINE)
            assert [float(text) for text in table_of_classes[:2]] == pytest.approx(values, abs=6e-5)
    return out


NORMS_OR_NONE = ["none", *NORMS]


@pytest.mark.parametrize(
    ("activation", "norm"),
    [
        pytest.param(
            activation, norm, marks=() if j == i % len(NORMS_OR_NONE) else pytest.mark.exhaustive
        )  # each unit and each norm once or more
        for i, activation in enumerate(UNITS)
        for j, norm in enumerate(NORMS_OR_NONE)
    ],
)
def test_every_unit_and_norm(
    mlp: Mlp, trained: Callable[..., RunDirectory], tmp_path: Path, activation: str, norm: str
) -> None:
    layers = f"model={{hidden: [3, 4], activation: {activation}, norm: {norm}, residual: true, dropout: 0.1}}"
    run = trained("moons", "training.epochs=2", layers).path
    out = check_against_predict(mlp, run, tmp_path)
    written = list(units(out))
    assert len(written) == 3 + 4 + 2
    assert out.count("dropout 0.1 before it is for training alone") == 2
    if activation == "maxout":
        assert all("piece 1: z = " in unit and "piece 2: z = " in unit for unit in written[:7])
        for unit in written[:7] if norm == "none" else []:
            *pieces, largest = (
                value(text) for text in re.findall(rf"(?:piece \d: z = .*?|them) = ({NUMBER}) ", unit)
            )
            assert largest == max(pieces)
    else:
        assert all(f"{activation}(" in unit for unit in written[:7])


def is_for_classes(loss: str) -> bool:
    try:
        Experiment.model_validate({"data": "moons", "loss": loss})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("loss", [name for name in LOSSES if is_for_classes(name)])
def test_every_loss_of_classes(
    mlp: Mlp, trained: Callable[..., RunDirectory], tmp_path: Path, loss: str
) -> None:
    run = trained(
        "moons", "training.epochs=2", "model={hidden: [3], linear_path: fitted}", f"loss={loss}"
    ).path
    out = check_against_predict(mlp, run, tmp_path)
    assert "plus x V: " in out


@pytest.mark.parametrize("transform", ["none", "log", "quantile"])
@pytest.mark.parametrize("members", [1, 3])
def test_values_have_the_units_of_their_targets(
    mlp: Mlp, tmp_path: Path, transform: str, members: int
) -> None:
    rows = "".join(f"{i % 9},{i % 7},{1000.7 * (1 + (i % 9) + 2 * (i % 7)):.1f},{i % 5}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f"a,b,price,size\n{rows}", encoding="utf-8")
    (tmp_path / "c.yaml").write_text(
        f"data: {{name: csv, path: t.csv, target: [price, size], target_transform: {transform}}}\n"
        f"model: {{hidden: [3], members: {members}, clip_outputs: true}}\nloss: mse\n"
        "training: {epochs: 2}\n",
        encoding="utf-8",
    )
    assert mlp("train", "c.yaml", "--quiet").code == 0
    for number, row in enumerate(predictions(mlp, "runs/c", tmp_path / "t.csv")[:3], 1):
        code, out, err = mlp("explain", "runs/c", number)
        assert (code, err) == (0, "")
        assert max(map(len, out.splitlines())) <= 80
        check_sums(out)
        *_, predicted, true = (line.split()[1:] for line in out.splitlines())
        assert [float(text) for text in predicted] == pytest.approx(list(map(float, row.values())), abs=6e-5)
        assert list(map(float, true)) == [float(x) for x in rows.splitlines()[number - 1].split(",")[2:]]
        assert "clipped to " in out
        assert ("undone" in out) == (transform != "none")
        if members == 1:
            lines = out.split("output:")[1].splitlines()[1:3]
            assert [line.split()[-1] for line in lines] == predicted
        else:
            assert "of 3 networks\n" in out


def test_inputs_that_a_sum_names_are_listed(mlp: Mlp, tmp_path: Path) -> None:
    """Of many inputs, as the bins of a table are, those with a number in brackets stand in the table."""
    rng = np.random.default_rng(0)
    rows = "".join(f"{a:.2f},{b:.2f},{15000 + 3000 * a - 900 * b:.0f}\n" for a, b in rng.normal(size=(80, 2)))
    (tmp_path / "t.csv").write_text(f"a,b,price\n{rows}", encoding="utf-8")
    (tmp_path / "c.yaml").write_text(
        "data: {name: csv, path: t.csv, target: price, bins: 16}\nrecipe: table\n"
        "model: {hidden: [30], linear_path: fitted}\ntraining: {epochs: 2}\n",
        encoding="utf-8",
    )
    assert mlp("train", "c.yaml", "--quiet").code == 0
    for row in range(1, 6):
        out = mlp("explain", "runs/c/last.npz", row).out
        check_sums(out)
        inputs, _, after = out.split("inputs: ")[1].partition("\n\n")
        listed = {int(number) for number in re.findall(r"^ +(\d+)  ", inputs, re.MULTILINE)}
        of_layer, of_path = after.partition("layer 2:")[0], re.findall(r"x V = .*?=", after, re.DOTALL)
        cited = {int(number) for number in re.findall(r"\[(\d+)\]", "".join([of_layer, *of_path]))}
        assert len(cited) > 6
        assert cited <= listed
        assert "which no sum below names" in inputs


def test_hidden_layers_that_add_nothing_are_not_written_out(
    mlp: Mlp, trained: Callable[..., RunDirectory]
) -> None:
    """At epoch 0 of a network with a linear path, all weights of the last layer are 0."""
    model = "model={hidden: [20, 20], linear_path: fitted}"
    network = mlpcli.load(trained("moons", "training.epochs=1", model).path)
    network.layers["W3"][...] = 0
    network.save("zero.npz")
    row = ("--values", "1,0.5")
    out = mlp("explain", "zero.npz", *row).out
    assert "\nlayers 1 and 2: the hidden layers add nothing: all weights of layer 3 are 0\n" in out
    assert "relu" not in out
    assert len(check_sums(out)) == 4
    whole = mlp("explain", "zero.npz", *row, "--all").out
    assert whole.count("relu(") == 40


@pytest.mark.parametrize(
    ("activation", "share"),
    [
        ("gelu", lambda z: (1 + math.erf(z / math.sqrt(2))) / 2),
        ("silu", lambda z: 1 / (1 + math.exp(-z))),
        ("mish", lambda z: math.tanh(math.log(1 + math.exp(z)))),
    ],
)
def test_the_share_that_an_activation_lets_through_is_written(
    mlp: Mlp, trained: Callable[..., RunDirectory], activation: str, share: Callable[[float], float]
) -> None:
    model = f"model={{hidden: [5], activation: {activation}}}"
    out = mlp("explain", trained("moons", "training.epochs=1", model).path, 2).out
    assert f"\n  {activation}(z) = z * s(z), and s(z) " in out
    written = re.findall(rf"{activation}\((\S+)\) = (\S+) \* (\S+) = (\S+)$", out, re.MULTILINE)
    assert len(written) == 5
    for numbers in written:
        z, again, s, y = map(float, numbers)
        assert z == again
        assert s == pytest.approx(share(z), abs=1e-3)
        assert y == pytest.approx(z * s, abs=2e-4)


def test_large_layers_are_shortened_and_still_add_up(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    run = trained("digits", "training.epochs=2").path
    out = mlp("explain", run, 2).out
    assert "and 250 other units, which give less to layer 2" in out
    assert "[59 others]" in out
    assert len(check_sums(out)) == 6 + 10
    whole = mlp("explain", run, 2, "--all").out
    assert "other" not in whole
    assert len(check_sums(whole)) == 256 + 10


def test_each_layer_names_its_input(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    model = "model={hidden: [3, 4], residual: true, linear_path: fitted}"
    out = " ".join(mlp("explain", trained("moons", "training.epochs=1", model).path, 2).out.split())
    for said in (
        "z = x W1 + b1; then relu, plus x P1 give h1",
        "z = h1 W2 + b2; then relu, plus h1 P2 give h2",
        "h1 P2 = ",
        "z = h2 W3 + b3; then the linear path, plus x V of the inputs",
    ):
        assert said in out


def test_small_probabilities_have_more_digits(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    """As the head of the text promises: no probability is 0.0000."""
    run = trained("iris", "training.epochs=30", "optimizer.learning_rate=0.1").path
    out = mlp("explain", run, 1).out
    assert min(json.loads(mlp("explain", run, 1, "--json").out)["probabilities"].values()) < 1e-6
    assert "0.0000 " not in out
    assert "0.0000\n" not in out


def test_zeros_are_counted_and_not_written(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    out = mlp("explain", trained("iris", "training.epochs=3", "model.hidden=[12]").path, 1).out
    check_sums(out)
    assert re.search(r"\+ 0 \[\d+ others\]", " ".join(out.split()))


def test_terms_are_scaled_as_they_are_shown(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    """Each line of the inputs holds by itself: x = (value - shift) / scale, and x1^2 is that of x1 scaled."""
    out = mlp("explain", trained("moons", "training.epochs=2", "data.terms=[square, product]").path, 1).out
    lines = re.findall(r"^ +\d+  (\S.*?) +([-\d.]+) +([-\d.]+) +([-\d.]+) +([-\d.]+)$", out, re.MULTILINE)
    rows = {name: tuple(map(float, numbers)) for name, *numbers in lines}
    assert list(rows) == ["x1", "x2", "x1^2", "x2^2", "x1 * x2"]
    for shown, shift, scale, x in rows.values():
        assert x == pytest.approx((shown - shift) / scale, abs=1e-3)
    a, b = rows["x1"][-1], rows["x2"][-1]
    assert [rows[name][0] for name in ("x1^2", "x2^2", "x1 * x2")] == pytest.approx(
        [a * a, b * b, a * b], abs=1e-3
    )


def test_of_many_classes_those_with_the_highest_scores_are_written(mlp: Mlp, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 3)), [f"c{i % 40}" for i in range(400)]
    np.savez(tmp_path / "t.npz", X=X, y=y)
    (tmp_path / "c.yaml").write_text(
        "data: {name: npz, path: t.npz}\nmodel: {hidden: [4]}\ntraining: {epochs: 1}\n", encoding="utf-8"
    )
    assert mlp("train", "c.yaml", "--quiet").code == 0
    out = mlp("explain", "runs/c", 1).out
    np.save(tmp_path / "row.npy", X[:1])
    lines = mlp("predict", "runs/c", "row.npy").out.splitlines()
    probabilities = np.array(list(map(float, lines[1].split(",")[1:])))
    names = [name.removeprefix("probability_") for name in lines[0].split(",")[1:]]
    best = {names[i] for i in np.argsort(-probabilities)[:6]}
    assert set(re.findall(r"^  unit \d+ \((\w+)\)", out, re.MULTILINE)) == best
    assert "and 34 other units, whose outputs are less" in out
    table = out.split("output: softmax")[1]
    assert {line.split()[0] for line in table.splitlines()[2:8]} == best
    assert re.search(r"^  34 others +[\d.]+ +[\d.]+$", table, re.MULTILINE)
    check_sums(out)


def test_a_whitened_pixel_is_told_to_be_a_sum(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    run = trained("digits", "model.hidden=[4]", "training.epochs=1", "data.scaling=whiten")
    result = mlp("explain", run.path, "3")
    assert "64 inputs: x is a sum over the 3 x 3 pixels around it,\n  filter * (value - shift) / scale\n" in (
        result.out
    )
