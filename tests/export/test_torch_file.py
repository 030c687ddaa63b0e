"""The Sequential of PyTorch: the same predictions, or a refusal that says what has no counterpart."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from small_networks import NETWORKS, network

from mlpcli.config.plan import UNITS
from mlpcli.errors import UsageError
from mlpcli.export.torch_file import ACTIVATIONS, takes_columns, torch_bytes, torch_code
from mlpcli.training.checkpoints import Checkpoint

ABOUT = {"mlp": "0", "checkpoint_sha256": "f00"}
ONE = [
    name for name in NETWORKS if not name.startswith(("members", "folds", "target log", "target quantile"))
]
ONE = [name for name in ONE if not name.endswith("3 members")]


def code_of(name: str) -> tuple[Checkpoint, str, dict[str, Any]]:
    checkpoint = network(name)[0].checkpoint
    return checkpoint, *torch_code(checkpoint, "model.pt", ABOUT)


@pytest.mark.filterwarnings("ignore:.*missing, which none was:mlpcli.errors.DataWarning")
@pytest.mark.parametrize("name", ONE)
def test_torch_agrees(name: str) -> None:
    """Logits, or values in their own units, of the columns or of the features that mlp makes of them."""
    torch = pytest.importorskip("torch", reason="torch is not installed; it is in the extra bench")
    model, rows = network(name)
    checkpoint, code, state = code_of(name)
    found: dict[str, Any] = {"__file__": "model_torch.py"}
    exec(compile(code, name, "exec"), found)
    sequential = found["load"](io.BytesIO(torch_bytes(state)))
    transform = checkpoint.transform
    x = rows if takes_columns(transform) else transform.apply(rows).astype(np.float32)
    assert len(found["INPUTS"]) == x.shape[1]
    with torch.no_grad():
        outputs = sequential(torch.tensor(x)).numpy()
    expected = model.scores(rows) if model.classes is not None else model.predict(rows)
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(outputs / scale, np.reshape(expected, outputs.shape) / scale, atol=1e-5)


def test_the_state_has_the_names_and_shapes_of_torch() -> None:
    _, code, state = code_of("norm batch, residual")
    assert "nn.BatchNorm1d(6, eps=1e-05)," in code
    model = network("norm batch, residual")[0]
    np.testing.assert_array_equal(state["1.inner.0.weight"], model.layers["W1"].T)
    assert state["1.shortcut.weight"].shape == (6, 3)
    assert state["1.inner.1.num_batches_tracked"].dtype == np.int64


def test_activations_are_those_that_there_are() -> None:
    assert ACTIVATIONS.keys() <= UNITS.keys()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("members relu", "these are 2 networks whose predictions are averaged"),
        ("folds of classes", "these are 3 networks whose predictions are averaged"),
        ("target log", r"data\.target_transform is not undone"),
    ],
)
def test_what_is_no_sequential(name: str, expected: str) -> None:
    with pytest.raises(UsageError, match=f"{expected}.*export it to .onnx or .py"):
        code_of(name)


def test_an_activation_without_a_counterpart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ACTIVATIONS, "mish")
    with pytest.raises(UsageError, match=r"mish has no counterpart in torch .* export it to \.onnx"):
        code_of("activation mish")
