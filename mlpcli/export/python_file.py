"""The graph of a checkpoint as one file of Python, to be read and run: NumPy is all that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlpcli.build.readers import dialect_of
from mlpcli.data.labels import MISSING
from mlpcli.export.formulas import WIDTH, Formulas
from mlpcli.export.graph import Graph, class_labels, dates_of
from mlpcli.export.read_code import read_code
from mlpcli.training.checkpoints import Checkpoint

__all__ = ["HELPERS", "python_text"]


def python_text(graph: Graph, checkpoint: Checkpoint, about: Mapping[str, str]) -> str:
    """Return the text of the file."""
    formulas = Formulas(graph)
    of_x = graph.is_matrix
    parts = [
        _opening(checkpoint, about, formulas),
        *(text for name, text in HELPERS.items() if name in formulas.needs),
        "\n".join([*_settings(graph, checkpoint), "", *formulas.constants]),
        _predict(graph, formulas, of_x),
        *([] if of_x else [_COLUMN]),
        read_code(
            dialect_of(checkpoint.experiment.data), has_dates=bool(dates_of(checkpoint)), has_texts=not of_x
        ),
        *(["# The large arrays, as their bytes.\n" + "\n".join(formulas.packed)] if formulas.packed else []),
        _main(checkpoint, graph),
    ]
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _opening(checkpoint: Checkpoint, about: Mapping[str, str], formulas: Formulas) -> str:
    widths = "-".join(map(str, checkpoint.network.widths))
    several = checkpoint.network.members * len(checkpoint.members)
    network = f"a network {widths}" if several == 1 else f"the mean of {several:,} networks {widths}"
    modules = ["csv", "gzip", "io", "os", "re", "sys", "unicodedata", "zlib"]
    if "unpacked" in formulas.needs:
        modules.insert(0, "base64")
    imports = "\n".join(f"import {name}" for name in modules)
    if dates_of(checkpoint):
        imports += "\nfrom datetime import datetime, timedelta"
    return f'''"""Predicts new rows by {network}. It needs NumPy alone.

    python THIS_FILE rows.csv

writes predictions as CSV, and `predict` is for programs. The numbers were learned by mlp {about["mlp"]};
the checkpoint had the SHA-256 {about["checkpoint_sha256"]}.
"""

{imports}

import numpy as np
'''


HELPERS = {
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
    "convolved": '''
def convolved(x, filters, image):
    """Return images x (n, columns) of the shape ``image``, filtered; outside is what the nearest pixel is."""
    half = filters.shape[-1] // 2
    padded = np.pad(x.reshape(-1, *image), ((0, 0), (0, 0), (half, half), (half, half)), "edge")
    found = np.zeros((len(x), *image), x.dtype)
    for a, b in np.ndindex(filters.shape[2:]):
        shifted = padded[:, :, a : a + image[1], b : b + image[2]]
        found += np.einsum("oc,ncij->noij", filters[:, :, a, b], shifted, optimize=True)
    return found.reshape(len(x), -1)

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
        parts = {f"{name} {part}": part for name, own in dates.items() for part in own}
        lines += ["PARTS = {", *(f"    {name!r}: {part!r}," for name, part in parts.items()), "}"]
    if checkpoint.classes is None:
        lines.append(_list("TARGETS", checkpoint.target_names))
    else:
        lines.append(_list("CLASSES", class_labels(checkpoint.classes).tolist()))
    return [*lines, _list("MISSING", ["", *sorted(MISSING)]), ""]


def _list(name: str, values: Sequence[object]) -> str:
    line = f"{name} = [{', '.join(map(repr, values))}]"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name} = [", *(f"    {value!r}," for value in values), "]"])


def _predict(graph: Graph, formulas: Formulas, of_x: bool) -> str:
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
    results = ", ".join(formulas.name_of(symbol) for symbol in graph.outputs.values())
    return f'''
def predict({"X" if of_x else "table"}):
    """Return {returns}.

    It takes {takes}.
    """
{first}
{"".join(f"{line}{chr(10)}" for line in formulas.lines)}    return {results}

'''


_COLUMN = '''
def column(cells, is_text, kind):
    """Return the cells of a column as an array (n, 1)."""
    if not is_text:
        return np.reshape(np.asarray(cells, kind), (-1, 1))
    return np.array([[unicodedata.normalize("NFC", str(cell).strip())] for cell in cells], object)

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
    try:
        rows = read(sys.argv[1])
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        sys.exit(f"{{sys.argv[1]}}: {{error}}")
    {found} = predict(rows)
    lines = csv.writer(sys.stdout, lineterminator="\\n")
    try:
        lines.writerow({header})
        lines.writerows(map(str, row) for row in {rows})
        sys.stdout.flush()
    except BrokenPipeError:  # a reader such as head has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
"""
