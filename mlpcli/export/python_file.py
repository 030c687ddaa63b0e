"""The graph of a checkpoint as one file of Python, to be read and run: NumPy is all that it needs."""

from __future__ import annotations

import base64
import keyword
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build import dialect_of
from mlpcli.data.labels import MISSING
from mlpcli.data.writing import number_cell
from mlpcli.export.graph import Graph, class_labels, dates_of
from mlpcli.export.symbols import Node, Symbol, steps_of
from mlpcli.training.checkpoints import Checkpoint

__all__ = ["python_text"]

_SMALL = 400  # numbers of an array that is written out
_LONG = 80  # characters of a formula that gets a line of its own
_WIDTH = 100

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


def python_text(graph: Graph, checkpoint: Checkpoint, about: Mapping[str, str]) -> str:
    """Return the text of the file."""
    writer = _Writer(graph)
    nodes = steps_of(graph.outputs.values())
    uses: dict[Node, int] = {}
    for node in nodes:
        for operand in node.operands:
            uses[operand] = uses.get(operand, 0) + 1
    for node in nodes:
        writer.write(node, uses.get(node, 0))
    of_x = graph.is_matrix
    parts = [
        _opening(checkpoint, about, writer, of_x),
        *(text for name, text in _HELPERS.items() if name in writer.needs),
        "\n".join([*_settings(graph, checkpoint), "", *writer.constants]),
        _predict(graph, writer, of_x),
        *([] if of_x else [_COLUMN]),
        _read(checkpoint, of_x),
        *(["# The large arrays, as their bytes.\n" + "\n".join(writer.packed)] if writer.packed else []),
        _main(checkpoint, graph),
    ]
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


class _Writer:
    """Writes one step after the other as a formula, or as a line that gives its result a name."""

    def __init__(self, graph: Graph) -> None:
        self.constants: list[str] = []
        self.packed: list[str] = []
        self.lines: list[str] = []
        self.needs: set[str] = set()
        self._formulas: dict[Node, Formula] = {}
        self._taken = set(_RESERVED)
        self._is_matrix = graph.is_matrix
        self._inputs = {symbol.node: graph.columns[name][0] for name, symbol in graph.inputs.items()}

    def name_of(self, symbol: Symbol) -> str:
        """Return the name, or the formula, of a result."""
        return self._formulas[symbol.node][0]

    def write(self, node: Node, uses: int) -> None:
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
        """Return a name that no other has."""
        wanted = re.sub(r"\W", "_", wanted, flags=re.ASCII)
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name

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
        value, separator=", ", threshold=_SMALL, max_line_width=_WIDTH, prefix="    ", formatter=_DIGITS
    )
    numbers, kind = numbers.replace("inf", "np.inf"), f"np.{value.dtype.name}"
    line = f"{name} = np.array({numbers}, {kind})"
    if "\n" not in numbers and len(line) <= _WIDTH:
        return line
    return f"{name} = np.array(  # {value.shape}\n    {numbers},\n    {kind},\n)"


def _packed(name: str, value: NDArray[Any]) -> str:
    """Return the lines that give an array its name, with its bytes in base64."""
    little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
    text = base64.b64encode(little.tobytes()).decode()
    lines = "\n".join(text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH))
    return f'{name} = unpacked("{little.dtype.str}", {value.shape}, """\n{lines}\n""")'


def _dictionary(name: str, table: Mapping[str, float]) -> str:
    entries = [f"{text!r}: {_number(number)}" for text, number in table.items()]
    line = f"{name} = {{{', '.join(entries)}}}"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"{name} = {{", *(f"    {entry}," for entry in entries), "}"])


# ------------------------------------------------------------------------------------- around the network

_RESERVED = {
    *keyword.kwlist,
    *("np", "csv", "sys", "base64", "unicodedata", "predict", "table", "X", "column", "read", "number"),
    *(
        "datetime",
        "timezone",
        "part_of",
        "DATES",
        "softmax",
        "look_up",
        "unpacked",
        "COLUMNS",
        "TEXTS",
        "CLASSES",
        "TARGETS",
        "MISSING",
    ),
}


def _opening(checkpoint: Checkpoint, about: Mapping[str, str], writer: _Writer, of_x: bool) -> str:
    widths = "-".join(map(str, checkpoint.network.widths))
    several = checkpoint.network.members * len(checkpoint.members)
    network = f"a network {widths}" if several == 1 else f"the mean of {several:,} networks {widths}"
    used = {"base64": "unpacked" in writer.needs, "csv": True, "sys": True, "unicodedata": not of_x}
    imports = "\n".join(f"import {name}" for name, is_used in used.items() if is_used)
    if dates_of(checkpoint):
        imports += "\nfrom datetime import datetime, timezone"
    return f'''"""Predicts new rows by {network}. It needs NumPy alone.

    python THIS_FILE rows.csv

writes predictions as CSV, and `predict` is for programs. The numbers were learned by mlp {about["mlp"]};
the checkpoint had the SHA-256 {about["checkpoint_sha256"]}.
"""

{imports}

import numpy as np
'''


_HELPERS = {
    "unpacked": '''
def unpacked(kind, shape, text):
    """Return the array whose bytes are written in base64."""
    return np.frombuffer(base64.b64decode(text), kind).reshape(shape)

''',
    "softmax": '''
def softmax(z):
    """Return probabilities (n, classes) of logits; the largest is subtracted so that exp cannot overflow."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

''',
    "look_up": '''
def look_up(texts, codes, missing, otherwise):
    """Return the code (n, 1) of each text (n, 1)."""
    found = [codes.get(text, missing if text.lower() in MISSING else otherwise) for text in texts[:, 0]]
    return np.array(found)[:, None]

''',
}


def _settings(graph: Graph, checkpoint: Checkpoint) -> list[str]:
    """Return the lines that name columns and classes, and the words for missing cells."""
    lines = ["", _list("COLUMNS", checkpoint.columns)]
    texts = [graph.columns[name][0] for name, symbol in graph.inputs.items() if symbol.dtype.hasobject]
    if texts:
        lines.append(_list("TEXTS", texts))
    if dates := dates_of(checkpoint):
        lines.append(_list("DATES", list(dates)))
    if checkpoint.classes is None:
        lines.append(_list("TARGETS", checkpoint.target_names))
    else:
        lines.append(_list("CLASSES", class_labels(checkpoint.classes).tolist()))
    return [*lines, _list("MISSING", ["", *sorted(MISSING)]), ""]


def _list(name: str, values: Sequence[object]) -> str:
    line = f"{name} = [{', '.join(map(repr, values))}]"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"{name} = [", *(f"    {value!r}," for value in values), "]"])


def _predict(graph: Graph, writer: _Writer, of_x: bool) -> str:
    """Return the function with the forward pass."""
    dtype = next((symbol.dtype.name for symbol in graph.inputs.values() if not symbol.dtype.hasobject), "")
    if of_x:
        (columns,) = graph.columns.values()
        takes = f"rows X (n, {len(columns)}): numbers in the order of COLUMNS, NaN where one is missing"
        first = f"    X = np.asarray(X, np.{dtype})"
    else:
        takes = "a table: a data frame, or a dict with the cells (n,) of each column"
        kind = f"np.{dtype}" if dtype else "float"
        first = f"    table = {{name: column(table[name], name in TEXTS, {kind}) for name in COLUMNS}}"
    what = {
        "label": "the class (n,)",
        "probabilities": "the probability (n, classes) of each class",
        "scores": "the score (n, classes) of each class",
        "variable": "the values (n, targets)",
    }
    returns = ", and ".join(what[name] for name in graph.outputs)
    results = ", ".join(writer.name_of(symbol) for symbol in graph.outputs.values())
    return f'''
def predict({"X" if of_x else "table"}):
    """Return {returns}.

    It takes {takes}.
    """
{first}
{"".join(f"{line}{chr(10)}" for line in writer.lines)}    return {results}

'''


_COLUMN = '''
def column(cells, is_text, kind):
    """Return the cells of a column as an array (n, 1)."""
    if not is_text:
        return np.reshape(np.asarray(cells, kind), (-1, 1))
    return np.array([[unicodedata.normalize("NFC", str(cell).strip())] for cell in cells], object)

'''


def _read(checkpoint: Checkpoint, of_x: bool) -> str:
    """Return the functions that read a file, as the table of the training was written."""
    dialect = dialect_of(checkpoint.experiment.data)
    cell = "cell"
    if dialect.thousands:
        cell += f'.replace({dialect.thousands!r}, "")'
    if dialect.decimal == ",":
        cell += '.replace(",", ".")'
    each = "number(cell)" if of_x else "cell if name in TEXTS else number(cell)"
    source, dates = "name", ""
    if dates_of(checkpoint):
        each = f"part_of(cell, name.split()[-1]) if source != name else {each}"
        source, dates = 'name.rpartition(" ")[0] if name.rpartition(" ")[0] in DATES else name', _PART_OF
    result = "np.array(list(table.values())).T" if of_x else "table"
    return f'''
def number(cell):
    """Return the number of a cell, NaN if it is missing."""
    return np.nan if cell.lower() in MISSING else float({cell})
{dates}

def read(path):
    """Return the columns of a .csv file that the network was trained on."""
    with open(path, newline="", encoding="{dialect.encoding or "utf-8-sig"}") as file:
        names, *rows = csv.reader(file, delimiter={dialect.delimiter!r})
    places = {{name.strip(): place for place, name in enumerate(names)}}
    table = {{}}
    for name in COLUMNS:
        source = {source}
        if source not in places:
            sys.exit(f"{{path}} has no column {{source!r}}")
        cells = [row[places[source]].strip() for row in rows if row]
        table[name] = [{each} for cell in cells]
    return {result}

'''


_PART_OF = '''

def part_of(cell, part):
    """Return year, month, weekday (0 is Monday), hour or seconds since 1970 of a date as 2024-05-31."""
    if cell.lower() in MISSING:
        return np.nan
    when = datetime.fromisoformat(cell)
    if part == "weekday":
        return when.weekday()
    if part == "seconds":  # in UTC, where the cell names its offset
        return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()
    return getattr(when, part)
'''


def _main(checkpoint: Checkpoint, graph: Graph) -> str:
    """Return what the file does when it is run: the same CSV as `mlp predict`."""
    if checkpoint.classes is None:
        found, header, rows = "variable", "TARGETS", "variable"
    else:
        outputs = list(graph.outputs)[1]
        what = {"probabilities": "probability", "scores": "score"}[outputs]
        found, header = f"label, {outputs}", f'["label", *(f"{what}_{{name}}" for name in CLASSES)]'
        rows = f"([name, *row] for name, row in zip(label, {outputs}))"
    return f"""
if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("It takes one file: python " + sys.argv[0] + " rows.csv")
    {found} = predict(read(sys.argv[1]))
    lines = csv.writer(sys.stdout, lineterminator="\\n")
    lines.writerow({header})
    lines.writerows(map(str, row) for row in {rows})
"""
