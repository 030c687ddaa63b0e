"""A checkpoint as a state_dict of PyTorch, and the code of the torch.nn.Sequential that it belongs to."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.transform import Transform
from mlpcli.errors import UsageError
from mlpcli.export.graph import class_labels
from mlpcli.nn.layer import Layer
from mlpcli.nn.layers import (
    BatchNorm,
    Clip,
    Dense,
    Dropout,
    LayerNorm,
    LinearPath,
    Maxout,
    Noise,
    PRelu,
    Residual,
)
from mlpcli.nn.local import Local
from mlpcli.text import install_command
from mlpcli.training.checkpoints import Checkpoint

__all__ = ["ACTIVATIONS", "takes_columns", "torch_bytes", "torch_code"]

State = dict[str, NDArray[Any]]

# The modules of torch.nn that do what an activation does; each takes the settings of the activation.
ACTIVATIONS: dict[str, Callable[..., str]] = {
    "identity": lambda: "nn.Identity()",
    "sigmoid": lambda: "nn.Sigmoid()",
    "tanh": lambda: "nn.Tanh()",
    "relu": lambda: "nn.ReLU()",
    "leaky_relu": lambda alpha: f"nn.LeakyReLU({alpha})",
    "elu": lambda alpha: f"nn.ELU({alpha})",
    "selu": lambda: "nn.SELU()",
    "gelu": lambda: 'nn.GELU(approximate="tanh")',
    "silu": lambda: "nn.SiLU()",
    "mish": lambda: "nn.Mish()",
    "softplus": lambda: "nn.Softplus()",
}
_ELSEWHERE = "export it to .onnx or .py, which have all of it"


def torch_code(checkpoint: Checkpoint, weights: str, about: Mapping[str, str]) -> tuple[str, State]:
    """Return the text of a Python file, and the arrays of the state_dict by their names.

    ``weights`` is the name of the file of the state_dict, which the code loads. Raises UsageError for what
    has no counterpart in a Sequential.
    """
    if checkpoint.others or checkpoint.network.members > 1:
        n = sum(member.network.members for member in checkpoint.members)
        raise UsageError(
            f"these are {n:,} networks whose predictions are averaged, and a torch.nn.Sequential is one; "
            f"{_ELSEWHERE}"
        )
    transform, targets = checkpoint.transform, checkpoint.target_transform
    if targets is not None and targets.bend is not None:
        raise UsageError(f"data.target_transform is not undone by a module of torch; {_ELSEWHERE}")
    modules = _Modules()
    if takes_columns(transform):
        scaling = transform.scaling
        state = {"fill": transform.fill, "shift": scaling.shift, "scale": scaling.scale}
        modules.add(f"Scaling({transform.n_columns})", state, "missing cells, shift and scale of the columns")
    if transform.whitening is not None:
        image, filters = transform.whitening.image, transform.whitening.filters.astype(np.float32)
        code = f"Whitening({image}, {filters.shape[-1]})"
        modules.add(code, {"filters": filters}, "pixels, made uncorrelated with those around them")
    modules.add_layers(checkpoint.network.layers)
    if targets is not None:
        state = {"shift": targets.scaling.shift, "scale": targets.scaling.scale}
        modules.add(f"Units({checkpoint.targets})", state, "the units of the targets")
    return _text(checkpoint, modules, weights, about), modules.state


def torch_bytes(state: State) -> bytes:
    """Return the file of a state_dict; raises UsageError if PyTorch, which writes it, is not installed."""
    try:
        torch: Any = import_module("torch")
    except ImportError as error:
        raise UsageError(
            f"a .pt file needs torch, which cannot be imported ({error}); install it with\n"
            f"  {install_command('torch')}\n"
            "or export the arrays alone, to .safetensors"
        ) from None
    stream = io.BytesIO()
    torch.save({name: torch.tensor(array) for name, array in state.items()}, stream)
    return stream.getvalue()


def takes_columns(transform: Transform) -> bool:
    """Return whether the modules take columns as they are; else they take the features made of them."""
    return transform.is_plain or transform.whitening is not None


class _Modules:
    """The modules of a Sequential as lines of code, with the arrays of their state."""

    def __init__(self, prefix: str = "", used: set[str] | None = None) -> None:
        self.lines: list[str] = []
        self.state: State = {}
        self.used: set[str] = set() if used is None else used
        self._prefix, self._n = prefix, 0

    def add(self, code: str, state: State | None = None, note: str = "") -> None:
        """Add a module; ``state`` are its arrays by their names in torch."""
        self.used.add(code.partition("(")[0])
        self.lines += f"{code},{f'  # {note}' if note else ''}".split("\n")
        for name, array in (state or {}).items():
            self.state[f"{self._prefix}{self._n}.{name}"] = array
        self._n += 1

    def add_layers(self, layers: Sequence[Layer]) -> None:
        """Add layers in their order."""
        for layer in layers:
            self._add_layer(layer)

    def _add_layer(self, layer: Layer) -> None:
        fan_in, fan_out, settings = layer.spec.fan_in, layer.spec.fan_out, dict(layer.spec.settings)
        match layer:
            case Dense():
                self.add(f"nn.Linear({fan_in}, {fan_out})", {"weight": layer.W.T, "bias": layer.b})
            case Local():
                window, units = layer.window, settings["units"]
                shape = f"{window.channels}, {window.side}, {window.size}, {window.stride}, {units}"
                pieces = fan_out // (window.places * units)
                more = f", planes={window.planes}" + (f", pieces={pieces}" if pieces > 1 else "")
                self.add(f"Local({shape}{more})", {"weight": layer.W, "bias": layer.b}, "locally connected")
            case BatchNorm():
                state = {"weight": layer.gamma, "bias": layer.beta, "running_mean": layer.running_mean}
                state |= {"running_var": layer.running_var, "num_batches_tracked": np.array(0)}
                self.add(f"nn.BatchNorm1d({fan_out}, eps={layer.EPS})", state)
            case LayerNorm():
                state = {"weight": layer.gamma, "bias": layer.beta}
                self.add(f"nn.LayerNorm({fan_out}, eps={layer.EPS})", state)
            case PRelu():
                self.add(f"nn.PReLU({fan_out})", {"weight": layer.a})
            case Maxout():
                self.add(f"Maxout({layer.pieces})")
            case Dropout():
                self.add(f"nn.Dropout({layer.p})")
            case Noise():  # only in training
                pass
            case Clip():
                self.add(
                    f"Clip({fan_out})", {"low": layer.low, "high": layer.high}, "the training targets' range"
                )
            case Residual():
                self._add_around(layer.inner, layer.P if layer.spec.parameters else None)
            case LinearPath():
                self._add_around(layer.inner, layer.V)
            case _ if layer.spec.kind == "elementwise" and settings["name"] in ACTIVATIONS:
                self.add(ACTIVATIONS[settings.pop("name")](**settings))
            case _:
                what = settings.get("name", layer.spec.kind)
                raise UsageError(f"{what} has no counterpart in torch that mlp knows of; {_ELSEWHERE}")

    def _add_around(self, layers: Sequence[Layer], shortcut: NDArray[Any] | None) -> None:
        """Add layers with a connection around them, which multiplies by ``shortcut`` if there is one."""
        inner = _Modules(f"{self._prefix}{self._n}.inner.", self.used)
        inner.add_layers(layers)
        lines = inner.lines
        state = {}
        if shortcut is not None:
            lines.append(f"shortcut=nn.Linear({shortcut.shape[0]}, {shortcut.shape[1]}, bias=False),")
            state["shortcut.weight"] = shortcut.T
        code = "\n".join(["Residual(", *(f"    {line}" for line in lines), ")"])
        self.state |= inner.state
        self.add(code, state)


_CLASSES = {
    "Scaling": '''
class Scaling(nn.Module):
    """(x - shift) / scale of each column, in 64 bits; a missing cell is filled before."""

    def __init__(self, columns):
        super().__init__()
        for name in ("fill", "shift", "scale"):
            self.register_buffer(name, torch.zeros(columns, dtype=torch.float64))

    def forward(self, x):
        x = torch.where(torch.isnan(x), self.fill, x.double())
        return ((x - self.shift) / self.scale).float()
''',
    "Whitening": '''
class Whitening(nn.Module):
    """Images (channels, height, width), one in each row, filtered; outside is what the nearest pixel is."""

    def __init__(self, image, k):
        super().__init__()
        self.image = image
        self.register_buffer("filters", torch.zeros(image[0], image[0], k, k))

    def forward(self, x):
        half = self.filters.shape[-1] // 2
        framed = nn.functional.pad(x.unflatten(1, self.image), (half, half, half, half), mode="replicate")
        return nn.functional.conv2d(framed, self.filters).flatten(1)
''',
    "Units": '''
class Units(nn.Module):
    """The values of a regression in their own units, in 64 bits."""

    def __init__(self, targets):
        super().__init__()
        for name in ("shift", "scale"):
            self.register_buffer(name, torch.zeros(targets, dtype=torch.float64))

    def forward(self, x):
        return x * self.scale + self.shift
''',
    "Local": '''
class Local(nn.Module):
    """Units that see an image through a window, and have weights of their own at each place of it."""

    def __init__(self, channels, side, size, stride, units, *, planes, pieces=1):
        super().__init__()
        inputs = torch.arange(channels * side * side)
        if planes:
            image = inputs.reshape(channels, side, side).unfold(1, size, stride).unfold(2, size, stride)
            seen = image.permute(1, 2, 0, 3, 4)
        else:
            image = inputs.reshape(side, side, channels).unfold(0, size, stride).unfold(1, size, stride)
            seen = image.permute(0, 1, 3, 4, 2)
        seen = seen.reshape(-1, channels * size * size)
        self.register_buffer("seen", seen, persistent=False)
        self.weight = nn.Parameter(torch.zeros(*seen.shape, pieces * units))
        self.bias = nn.Parameter(torch.zeros(len(seen) * pieces * units))
        self.pieces = pieces

    def forward(self, x):
        sums = x[:, self.seen].transpose(0, 1) @ self.weight
        return sums.unflatten(2, (self.pieces, -1)).permute(1, 2, 0, 3).flatten(1) + self.bias
''',
    "Residual": '''
class Residual(nn.Module):
    """Layers, and their input added to their output: as it is, or through a shortcut."""

    def __init__(self, *layers, shortcut=None):
        super().__init__()
        self.inner, self.shortcut = nn.Sequential(*layers), shortcut

    def forward(self, x):
        return self.inner(x) + (x if self.shortcut is None else self.shortcut(x))
''',
    "Maxout": '''
class Maxout(nn.Module):
    """The largest of the pieces of each unit."""

    def __init__(self, pieces):
        super().__init__()
        self.pieces = pieces

    def forward(self, x):
        return x.unflatten(1, (self.pieces, -1)).amax(dim=1)
''',
    "Clip": '''
class Clip(nn.Module):
    """In evaluation, outputs within a range."""

    def __init__(self, outputs):
        super().__init__()
        self.register_buffer("low", torch.zeros(outputs))
        self.register_buffer("high", torch.zeros(outputs))

    def forward(self, x):
        return x if self.training else torch.clamp(x, self.low, self.high)
''',
}


def _text(checkpoint: Checkpoint, modules: _Modules, weights: str, about: Mapping[str, str]) -> str:
    widths = "-".join(map(str, checkpoint.network.widths))
    transform = checkpoint.transform
    plain = takes_columns(transform)
    inputs = checkpoint.columns if plain else transform.features(checkpoint.columns, checkpoint.kinds)
    takes = "the columns INPUTS, in their own units"
    if not plain:
        takes = "the features INPUTS, which mlp made of the table"
    if checkpoint.classes is None:
        names, gives = f"TARGETS = {checkpoint.target_names!r}", "the values of TARGETS"
    else:
        names = f"CLASSES = {class_labels(checkpoint.classes).tolist()!r}"
        gives = "a score for each of CLASSES"
        if len(checkpoint.classes) > checkpoint.network.widths[-1]:
            gives = "one score, above 0 for the second of CLASSES"
    lines = "\n".join(f"        {line}" for line in modules.lines)
    classes = "\n".join(f"{text}\n" for name, text in _CLASSES.items() if name in modules.used)
    listed = "\n".join(f"    {name!r}," for name in inputs)
    return f'''"""The network {widths} as a torch.nn.Sequential; its state_dict is in the file beside it.

`load()` returns it in evaluation mode. It takes float32 tensors (n, {len(inputs)}),
{takes}, and returns {gives}.
The numbers were learned by mlp {about["mlp"]}; the checkpoint had the SHA-256
{about["checkpoint_sha256"]}.
"""

from pathlib import Path

import torch
from torch import nn

INPUTS = [
{listed}
]
{names}

{classes}
def build():
    """Return the network with fresh weights."""
    return nn.Sequential(
{lines}
    )


def load(path=Path(__file__).with_name({weights!r})):
    """Return the trained network."""
    network = build()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()
'''
