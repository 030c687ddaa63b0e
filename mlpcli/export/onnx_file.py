"""The graph of a checkpoint as an ONNX model: opset 17, IR version 8, with what it is in the metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.errors import UsageError
from mlpcli.export.graph import Graph
from mlpcli.export.symbols import Node, free_name, steps_of
from mlpcli.text import install_command

__all__ = ["OPERATORS", "onnx_bytes"]

OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
_MOST_BYTES = 2**31 - 1  # that protobuf can hold

# The operators of ONNX that do what a NumPy ufunc does.
OPERATORS = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "matmul": "MatMul",
    "maximum": "Max",
    "minimum": "Min",
    "power": "Pow",
    "where": "Where",
    "isnan": "IsNaN",
    "negative": "Neg",
    "absolute": "Abs",
    "sign": "Sign",
    "reciprocal": "Reciprocal",
    "floor": "Floor",
    "ceil": "Ceil",
    "sqrt": "Sqrt",
    "exp": "Exp",
    "log": "Log",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "arctan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "tanh": "Tanh",
}

_WITH_ATTRIBUTES: dict[str, tuple[str, dict[str, Any]]] = {
    "take": ("Gather", {"axis": -1}),
    "concatenate": ("Concat", {"axis": -1}),
    "max": ("ReduceMax", {"axes": [-1], "keepdims": 1}),
    "mean_of_members": ("ReduceMean", {"axes": [0], "keepdims": 0}),
    "softmax": ("Softmax", {"axis": -1}),
    "argmax": ("ArgMax", {"axis": -1, "keepdims": 0}),
    "choose": ("Gather", {"axis": 0}),
}


def onnx_bytes(graph: Graph, about: Mapping[str, str]) -> bytes:
    """Return the model; ``about`` becomes its metadata.

    Raises UsageError if onnx is not installed, or the network is too large for one file of ONNX.
    """
    try:
        onnx = _onnx()
    except ImportError as error:
        raise UsageError(
            f"an ONNX file needs onnx, which cannot be imported ({error}); install it with\n"
            f"  {install_command('mlpcli[onnx]')}"
        ) from None
    size = sum(node.value.nbytes for node in steps_of(graph.outputs.values()) if node.value is not None)
    if size > _MOST_BYTES - 2**20:
        raise UsageError(
            f"the network's arrays take {size:,} bytes, and an ONNX file holds at most {_MOST_BYTES:,}; "
            "export it to .npz or .safetensors"
        )
    writer = _Writer(graph)
    for node in steps_of(graph.outputs.values()):
        writer.write(node)
    helper = onnx.helper
    model = helper.make_model(
        helper.make_graph(
            writer.nodes,
            "mlp",
            [
                helper.make_tensor_value_info(name, _type(symbol.dtype), ["n", *symbol.shape[1:]])
                for name, symbol in graph.inputs.items()
            ],
            [
                helper.make_tensor_value_info(name, _type(symbol.dtype), ["n", *symbol.shape[1:]])
                for name, symbol in graph.outputs.items()
            ],
            writer.constants,
        ),
        producer_name="mlpcli",
        producer_version=about["mlp"],
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, dict(about))
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _onnx() -> Any:
    return import_module("onnx")


def _type(dtype: np.dtype[Any]) -> int:
    onnx = _onnx()
    found: int = onnx.TensorProto.STRING if dtype.hasobject else onnx.helper.np_dtype_to_tensor_dtype(dtype)
    return found


class _Writer:
    """Writes one step after the other as nodes and constants of ONNX."""

    def __init__(self, graph: Graph) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        ends = {**graph.inputs, **graph.outputs}
        self._names = {symbol.node: name for name, symbol in ends.items()}
        self._taken = set(ends)

    def write(self, node: Node) -> None:
        """Add a step, whose operands have been written."""
        if node not in self._names:
            self._names[node] = free_name(self._taken, node.name or node.operation)
        name = self._names[node]
        inputs = [self._names[operand] for operand in node.operands]
        if node.operation == "input":
            return
        if node.value is not None:
            self._constant(name, node.value)
        elif node.operation in OPERATORS:
            self._add(OPERATORS[node.operation], inputs, name)
        elif node.operation in _WITH_ATTRIBUTES:
            operator, attributes = _WITH_ATTRIBUTES[node.operation]
            self._add(operator, inputs, name, **attributes)
        elif node.operation in _STEPS:
            _STEPS[node.operation](self, node, inputs, name)
        else:
            raise UsageError(
                f"the network computes {node.operation}, which has no operator of ONNX in mlpcli; "
                "export it to .py or .npz"
            )

    def _add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        onnx = _onnx()
        node = onnx.helper.make_node(operator, inputs, [output], output, **attributes)
        self.nodes.append(node)
        return output

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        onnx = _onnx()
        if value.dtype == object:
            texts = [text.encode() for text in value]
            tensor = onnx.helper.make_tensor(name, onnx.TensorProto.STRING, value.shape, texts)
        else:
            tensor = onnx.numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)
        self.constants.append(tensor)
        return name

    def _extra(self, name: str, what: str, value: Any, dtype: Any = np.int64) -> str:
        return self._constant(free_name(self._taken, f"{name}/{what}"), np.array(value, dtype))

    # The steps that are no single operator, or whose attributes depend on the step

    def square(self, _: Node, inputs: list[str], name: str) -> None:
        self._add("Mul", inputs * 2, name)

    def expm1(self, node: Node, inputs: list[str], name: str) -> None:
        power = self._add("Exp", inputs, free_name(self._taken, f"{name}/exp"))
        self._add("Sub", [power, self._extra(name, "one", 1, node.dtype)], name)

    def log1p(self, node: Node, inputs: list[str], name: str) -> None:
        one = self._extra(name, "one", 1, node.dtype)
        self._add("Log", [self._add("Add", [*inputs, one], free_name(self._taken, f"{name}/sum"))], name)

    def cast(self, node: Node, inputs: list[str], name: str) -> None:
        self._add("Cast", inputs, name, to=_type(node.dtype))

    def columns(self, node: Node, inputs: list[str], name: str) -> None:
        ends = [self._extra(name, end, [node.settings[end]]) for end in ("start", "stop")]
        self._add("Slice", [*inputs, *ends, self._extra(name, "axis", [-1])], name)

    def sum(self, _: Node, inputs: list[str], name: str) -> None:
        self._add("ReduceSum", [*inputs, self._extra(name, "axis", [-1])], name, keepdims=1)

    def convolve(self, node: Node, inputs: list[str], name: str) -> None:
        pixels, filters = inputs
        image, half = node.settings["image"], node.operands[1].shape[-1] // 2
        as_images = self._extra(name, "image", [-1, *image])
        images = self._add("Reshape", [pixels, as_images], free_name(self._taken, f"{name}/images"))
        around = self._extra(name, "around", [0, 0, half, half] * 2)
        framed = self._add("Pad", [images, around], free_name(self._taken, f"{name}/framed"), mode="edge")
        found = self._add("Conv", [framed, filters], free_name(self._taken, f"{name}/filtered"))
        self._add("Reshape", [found, self._extra(name, "row", [-1, node.shape[-1]])], name)

    def look_up(self, node: Node, inputs: list[str], name: str) -> None:
        table: Mapping[str, Any] = node.settings["table"]
        kind = "int64s" if node.dtype == np.int64 else "floats"
        values = {
            "keys_strings": list(table),
            f"values_{kind}": list(table.values()),
            f"default_{kind[:-1]}": node.settings["otherwise"],
        }
        self._add("LabelEncoder", inputs, name, domain="ai.onnx.ml", **values)

    def one_hot(self, node: Node, inputs: list[str], name: str) -> None:
        places = self._extra(name, "places", [range(node.settings["n"])])
        is_place = self._add("Equal", [*inputs, places], free_name(self._taken, f"{name}/equal"))
        self._add("Cast", [is_place], name, to=_type(node.dtype))

    def by_place(self, _: Node, inputs: list[str], name: str) -> None:
        rows = self._add("Gather", inputs, free_name(self._taken, f"{name}/rows"), axis=-1)
        self._add("Transpose", [rows], name, perm=[1, 0, 2])

    def side_by_side(self, node: Node, inputs: list[str], name: str) -> None:
        rows = self._add("Transpose", inputs, free_name(self._taken, f"{name}/rows"), perm=[1, 0, 2])
        self._add("Reshape", [rows, self._extra(name, "shape", [-1, node.shape[-1]])], name)


_STEPS: dict[str, Callable[[_Writer, Node, list[str], str], None]] = {
    "square": _Writer.square,
    "expm1": _Writer.expm1,
    "log1p": _Writer.log1p,
    "cast": _Writer.cast,
    "columns": _Writer.columns,
    "sum": _Writer.sum,
    "convolve": _Writer.convolve,
    "look_up": _Writer.look_up,
    "one_hot": _Writer.one_hot,
    "by_place": _Writer.by_place,
    "side_by_side": _Writer.side_by_side,
}
