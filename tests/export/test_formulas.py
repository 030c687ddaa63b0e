"""Formulas: brackets where they are needed, names for what is used twice, numbers with all their digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlpcli.export.formulas import Formulas
from mlpcli.export.graph import Graph
from mlpcli.export.python_file import HELPERS
from mlpcli.export.symbols import Symbol, constant, step


def x(dtype: Any = np.float64) -> Any:
    return step("input", [], (1, 2), dtype).named("X")


def formulas_of(inputs: Any, output: Any) -> tuple[Formulas, str]:
    """Return the lines, and the formula of the result."""
    symbol = Symbol(output.node)
    formulas = Formulas(Graph({"X": inputs}, {"variable": symbol}, {"X": ("a", "b")}))
    return formulas, formulas.name_of(symbol)


@pytest.mark.parametrize(
    "formula",
    [
        "X + 1 - 2",
        "X - (X + 1)",
        "X - (X - 1)",
        "X / (X * 2)",
        "X * 2 / X",
        "-X * 2",
        "-(X + 1)",
        "(X + 1) * (X - 1)",
        "np.exp(-X) / (np.exp(-X) + 1)",
        "np.maximum(X, 0.5) @ np.ones((2, 2))",
    ],
)
def test_brackets(formula: str) -> None:
    """What is written is what has been computed, with no bracket more than it needs."""
    X = x()
    formulas, written = formulas_of(X, eval(formula, {"np": np, "X": X}))
    if "ones" not in formula:
        assert written == formula
    numbers = np.array([[0.25, -3.0], [2.0, 7.0]])
    known: dict[str, Any] = {"np": np, "X": numbers}
    exec("\n".join(formulas.constants), known)
    np.testing.assert_array_equal(eval(written, known), eval(formula, {"np": np, "X": numbers}))


def test_a_result_that_is_used_twice_has_a_name() -> None:
    X = x()
    e = np.exp(X).named("e", "never below 0")
    formulas, written = formulas_of(X, e / (e + 1))
    assert (formulas.lines, written) == (["    e = np.exp(X)  # never below 0"], "e / (e + 1)")


def test_names_that_are_taken_get_a_number() -> None:
    X = x()
    first, second = np.exp(X).named("predict"), np.log(X).named("predict")
    formulas, written = formulas_of(X, first + second)
    assert written == "predict_2 + predict_3"
    assert [line.split(" = ")[0].strip() for line in formulas.lines] == ["predict_2", "predict_3"]


@pytest.mark.parametrize("n", [3, 1000])
def test_arrays_keep_every_bit(n: int) -> None:
    values = np.random.default_rng(n).normal(size=(n, 2)) * 10.0 ** np.arange(-8, 8, 16 / n)[:n, None]
    for dtype in (np.float32, np.float64):
        X = x(dtype)
        formulas, written = formulas_of(X, X @ constant(values.T.astype(dtype), "W"))
        known: dict[str, Any] = {"np": np}
        if "unpacked" in formulas.needs:
            exec("import base64" + HELPERS["unpacked"], known)
        exec("\n".join([*formulas.constants, *formulas.packed]), known)
        assert known["W"].dtype == dtype
        np.testing.assert_array_equal(known["W"], values.T.astype(dtype))
        assert written.endswith("@ W")
