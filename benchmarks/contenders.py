"""The contenders: mlp, its peers and the bare matrix products, each used as its users would.

All get the same data, widths, batch size, threads and precision, float32 where the work says nothing else.
The time includes shuffling, gathering and scaling of batches, forward pass, loss, backward pass and update,
but not of the matrix products. Each entry of ``CONTENDERS`` takes a `Work` and returns a function that does
one turn of it. These functions import NumPy and the peers, because each contender runs in a process of its
own, with its own settings.
"""

from __future__ import annotations

import importlib.util
import itertools
import tempfile
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.works import Work
from mlpcli.blas import prepare_blas, thread_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpcli.config.schema import Experiment

__all__ = ["CONTENDERS", "Turn", "draw", "experiment_of", "find", "is_here"]
__all__ += ["write_cifar10", "write_data"]

RATE, MOMENTUM = 1e-3, 0.9
Turn: TypeAlias = Callable[[], object]


def draw(work: Work) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return random examples X (n, inputs), uint8 for images, else float32, and their classes y (n,)."""
    import numpy as np

    rng = np.random.default_rng(0)
    shape = (work.examples, work.widths[0])
    X = rng.integers(0, 256, shape, np.uint8) if work.images else rng.standard_normal(shape, np.float32)
    return X, rng.integers(0, work.widths[-1], work.examples)


def statistics(X: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the means of X, which scaling subtracts, and the factors that it multiplies by."""
    return X.mean(axis=0).astype("float32"), (1 / X.std(axis=0)).astype("float32")


def write_cifar10(folder: Path, X: NDArray[Any], y: NDArray[Any]) -> None:
    """Write images and classes as the five training batches and the test batch of CIFAR-10's binary version.

    After the last image, the rest of the batches repeats the first ones.
    """
    import numpy as np

    n = -(-len(X) // 5)
    rows = np.arange(6 * n) % len(X)
    folder.mkdir()
    for i, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        part = rows[i * n : (i + 1) * n]
        records = np.empty((n, 1 + X.shape[1]), np.uint8)
        records[:, 0], records[:, 1:] = y[part], X[part]
        (folder / f"{name}.bin").write_bytes(records.data)


def experiment_of(work: Work, folder: Path, seed: int = 0) -> Experiment:
    """Return the config of a work, for data in ``folder``."""
    from mlpcli.config.loader import validate_experiment

    if work.images:
        data: dict[str, Any] = {"name": "cifar10", "root": str(folder / "images"), "test_size": 1}
    else:
        data = {"name": "npz", "path": str(folder / "data.npz"), "test_size": 0}
    sections: dict[str, dict[str, Any]] = {
        "data": {**data, "train_size": work.examples, "val_size": 0},
        "model": {"hidden": list(work.widths[1:-1])},
        "optimizer": {"name": work.optimizer, "learning_rate": RATE},
        "regularization": {"l2": 0.0},
        "training": {
            "epochs": 1_000_000,
            "batch_size": work.batch_size,
            "precision": work.precision,
            "seed": seed,
        },
    }
    for section, more in work.sections.items():
        sections[section] = sections.get(section, {}) | more
    return validate_experiment(sections, Path())


def write_data(work: Work, folder: Path) -> None:
    """Write the examples of a work to where its config looks for them."""
    import numpy as np

    X, y = draw(work)
    if work.images:
        write_cifar10(folder / "images", X, y)
    else:
        np.savez(folder / "data.npz", X=X, y=y)


def mlp(work: Work) -> Turn:
    """Return a turn of mlp's own loop, with its metrics and unit health, or of its evaluation."""
    prepare_blas(engine=work.engine)  # before NumPy is imported, as the command does
    from mlpcli.cohort.cohort import Cohort
    from mlpcli.training.evaluation import quick_scores
    from mlpcli.training.run import Run

    with tempfile.TemporaryDirectory() as folder:
        write_data(work, Path(folder))
        runs = [Run(experiment_of(work, Path(folder), seed)) for seed in range(work.networks or 1)]
    run = runs[0]
    if work.evaluation:
        return lambda: quick_scores(run.network, run.loss, run.trainer.train)
    if work.networks is not None:
        of_all = Cohort(runs).epochs()
        return lambda: [next(of_all) for _ in range(work.epochs * len(runs))]
    epochs = run.trainer.epochs()
    return lambda: [next(epochs) for _ in range(work.epochs)]


def matrix_products(work: Work) -> Turn:
    """Return only the matrix products of a turn, on arrays that exist already, by what multiplies for mlp.

    In bfloat16 the numbers are rounded before each product, too, as all of them change in each step.
    """
    prepare_blas(engine=work.engine)
    import numpy as np

    from mlpcli.config.plan import plan_experiment
    from mlpcli.nn.products import choose_engine

    rng = np.random.default_rng(0)
    experiment = experiment_of(work, Path())
    widths = experiment.widths(work.widths[0], work.widths[-1])
    assert widths is not None
    spec = plan_experiment(experiment, widths)
    W = [rng.standard_normal(array.shape, np.float32) for array in spec.parameters if array.penalized]
    dW = [np.empty_like(w) for w in W]
    # Layers of windows have a matrix for each place, and rows of what is seen there.
    X, Y = (
        [rng.standard_normal((*w.shape[:-2], work.batch_size, w.shape[i]), np.float32) for w in W]
        for i in (-2, -1)
    )
    out, dX = ([np.empty_like(array) for array in arrays] for arrays in (Y, X))
    engine = choose_engine(work.precision, work.batch_size * max(w.size for w in W))
    products = [engine.products(members=w.ndim > 2) for w in W]

    def turn() -> None:
        for _ in range(work.steps):
            for i in range(len(W)):
                products[i].forward(X[i], W[i], out[i])
            if work.evaluation:
                continue
            for i in reversed(range(len(W))):
                products[i].backward(Y[i], dW[i], dX[i] if i else None)

    return turn


def pytorch(work: Work) -> Turn:
    """Return a turn of eager PyTorch with the fused optimizer, in bfloat16 by autocast."""
    import torch

    torch.set_num_threads(thread_count())
    torch.manual_seed(0)
    data, labels = draw(work)
    X, y = torch.from_numpy(data), torch.from_numpy(labels)
    shift, scale = (torch.from_numpy(array) for array in statistics(data))
    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(work.widths):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizers: dict[str, Callable[..., Any]] = {
        "momentum": lambda p: torch.optim.SGD(p, lr=RATE, momentum=MOMENTUM, fused=True),
        "adam": lambda p: torch.optim.Adam(p, lr=RATE, fused=True),
    }
    optimizer, criterion = optimizers[work.optimizer](model.parameters()), torch.nn.CrossEntropyLoss()

    rounds = work.precision == "bfloat16"

    def logits_of(batch: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=rounds):
            return model(batch.float().sub_(shift).mul_(scale)).float()

    def train() -> None:
        for _ in range(work.epochs):
            for rows in torch.randperm(len(X)).split(work.batch_size):
                optimizer.zero_grad(set_to_none=True)
                criterion(logits_of(X[rows]), y[rows]).backward()
                optimizer.step()

    def evaluate() -> tuple[float, float]:
        model.eval()
        loss, correct = 0.0, 0
        with torch.no_grad():
            for batch, target in zip(X.split(work.batch_size), y.split(work.batch_size), strict=True):
                logits = logits_of(batch)
                loss += criterion(logits, target).item() * len(target)
                correct += int((logits.argmax(dim=1) == target).sum())
        return loss / len(X), correct / len(X)

    return evaluate if work.evaluation else train


def scikit_learn(work: Work) -> Turn:
    """Return a turn of MLPClassifier, whose inputs are scaled before the clock starts.

    ``fit`` validates its inputs once per turn.
    """
    from sklearn.neural_network import MLPClassifier

    X, y = draw(work)
    shift, scale = statistics(X)
    X = (X - shift) * scale
    model = MLPClassifier(
        work.widths[1:-1],
        solver="sgd" if work.optimizer == "momentum" else "adam",
        alpha=0.0,
        learning_rate_init=RATE,
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        batch_size=work.batch_size,
        max_iter=work.epochs,
        tol=0.0,
        n_iter_no_change=1_000_000,
        warm_start=True,
        random_state=0,
    )

    def turn() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # so few epochs do not converge
            model.fit(X, y)

    return turn


def jax(work: Work) -> Turn:
    """Return a turn of jitted steps, which gather, scale and update in donated buffers.

    Those of several networks are one step, by ``vmap``.
    """
    import jax
    import numpy as np
    from jax import numpy as jnp

    rng = np.random.default_rng(0)
    data, labels = draw(work)
    X, y, shift, scale = map(jnp.asarray, (data, labels.astype(np.int32), *statistics(data)))
    parameters = []
    for fan_in, fan_out in itertools.pairwise(work.widths):
        W = rng.standard_normal((fan_in, fan_out), np.float32) * np.float32((2 / fan_in) ** 0.5)
        parameters.append((jnp.asarray(W), jnp.zeros(fan_out)))
    state = (parameters, jax.tree.map(jnp.zeros_like, parameters))

    def loss(parameters: Any, batch: Any, target: Any) -> Any:
        for W, b in parameters[:-1]:
            batch = jax.nn.relu(batch @ W + b)
        W, b = parameters[-1]
        logits = jax.nn.log_softmax(batch @ W + b)
        return -jnp.take_along_axis(logits, target[:, None], axis=1).mean()

    def step(state: Any, X: Any, y: Any, rows: Any) -> Any:
        parameters, velocity = state
        batch = (X[rows].astype(jnp.float32) - shift) * scale
        gradients = jax.grad(loss)(parameters, batch, y[rows])
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, gradients)
        return jax.tree.map(lambda w, v: w - RATE * v, parameters, velocity), velocity

    networks = work.networks or 1
    if networks > 1:
        state = jax.tree.map(lambda array: jnp.stack([array] * networks), state)
        jitted = jax.jit(jax.vmap(step, in_axes=(0, None, None, 0)), donate_argnums=0)
    else:
        jitted = jax.jit(step, donate_argnums=0)

    def turn() -> None:
        nonlocal state
        for _ in range(work.epochs):
            orders = [rng.permutation(work.examples) for _ in range(networks)]
            order = orders[0] if networks == 1 else np.stack(orders)
            for start in range(0, work.examples, work.batch_size):
                state = jitted(state, X, y, order[..., start : start + work.batch_size])
        jax.block_until_ready(state)

    return turn


CONTENDERS: dict[str, tuple[str | None, Callable[[Work], Turn]]] = {
    "mlp": (None, mlp),
    "matrix products": (None, matrix_products),
    "PyTorch": ("torch", pytorch),
    "scikit-learn": ("sklearn", scikit_learn),
    "JAX": ("jax", jax),
}


def find(name: str) -> tuple[str | None, Callable[[Work], Turn]]:
    """Return the package that a contender needs, and what makes its turns.

    Its name is one of `CONTENDERS`, or of the table of that name in another module, as ``module:name``.
    """
    module, _, own = name.rpartition(":")
    found: tuple[str | None, Callable[[Work], Turn]]
    found = (import_module(module).CONTENDERS if module else CONTENDERS)[own]
    return found


def is_here(name: str) -> bool:
    """Return whether the package of a contender, or of the script with its name, is installed."""
    package, _ = find(name)
    return package is None or importlib.util.find_spec(package) is not None
