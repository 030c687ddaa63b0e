"""The steps of a graph as lines of Python: formulas with names, and the numbers that they need."""

from __future__ import annotations

import base64
import keyword
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.writing import number_cell
from mlpcli.export.graph import Graph
from mlpcli.export.read_code import READ_NAMES
from mlpcli.export.symbols import Node, Symbol, free_name, steps_of

__all__ = ["WIDTH", "Formulas"]

WIDTH = 100  # characters of a line
_SMALL = 400  # numbers of an array that is written out
_LONG = 80  # characters of a formula that gets a line of its own

_DIGITS: Any = {"float_kind": number_cell, "int_kind": str}
_SUM, _PRODUCT, _SIGN, _ATOM = 1, 2, 3, 4  # how strongly the parts of a formula hold together
_BETWEEN = {
    "add": ("+", _SUM),
    "subtract": ("-", _SUM),
    "multiply": ("*", _PRODUCT),
    "divide": ("/", _PRODUCT),
    "matmul": ("@", _PRODUCT),
}
Formula = tuple[str, int]

_RESERVED = {
    *keyword.kwlist,
    *READ_NAMES,
    *("np", "base64", "os", "zlib", "predict", "table", "X", "column", "softmax", "look_up", "unpacked"),
    "convolved",
    *("COLUMNS", "TEXTS", "CLASSES", "TARGETS", "MISSING"),
}


class Formulas:
    """A graph as ``lines`` that compute its outputs, each of which gives a formula's result a name.

    ``constants`` are the lines of the small arrays, which are written out, and ``packed`` those of the large
    ones, in base64. ``needs`` has the names of the functions that are called and are not NumPy's.
    """

    def __init__(self, graph: Graph) -> None:
        self.constants: list[str] = []
        self.packed: list[str] = []
        self.lines: list[str] = []
        self.needs: set[str] = set()
        self._formulas: dict[Node, Formula] = {}
        self._taken = set(_RESERVED)
        self._is_matrix = graph.is_matrix
        self._inputs = {symbol.node: graph.columns[name][0] for name, symbol in graph.inputs.items()}
        nodes = steps_of(graph.outputs.values())
        uses: dict[Node, int] = {}
        for node in nodes:
            for operand in node.operands:
                uses[operand] = uses.get(operand, 0) + 1
        for node in nodes:
            self._write(node, uses.get(node, 0))

    def name_of(self, symbol: Symbol) -> str:
        """Return the name, or the formula, of a result."""
        return self._formulas[symbol.node][0]

    def _write(self, node: Node, uses: int) -> None:
        """Add a step, whose operands have been written, and which so many others use."""
        if node in self._inputs:
            text = "X" if self._is_matrix else f"table[{self._inputs[node]!r}]"
            self._formulas[node] = (text, _ATOM)
            return
        if node.value is not None:
            self._formulas[node] = (self._constant(node, node.value), _ATOM)
            return
        text, strength = self._formula(node)
        if node.name or uses > 1 or len(text) > _LONG:
            name = self._free(node.name or "t")
            note = f"  # {node.note}" if node.note else ""
            self.lines.append(f"    {name} = {text}{note}")
            text, strength = name, _ATOM
        self._formulas[node] = (text, strength)

    def _free(self, wanted: str) -> str:
        """Return a name of Python that no other has."""
        return free_name(self._taken, re.sub(r"\W", "_", wanted, flags=re.ASCII))

    def _constant(self, node: Node, value: NDArray[Any]) -> str:
        if value.ndim == 0:
            return str(value[()]).removesuffix(".0")
        if node.name == "classes":
            return "np.array(CLASSES)"
        if value.dtype == np.int64 and value.size <= 20:  # places of columns
            return repr(value.tolist())
        name = self._free(node.name or ("places" if value.dtype == np.int64 else "k"))
        if value.size <= _SMALL:
            self.constants.append(_written_out(name, value))
        else:
            self.needs.add("unpacked")
            self.packed.append(_packed(name, value))
        return name

    def _formula(self, node: Node) -> Formula:
        operands = [self._formulas[operand] for operand in node.operands]
        texts = [text for text, _ in operands]
        if node.operation in _BETWEEN:
            sign, strength = _BETWEEN[node.operation]
            left = _in_brackets(operands[0], strength)
            right = _in_brackets(operands[1], strength + 1)
            return f"{left} {sign} {right}", strength
        if node.operation == "negative":
            return f"-{_in_brackets(operands[0], _SIGN)}", _SIGN
        return self._called(node, operands, texts), _ATOM

    def _called(self, node: Node, operands: Sequence[Formula], texts: Sequence[str]) -> str:
        first, settings = _in_brackets(operands[0], _ATOM), node.settings
        match node.operation:
            case "cast":
                return f"{first}.astype(np.{node.dtype.name})"
            case "columns":
                return f"{first}[..., {settings['start']}:{settings['stop']}]"
            case "take":
                return f"{first}[..., {texts[1]}]"
            case "by_place":
                return f"np.moveaxis({first}[..., {texts[1]}], -2, 0)"
            case "side_by_side":
                return f"np.moveaxis({texts[0]}, 0, -2).reshape(-1, {node.shape[-1]})"
            case "concatenate":
                return f"np.concatenate([{', '.join(texts)}], axis=-1)"
            case "sum" | "max":
                return f"np.{node.operation}({texts[0]}, axis=-1, keepdims=True)"
            case "mean_of_members":
                return f"np.mean({texts[0]}, axis=0)"
            case "argmax":
                return f"np.argmax({texts[0]}, axis=-1)"
            case "choose":
                return f"{texts[0]}[{texts[1]}]"
            case "softmax":
                self.needs.add("softmax")
                return f"softmax({texts[0]})"
            case "convolve":
                self.needs.add("convolved")
                return f"convolved({texts[0]}, {texts[1]}, {settings['image']})"
            case "one_hot":
                return f"({texts[0]} == np.arange({settings['n']})).astype(np.{node.dtype.name})"
            case "look_up":
                self.needs.add("look_up")
                codes = self._free(f"codes_of_{self._inputs[node.operands[0]]}")
                self.constants.append(_dictionary(codes, settings["words"]))
                others = ", ".join(_number(settings[key]) for key in ("missing", "otherwise"))
                return f"look_up({texts[0]}, {codes}, {others})"
        return f"np.{node.operation}({', '.join(texts)})"


def _in_brackets(formula: Formula, strength: int) -> str:
    text, own = formula
    return text if own >= strength else f"({text})"


def _number(value: float) -> str:
    return "np.nan" if value != value else repr(value)


def _written_out(name: str, value: NDArray[Any]) -> str:
    """Return the lines that give an array its name, with all numbers."""
    numbers = np.array2string(
        value, separator=", ", threshold=_SMALL, max_line_width=WIDTH, prefix="    ", formatter=_DIGITS
    )
    numbers, kind = numbers.replace("inf", "np.inf"), f"np.{value.dtype.name}"
    line = f"{name} = np.array({numbers}, {kind})"
    if "\n" not in numbers and len(line) <= WIDTH:
        return line
    return f"{name} = np.array(  # {value.shape}\n    {numbers},\n    {kind},\n)"


def _packed(name: str, value: NDArray[Any]) -> str:
    """Return the lines that give an array its name, with its bytes in base64."""
    little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
    text = base64.b64encode(little.tobytes()).decode()
    lines = "\n".join(text[start : start + WIDTH] for start in range(0, len(text), WIDTH))
    return f'{name} = unpacked("{little.dtype.str}", {value.shape}, """\n{lines}\n""")'


def _dictionary(name: str, table: Mapping[str, float]) -> str:
    entries = [f"{text!r}: {_number(number)}" for text, number in table.items()]
    line = f"{name} = {{{', '.join(entries)}}}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name} = {{", *(f"    {entry}," for entry in entries), "}"])
