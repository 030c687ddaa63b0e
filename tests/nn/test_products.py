"""The products of layers: each engine against the products in float64, in every shape that layers have."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.blas import ENGINE
from mlpcli.build.parts import build_loss, build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.errors import UsageError
from mlpcli.nn import products as module
from mlpcli.nn.network import Network
from mlpcli.nn.objective import differentiate_objective
from mlpcli.nn.products import Engine, OneDnnProducts, Products, choose_engine
from mlpcli.onednn import find_onednn

ONEDNN, REASON = find_onednn()
HAS_BFLOAT16 = ONEDNN is not None and ONEDNN.has_bfloat16
needs_onednn = pytest.mark.skipif(ONEDNN is None, reason=REASON)
needs_bfloat16 = pytest.mark.skipif(not HAS_BFLOAT16, reason=REASON or "the processor has no bfloat16")

ENGINES = [
    pytest.param(Engine(), id="numpy"),
    pytest.param(Engine(None, True), id="numpy bfloat16"),
    pytest.param(Engine(ONEDNN), id="fast", marks=needs_onednn),
    pytest.param(Engine(ONEDNN, True), id="fast bfloat16", marks=needs_bfloat16),
]
SHAPES = [(1, 1, 1), (5, 3, 1), (1, 7, 4), (32, 2, 100), (33, 65, 17), (70, 130, 150), (128, 300, 100)]


@pytest.fixture(autouse=True)
def no_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENGINE, raising=False)


def known(X: Any, W: Any, dY: Any) -> list[NDArray[Any]]:
    """Return Y, dW and dX, in float64."""
    X, W, dY = (array.astype(np.float64) for array in (X, W, dY))
    return [X @ W, X.swapaxes(-1, -2) @ dY, dY @ W.swapaxes(-1, -2)]


def computed(products: Products, X: Any, W: Any, dY: Any) -> list[NDArray[Any]]:
    """Return Y, dW and dX; where each is written, there was something else before."""
    Y, dW, dX = (np.full(shape, 7, X.dtype) for shape in (dY.shape, W.shape, (*dY.shape[:-1], W.shape[-2])))
    products.forward(X, W, Y)
    products.backward(dY, dW, dX)
    return [Y, dW, dX]


def require_close(found: list[NDArray[Any]], X: Any, W: Any, dY: Any, rounds: bool) -> None:
    """Require the products within the error of their numbers' format, relative to the sums of sizes.

    A number is rounded by 2**-8 of its size at most to bfloat16, with 8 bits, and each product has two of
    them. A sum in float32 of up to 512 products adds 512 times 2**-24 at most.
    """
    bound = 512 * 2.0**-24 + (2 * 2.0**-8 + 2.0**-16 if rounds else 0)
    for array, exact, sizes in zip(found, known(X, W, dY), known(*map(np.abs, (X, W, dY))), strict=True):
        assert np.all(np.abs(array - exact) <= bound * sizes)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("members", [0, 3, -3], ids=["one", "members", "shared inputs"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_are_those_of_float64_but_for_rounding(
    shape: tuple[int, int, int], members: int, engine: Engine
) -> None:
    rng = np.random.default_rng(0)
    n, fan_in, fan_out = shape
    of_X, of_W = [()] * 2 if not members else [(1 if members < 0 else 3,), (3,)]
    X, W, dY = (
        rng.standard_normal((*own, *of), np.float32)
        for own, of in [(of_X, (n, fan_in)), (of_W, (fan_in, fan_out)), (of_W, (n, fan_out))]
    )
    require_close(computed(engine.products(members=bool(members)), X, W, dY), X, W, dY, rounds=engine.rounds)


@pytest.mark.parametrize("engine", ENGINES)
def test_batches_of_other_sizes_and_places_come_and_go(engine: Engine) -> None:
    """As the last batch of an epoch and those of scoring do, in buffers of their own or not."""
    rng, made = np.random.default_rng(0), engine.products()
    W = rng.standard_normal((300, 100), np.float32)
    for n in (128, 50, 128, 500, 20, 128, 7, 128, 6, 0):
        X, dY = rng.standard_normal((n, 300), np.float32), rng.standard_normal((n, 100), np.float32)
        require_close(computed(made, X, W, dY), X, W, dY, rounds=engine.rounds)
        X, dY = np.asfortranarray(X), np.asfortranarray(dY)
        require_close(computed(made, X, W, dY), X, W, dY, rounds=engine.rounds)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_gradient_that_nobody_needs_is_left_out(engine: Engine) -> None:
    rng, made = np.random.default_rng(0), engine.products()
    X, W, dY = (rng.standard_normal(shape, np.float32) for shape in [(128, 300), (300, 100), (128, 100)])
    dW = np.empty_like(W)
    made.forward(X, W, np.empty_like(dY))
    made.backward(dY, dW, None)
    np.testing.assert_array_equal(dW, computed(engine.products(), X, W, dY)[1])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("members", [(), (3,)], ids=["one", "members"])
def test_with_a_decay_gradients_are_added_to_what_was_there(members: tuple[int, ...], engine: Engine) -> None:
    """As often as there are steps, also after a step with another decay."""
    rng, made = np.random.default_rng(0), engine.products(members=bool(members))
    X, W, dY, dW = (
        rng.standard_normal((*members, *shape), np.float32)
        for shape in [(128, 300), (300, 100), (128, 100), (300, 100)]
    )
    expected, sizes = dW.astype(np.float64), np.abs(dW).astype(np.float64)
    _, once, _ = known(X, W, dY)
    _, of_once, _ = known(np.abs(X), np.abs(W), np.abs(dY))
    made.forward(X, W, np.empty_like(dY))
    for decay in (0.5, 0.9, 0.5):
        made.backward(dY, dW, None, decay)
        expected, sizes = decay * expected + once, decay * sizes + of_once
    bound = 512 * 2.0**-24 + (2 * 2.0**-8 + 2.0**-16 if engine.rounds else 0)
    assert np.all(np.abs(dW - expected) <= bound * sizes)


NUMBERS = [0.0, -0.0, 1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, 255.5, 257, -257]
ROUNDED = [0.0, -0.0, 1.0, 1.0, 1 + 2**-6, 1 + 2**-7, 256, 256, -256]


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if "bfloat16" in str(engine.id)])
def test_rounding_is_to_nearest_and_to_even(engine: Engine) -> None:
    """Against values worked out by hand: bfloat16 has 8 significant bits and the exponents of float32."""
    X, W = np.array([NUMBERS], np.float32).T, np.ones((1, 1), np.float32)
    Y = np.empty_like(X)
    engine.products().forward(X, W, Y)
    assert Y[:, 0].tolist() == ROUNDED


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_not_finite_stays_so(engine: Engine, value: float) -> None:
    X, W = np.full((2, 3), value, np.float32), np.ones((3, 2), np.float32)
    Y = np.empty((2, 2), np.float32)
    with np.errstate(invalid="ignore"):  # as in training
        engine.products().forward(X, W, Y)
    assert not np.isfinite(Y).any()


MODELS: list[dict[str, Any]] = [
    *({"activation": name} for name in UNITS),
    *({"norm": name, "residual": residual} for name in NORMS for residual in (False, True)),
    {"members": 2, "linear_path": "learned"},
    {"dropout": 0.5, "input_noise": 0.1},
    {"hidden": [{"units": 8, "window": 3}, {"units": 12, "window": 2}, 24]},
]


def network(model: dict[str, Any], precision: str = "bfloat16", dtype: Any = np.float32) -> tuple[Any, ...]:
    """Return a network, its loss, a batch and the streams of a step."""
    sections = {
        "data": {"name": "npz", "path": "any.npz"},
        "model": {"hidden": [40, 24, 24], **model},
        "training": {"precision": precision},
    }
    config = validate_experiment({**sections, "loss": "cross_entropy"}, Path())
    made = build_network(config, config.widths(36, 5) or (), dtype)
    made.initialize(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    n = 64 * made.members
    X = rng.standard_normal((n, 36)).astype(dtype)
    rngs = {name: np.random.default_rng(2) for name in ("dropout", "noise", "noise_pool")}
    return made, build_loss(config), X, rng.integers(0, 5, n), rngs


def gradient(made: Network, loss: Any, X: Any, y: Any, rngs: Any) -> NDArray[Any]:
    return differentiate_objective(made, loss, [], X, y, rngs)


@needs_bfloat16
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_both_engines_have_the_same_gradient_in_bfloat16(
    model: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """NumPy's rounding and products are written down independently of oneDNN's."""
    fast = network(model)
    assert fast[0].engine.name.startswith("oneDNN")
    monkeypatch.setenv(ENGINE, "numpy")
    slow = network(model)
    assert slow[0].engine == Engine(None, True)
    one, other = gradient(*fast), gradient(*slow)
    # Sums in another order may round otherwise once more on the way.
    assert np.linalg.norm(one - other) < 2e-3 * np.linalg.norm(other)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_gradients_in_bfloat16_are_near_those_of_float32(
    model: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENGINE, "numpy")
    rounded, exact = gradient(*network(model)), gradient(*network(model, "float32"))
    error = np.linalg.norm(rounded - exact) / np.linalg.norm(exact)
    assert 1e-4 < error < 0.15


def test_gradient_checks_in_float64_are_not_rounded() -> None:
    made, *_ = network({}, dtype=np.float64)
    assert made.engine == Engine()
    np.testing.assert_array_equal(
        gradient(*network({}, dtype=np.float64)), gradient(*network({}, "float32", np.float64))
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_equal_steps_have_equal_bytes(engine: Engine) -> None:
    rng = np.random.default_rng(0)
    X, W, dY = (rng.standard_normal(shape, np.float32) for shape in [(128, 600), (600, 256), (128, 256)])
    one, two = (computed(engine.products(), X, W, dY) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_networks_are_copied_and_pickled_with_their_engine(engine: Engine) -> None:
    assert copy.deepcopy(engine) == pickle.loads(pickle.dumps(engine)) == engine


@needs_onednn
def test_only_large_products_go_to_onednn() -> None:
    assert choose_engine("float32", 100) == Engine()
    made = Engine(ONEDNN).products()
    assert isinstance(made, OneDnnProducts)
    small, large = (made._new((n, 300), (300, 100), (n, 100)) for n in (2, 128))
    assert small is made._others
    assert large is not made._others


def test_the_environment_names_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE, "numpy")
    assert choose_engine("float32", 1 << 30) == Engine()
    assert choose_engine("bfloat16", 1 << 30) == Engine(None, True)
    monkeypatch.setenv(ENGINE, "quick")
    with pytest.raises(UsageError, match=f"{ENGINE} is 'quick'.*numpy or fast"):
        choose_engine("float32", 1)


def test_without_the_library_numpy_multiplies_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_onednn", lambda: (None, "oneDNN is not installed"))
    assert choose_engine("float32", 1 << 30) == Engine()
    assert choose_engine("bfloat16", 1 << 30) == Engine(None, True)
    monkeypatch.setenv(ENGINE, "fast")
    with pytest.raises(UsageError, match="the engine fast cannot be used: oneDNN is not installed"):
        choose_engine("float32", 1)


class _Old:
    """A processor without AVX-512, as oneDNN sees it."""

    version, has_avx512, has_bfloat16 = "3.2.0", False, False


def test_the_processor_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    old: Any = _Old()
    monkeypatch.setattr(module, "find_onednn", lambda: (old, ""))
    assert choose_engine("float32", 1 << 30) == Engine()
    assert choose_engine("bfloat16", 1 << 30) == Engine(None, True)
    monkeypatch.setenv(ENGINE, "fast")
    assert choose_engine("float32", 1 << 30) == Engine(old)
    with pytest.raises(UsageError, match="no instructions for bfloat16"):
        choose_engine("bfloat16", 1 << 30)


@needs_onednn
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_computes_alone_and_the_same() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape, np.float32) for shape in [(512, 600), (600, 256), (512, 256)]]
    expected = computed(Engine(ONEDNN).products(), *arrays)
    child = os.fork()
    if child == 0:
        found = computed(Engine(ONEDNN).products(), *arrays)
        same = all(np.allclose(a, b, rtol=1e-4, atol=1e-2) for a, b in zip(found, expected, strict=True))
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
