"""Times the functions that activations are made of, each activation, and its share of a training step.

    python -m benchmarks.activations              prints two tables
    python -m benchmarks.activations --markdown   prints them as in docs/speed.md

The arrays are those of a batch of 128 and 512 units. The step is that of a network 512-512-512-10 with SGD
and momentum, which has two such layers. All take turns, and medians over the rounds are reported.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import mlp
from benchmarks.timing import describe_machine, limit_cores
from benchmarks.works import Work
from mlpcli.blas import prepare_blas
from mlpcli.config.plan import UNITS, plan_network
from mlpcli.config.schema import Model
from mlpcli.text import columns

BATCH, UNITS_OF_LAYER, LAYERS_OF_NETWORK, CLASSES = 128, 512, 2, 10
CALLS = 20  # of a layer in a turn
STEPS = 5  # of a network in a turn
FUNCTIONS = ("multiply", "maximum", "tanh", "exp", "log1p")  # of NumPy; the first two take a second number
HEADER = ("", "forward", "backward", "both, by ReLU's", "a step", "of the step")


@dataclass(frozen=True)
class Cost:
    """The seconds of an activation's forward and backward pass, and of a training step with it."""

    name: str
    forward: float
    backward: float
    step: float

    @property
    def share(self) -> float:
        """The share of the step that its activations take."""
        return LAYERS_OF_NETWORK * (self.forward + self.backward) / self.step


def measure(rounds: int, names: Iterable[str] = tuple(UNITS)) -> list[Cost]:
    """Time all activations in turn; the first round is a warm-up and does not count."""
    prepare_blas()
    layers = {name: _layer(name) for name in names}
    steps = {name: _steps(name) for name in layers}
    times: dict[str, list[tuple[float, float, float]]] = {name: [] for name in layers}
    for _ in range(rounds + 1):
        for name, found in times.items():
            forward, backward = layers[name]()
            start = time.perf_counter()
            steps[name]()
            found.append((forward, backward, (time.perf_counter() - start) / STEPS))
    return [
        Cost(name, *(statistics.median(column) for column in zip(*found[1:], strict=True)))
        for name, found in times.items()
    ]


def measure_functions(rounds: int) -> dict[str, float]:
    """Return the seconds that each of `FUNCTIONS` takes for the same array, timed in turn."""
    prepare_blas()
    import numpy as np

    z: Any = np.random.default_rng(0).random((BATCH, UNITS_OF_LAYER), np.float32)
    out = np.empty_like(z)
    times: dict[str, list[float]] = {name: [] for name in FUNCTIONS}
    for _ in range(rounds + 1):
        for name, found in times.items():
            function, numbers = getattr(np, name), (z, 0.5) if name in FUNCTIONS[:2] else (z,)
            start = time.perf_counter()
            for _ in range(CALLS):
                function(*numbers, out=out)
            found.append((time.perf_counter() - start) / CALLS)
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def _layer(name: str) -> Callable[[], tuple[float, float]]:
    """Return a function that returns the mean seconds of the two passes of a layer, which training uses."""
    import numpy as np

    from mlpcli.nn.network import Network

    model = Model.model_validate({"hidden": [UNITS_OF_LAYER], "activation": name})
    network = Network(plan_network(model, (1, UNITS_OF_LAYER, 1)))
    rng = np.random.default_rng(0)
    network.initialize(rng)
    layer = network.hidden[0].activation
    layer.resize(BATCH)
    drawn: Any = rng.standard_normal((BATCH, layer.spec.fan_in), np.float32)
    passed: Any = rng.standard_normal((BATCH, UNITS_OF_LAYER), np.float32)
    Z, dY = np.empty_like(drawn), np.empty_like(passed)  # both passes work in place

    def turn() -> tuple[float, float]:
        forward = backward = 0.0
        for _ in range(CALLS):
            Z[...], dY[...] = drawn, passed
            start = time.perf_counter()
            layer.forward(Z)
            middle = time.perf_counter()
            layer.backward(dY)
            forward += middle - start
            backward += time.perf_counter() - middle
        return forward / CALLS, backward / CALLS

    return turn


def _steps(name: str) -> Callable[[], object]:
    """Return a function that takes `STEPS` training steps of a network, in the loop of ``mlp train``."""
    widths = (UNITS_OF_LAYER,) * (1 + LAYERS_OF_NETWORK) + (CLASSES,)
    return mlp(Work(widths, BATCH, BATCH * STEPS, sections={"model": {"activation": name}}))


def rows(costs: list[Cost]) -> list[tuple[str, ...]]:
    """Return the cells of the table, the cheapest first."""
    relu = next((cost for cost in costs if cost.name == "relu"), costs[0])
    return [
        (
            cost.name,
            f"{1e6 * cost.forward:.0f} us",
            f"{1e6 * cost.backward:.0f} us",
            f"{(cost.forward + cost.backward) / (relu.forward + relu.backward):.1f}",
            f"{1e3 * cost.step:.2f} ms",
            f"{cost.share:.0%}",
        )
        for cost in sorted(costs, key=lambda cost: cost.forward + cost.backward)
    ]


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.activations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=15, help="rounds to take the median of (default 15)")
    parser.add_argument("--markdown", action="store_true", help="print the table as in docs/speed.md")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds: must be at least 1")
    limit_cores()
    machine = describe_machine()
    print(f"{machine['cpu']}; {machine['blas']}; NumPy {machine['numpy']}\n")
    functions = measure_functions(arguments.rounds)
    alone = [(f"np.{name}", f"{1e6 * seconds:.0f} us") for name, seconds in functions.items()]
    for table in ([("", "time"), *alone], [HEADER, *rows(measure(arguments.rounds))]):
        if arguments.markdown:
            ruled = [table[0], ("---", *["---:"] * (len(table[0]) - 1)), *table[1:]]
            print("\n".join(f"| {' | '.join(cells)} |" for cells in ruled) + "\n")
        else:
            print(columns(table, "<" + ">" * (len(table[0]) - 1)) + "\n")


if __name__ == "__main__":
    main()
