"""The benchmark of images: every contender does its work, and the tables compare each with mlp."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("benchmarks.images")


def test_every_race_begins_with_mlp_and_its_contenders_are_known(benchmark: ModuleType) -> None:
    contenders = import_module("benchmarks.contenders")
    for races in benchmark.races().values():
        for race in races:
            assert race.entries[0].label == "mlp"
            for entry in race.entries:
                package, _ = contenders.find(entry.contender)
                assert package == {"PyTorch": "torch", "scikit-learn": "sklearn"}.get(entry.label)


def test_the_floor_has_the_matrices_of_the_networks(benchmark: ModuleType) -> None:
    """Worked by hand: 7 x 7 places that see 8 x 8 x 3 pixels, then 5 x 5 that see 3 x 3 x 64."""
    contenders, plan = import_module("benchmarks.contenders"), import_module("mlpcli.config.plan")
    work = benchmark.races()["training"][-1].entries[0].does
    experiment = contenders.experiment_of(work, Path())
    spec = plan.plan_experiment(experiment, experiment.widths(3072, 10))
    shapes = [array.shape for array in spec.parameters if array.penalized]
    assert shapes == [(49, 192, 64), (25, 576, 128), (3200, 512), (512, 10)]


def test_a_row_compares_with_mlp(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    works, timing = import_module("benchmarks.works"), import_module("benchmarks.timing")
    work = works.Work((3072, 10), 256, 2560)
    monkeypatch.setattr(benchmark, "is_here", lambda _: True)
    mlp, pytorch = (works.Entry(label, work, contender=label) for label in ("mlp", "PyTorch"))
    races = [works.Race("flip", "step", (mlp, pytorch)), works.Race("crop", "step", (mlp,))]

    def time(race: Any) -> list[Any]:
        return [timing.Result(entry, 0.2 if entry is mlp else 0.5, None) for entry in race.entries]

    assert list(benchmark.table(races, time)) == [
        "|  | mlp | PyTorch |",
        "| --- | ---: | ---: |",
        "| flip | 20.0 ms | 50.0 ms, 2.50 x |",
        "| crop | 20.0 ms |  |",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["training", "scaling", "augment"])
def test_every_contender_takes_a_turn(
    benchmark: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    timing = import_module("benchmarks.timing")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for race in benchmark.races()[name]:
        entries = []
        for entry in race.entries:
            if entry.label == "scikit-learn" and "whiten" in race.title:
                continue  # the eigenvectors of 3,072 pixels take it seconds
            work = replace(entry.does, batch_size=32, examples=64)
            if name == "training":
                data = work.sections["data"] | {"train_size": 54}
                work = replace(work, sections=work.sections | {"data": data})
            entries.append(replace(entry, does=work))
        results = timing.time_race(replace(race, entries=tuple(entries)), 1)
        assert all(result.seconds > 0 for result in results)
        if find_spec("torch") is not None:
            assert "PyTorch" in [result.entry.label for result in results]
