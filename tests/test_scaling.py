"""The model of the time of shared steps: its arithmetic, its fit, and the tables of docs/scaling.md."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from mlpcli.config.plan import plan_widths

ROOT = Path(__file__).parents[1]


@pytest.fixture
def scaling(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module, which is not in the installed package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("benchmarks.scaling")


def test_the_page_has_the_tables_as_they_are_computed(scaling: ModuleType) -> None:
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert scaling.write(page) == page


def test_networks_are_counted_as_mlp_counts_them(scaling: ModuleType) -> None:
    for net in (scaling.SMALL, scaling.MIDDLE, scaling.WIDE):
        assert net.parameters == plan_widths((3072, *net.hidden, 10)).count()
    assert scaling.Net((2,)).flops == 4 * 3072 * 2 + 6 * 2 * 10


def test_the_formulas_worked_by_hand(scaling: ModuleType) -> None:
    costs = scaling.Costs(flop=1e-6, row=0.5, weight=1e-3, rule=2e-3, add=4e-3)
    net = scaling.Net((2,))
    P, F = 3072 * 2 + 2 * 10 + 2 + 10, 4 * 3072 * 2 + 6 * 2 * 10
    alone = 8 * (F * 1e-6 + 0.5) + P * 1e-3 + P * 2e-3
    assert scaling.time_of_step(costs, net, 8) == pytest.approx(alone)
    link = scaling.Link("a link", bandwidth=100.0, latency=0.25)
    local = 2 * (F * 1e-6 + 0.5) + P * 1e-3 + P * 2e-3 / 4 + P * 4e-3 * 1.5
    shared = local / 3 + 1.5 * 4 * P / 100 + 6 * 0.25
    assert scaling.time_of_step(costs, net, 8, 4, link, speed=3) == pytest.approx(shared)
    assert scaling.efficiency(costs, net, 8, 4, link, 3) == pytest.approx(alone / 3 / (4 * shared))


def test_costs_are_found_again_in_steps_that_they_make(scaling: ModuleType) -> None:
    costs = scaling.Costs(flop=2e-8, row=3e-3, weight=1e-6, rule=2e-6, add=4e-7)
    made = []
    for batch, net in scaling.GRID:
        for ranks in (1, 2):
            update = costs.rule * net.parameters / ranks
            exchange = costs.add * net.parameters if ranks == 2 else 0.0
            total = scaling.time_of_step(costs, net, batch, ranks)
            made.append(scaling.Step(ranks, batch, net, total, exchange, update))
    found = scaling.fit(made)
    for name, value in vars(costs).items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-6)


def test_the_model_is_near_what_was_measured(scaling: ModuleType) -> None:
    costs = scaling.fit()
    assert all(value > 0 for value in vars(costs).values())
    for step in scaling.MEASURED:
        time = scaling.time_of_step(costs, step.net, step.batch, step.ranks)
        assert time == pytest.approx(step.total, rel=0.25)


def test_the_least_batch_reaches_what_is_wanted(scaling: ModuleType) -> None:
    costs = scaling.fit()
    n = scaling.least_batch(costs, scaling.MIDDLE, 8, scaling.SLOW, 2, 0.5)
    at, below = (scaling.efficiency(costs, scaling.MIDDLE, 8 * m, 8, scaling.SLOW, 2) for m in (n, n - 1))
    assert below < 0.5 <= at
