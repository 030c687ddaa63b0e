"""The benchmarks measure and report what they should; tests do not check how fast mlp is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PEERS = {"PyTorch": "torch", "scikit-learn": "sklearn", "JAX": "jax"}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Return a function that imports a module of benchmarks, which is not in the installed package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module


def tell(main: ModuleType, race: Any, results: list[Any]) -> list[dict[str, Any]]:
    return [main.row(race, results[0], result) for result in results]


@pytest.mark.exhaustive
def test_mlp_and_the_bare_products_are_timed(load: Callable[[str], ModuleType]) -> None:
    works, timing, main = map(load, ("benchmarks.works", "benchmarks.timing", "benchmarks.__main__"))
    work = works.Work((3072, 8, 10), 64, 128, epochs=3)
    entries = tuple(works.Entry(name, work, None, name) for name in ("mlp", "matrix products"))
    race = works.Race("small", "step", entries)
    rows = tell(main, race, timing.time_race(race, 2))
    assert [row["contender"] for row in rows] == ["mlp", "matrix products"]
    assert rows[0]["first_is_faster_by"] == 1
    for row in rows:
        assert row["seconds"] == pytest.approx(64 / row["examples_per_second"])


def test_a_peer_that_is_not_installed_is_left_out(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    works, timing = load("benchmarks.works"), load("benchmarks.timing")
    monkeypatch.setattr(timing, "is_here", lambda name: name not in PEERS)
    command = works.Command(("-c", "pass"))
    entries = tuple(works.Entry(name, command, None, name) for name in ("mlp", *PEERS))
    results = timing.time_race(works.Race("nothing", "run", entries), 1)
    assert [result.entry.label for result in results] == ["mlp"]
    assert results[0].peak > 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "matrix products", *PEERS])
@pytest.mark.parametrize("widths", [(3072, 8, 10), (2, 8, 3)], ids=["images", "points"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_contender_trains(
    load: Callable[[str], ModuleType], name: str, widths: tuple[int, ...], precision: str
) -> None:
    if name in PEERS:
        pytest.importorskip(PEERS[name])
    works, timing = load("benchmarks.works"), load("benchmarks.timing")
    work = works.Work(widths, 32, 64, precision=precision)
    (result,) = timing.time_race(works.Race(name, "step", (works.Entry(name, work, None, name),)), 1)
    assert result.seconds > 0


def test_the_verdict_follows_from_the_goal(load: Callable[[str], ModuleType]) -> None:
    """Worked by hand: mlp takes 2 s, the other 3 s."""
    works, timing, main = map(load, ("benchmarks.works", "benchmarks.timing", "benchmarks.__main__"))
    command = works.Command(())
    mlp = timing.Result(works.Entry("mlp", command), 2.0, 100_000_000)
    words = {
        works.Goal("faster", 1.5): "mlp 1.50 x as fast (>= 1.5)",
        works.Goal("faster", 1.6): "mlp 1.50 x as fast (>= 1.6: missed)",
        works.Goal("longer", 0.6): "mlp 0.67 x as long (<= 0.6: missed)",
        works.Goal("dearer", 1.5): "1.50 x as long (<= 1.5)",
        works.Goal("seconds", 3.5): "(< 3500 ms)",
        works.Goal("bytes", 70e6): "(< 70 MB: missed)",
        works.Goal("faster"): "mlp 1.50 x as fast",
        None: "",
    }
    for goal, said in words.items():
        other = timing.Result(works.Entry("other", command, goal), 3.0, 80_000_000)
        race = works.Race("race", "run", (mlp.entry, other.entry))
        assert main.verdict(tell(main, race, [mlp, other])[1]) == said


def test_every_race_is_printed_within_80_columns(load: Callable[[str], ModuleType]) -> None:
    works, timing, main = map(load, ("benchmarks.works", "benchmarks.timing", "benchmarks.__main__"))
    for races in works.races().values():
        for race in races:
            results = [timing.Result(entry, 98.76, 471_000_000) for entry in race.entries]
            text = main.as_text(race, tell(main, race, results))
            assert max(map(len, text.splitlines())) <= 80
            assert [line.split("  ")[0].strip() for line in text.splitlines()[1:]] == [
                entry.label for entry in race.entries
            ]
            for entry in race.entries:
                if isinstance(entry.does, works.Command) and entry.does.arguments[0].endswith(".py"):
                    assert (ROOT / entry.does.arguments[0]).is_file()


@pytest.mark.exhaustive
def test_the_command_line(load: Callable[[str], ModuleType]) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "benchmarks", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    wrong = run("smal")
    assert wrong.returncode == 2
    assert "there is no work 'smal': training, small" in wrong.stderr
    done = run("startup", "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {"cpu", "blas", "python", "numpy"} <= told["machine"].keys()
    startup = load("benchmarks.works").races()["startup"]
    assert [row["contender"] for row in told["rows"]] == [e.label for race in startup for e in race.entries]


def test_growth_counts_as_count_params_does(load: Callable[[str], ModuleType]) -> None:
    """A step of 2-3-1 takes 50 FLOPs per example: 22 forward, 18 for dW, 4 for db and 6 for dX."""
    growth, plan = load("benchmarks.growth"), load("mlpcli.config.plan")
    point = growth.Point("width", 3, 10, plan.plan_widths((2, 3, 1)), 2e-9, 1e-9)
    assert point.gflops == pytest.approx((250, 500))
    assert point.cells()[-1] == "50%"
    assert "| width | 3 | 13 |" in growth.as_markdown([point])


def test_activations_are_timed_alone_and_as_a_share_of_a_step(load: Callable[[str], ModuleType]) -> None:
    activations = load("benchmarks.activations")
    costs = activations.measure(1, ["softplus", "relu"])
    assert [cost.name for cost in costs] == ["softplus", "relu"]
    for cost in costs:
        assert cost.share == pytest.approx(2 * (cost.forward + cost.backward) / cost.step)
        assert 0 < cost.share < 1
    table = activations.rows(costs)
    assert {len(cells) for cells in table} == {len(activations.HEADER)}
    assert {cells[0]: cells[3] for cells in table}["relu"] == "1.0"


def test_precisions_are_compared_seed_by_seed(load: Callable[[str], ModuleType]) -> None:
    precision = load("benchmarks.precision")
    assert set(precision.CONFIGS) == {path.stem for path in (ROOT / "configs").glob("*.yaml")} - {"cifar10"}
    compared = precision.Compared("moons", "accuracy", [0.5, 0.75, 1.0], [0.75, 0.5, 1.0])
    assert compared.differences == [0.25, -0.25, 0]
    assert compared.is_within_noise
    assert not precision.Compared("moons", "accuracy", [0.5, 0.75, 1.0], [0.25, 0.4, 0.6]).is_within_noise
    _, row = precision.rows([compared])
    assert row == ["moons", "accuracy", "0.7500 ± 0.2500", "0.7500 ± 0.2500", "0.0000 ± 0.2500", "yes"]


def test_scores_in_bfloat16_are_those_of_float32_within_noise(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By NumPy's own rounding, on any processor."""
    monkeypatch.setenv("MLP_ENGINE", "numpy")
    compared = load("benchmarks.precision").compare("moons", 3, **{"training.epochs": 20})
    assert compared.float32 != compared.bfloat16 or compared.measure == "accuracy"
    assert min(compared.bfloat16) > 0.85
    assert max(map(abs, compared.differences)) < 0.05


@pytest.mark.exhaustive
def test_an_exponential_costs_more_than_a_multiplication(load: Callable[[str], ModuleType]) -> None:
    """The notes call it expensive; a layer of it is still a small part of a step, as docs/speed.md says."""
    seconds = load("benchmarks.activations").measure_functions(5)
    assert seconds["exp"] > 1.5 * seconds["multiply"]
