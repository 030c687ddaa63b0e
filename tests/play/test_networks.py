"""Two networks that are compared keep the same data and seed, whatever is done to one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.config.loader import validate_experiment
from mlpcli.errors import MlpError, UsageError
from mlpcli.play.networks import Networks
from mlpcli.play.session import DEFAULT, Session


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[Networks]:
    networks = Networks(Session(validate_experiment(DEFAULT, tmp_path), tmp_path))
    yield networks
    networks.stop()
    networks.join(5)


def do(networks: Networks, *commands: dict[str, Any]) -> None:
    async def all_of_them() -> None:
        for command in commands:
            await networks.do(command)

    asyncio.run(all_of_them())


def session(networks: Networks, number: int) -> Session:
    worker = networks.worker(number)
    assert worker is not None
    return worker.session


def change(key: str, value: str, network: int = 1) -> dict[str, Any]:
    return {"do": "change", "key": key, "value": value, "network": network}


def rows(networks: Networks, number: int) -> Any:
    return session(networks, number).run.splits.train.X


def epochs(networks: Networks) -> list[int]:
    return [session(networks, number).epoch for number in networks.numbers]


def test_both_begin_from_the_seed_with_the_same_settings_and_data(networks: Networks) -> None:
    do(networks, {"do": "step"}, {"do": "add", "x": 0.5, "y": 0.5, "label": 1}, {"do": "compare"})
    assert networks.numbers == [1, 2]
    one, two = session(networks, 1), session(networks, 2)
    assert epochs(networks) == [0, 0]
    np.testing.assert_array_equal(rows(networks, 1), rows(networks, 2))
    do(networks, {"do": "step"}, {"do": "batch"})
    assert (one.epoch, one.batch) == (two.epoch, two.batch) == (1, 1)
    np.testing.assert_array_equal(one.run.network.parameters.values, two.run.network.parameters.values)
    do(networks, {"do": "single"})
    assert networks.numbers == [1]
    with pytest.raises(UsageError, match="no such network"):
        do(networks, change("model.hidden", "3", 2))


def test_they_keep_step_whatever_an_epoch_takes(networks: Networks) -> None:
    do(networks, {"do": "compare"}, change("training.batch_size", "1", 2))
    networks.speed = 1_000_000
    do(networks, {"do": "play"})
    seen = []
    end = time.monotonic() + 8
    while min(epochs(networks)) < 5 and time.monotonic() < end:
        seen.append([*epochs(networks), session(networks, 1).epoch])  # they go on while they are read
        time.sleep(0.005)
    do(networks, {"do": "pause"})
    one, two = epochs(networks)
    assert one == two >= 5
    assert all(first - 1 <= second <= again + 1 for first, second, again in seen)


def test_one_that_diverges_does_not_stop_the_other(networks: Networks) -> None:
    do(networks, {"do": "compare"}, change("optimizer.learning_rate", "1e30", 2), {"do": "play"})
    networks.speed = 1_000_000
    end = time.monotonic() + 8
    while epochs(networks)[0] < 5 and time.monotonic() < end:
        time.sleep(0.005)
    do(networks, {"do": "pause"})
    assert session(networks, 2).diverged is not None
    assert epochs(networks)[0] >= 5


@pytest.mark.parametrize(
    ("key", "value", "left"), [("model.hidden", "3", [0, 0]), ("optimizer.momentum", "0.5", [2, 2])]
)
@pytest.mark.parametrize("network", [1, 2])
def test_if_one_begins_again_so_does_the_other(
    networks: Networks, key: str, value: str, left: list[int], network: int
) -> None:
    do(networks, {"do": "compare"}, {"do": "step"}, {"do": "step"}, change(key, value, network))
    assert epochs(networks) == left


@pytest.mark.parametrize("network", [1, 2])
def test_settings_are_of_one_network_and_data_of_both(networks: Networks, network: int) -> None:
    do(networks, {"do": "compare"}, change("model.hidden", "3", network))
    hidden = [session(networks, number).run.network.widths[1:-1] for number in (1, 2)]
    assert hidden[network - 1] == (3,)
    assert hidden[2 - network] == (24,)
    for command in (
        change("data.noise", "0.5", network),
        change("training.seed", "7", network),
        {"do": "seed", "network": network},
        {"do": "add", "x": 0.5, "y": 0.5, "label": 1, "network": network},
    ):
        do(networks, command)
        np.testing.assert_array_equal(rows(networks, 1), rows(networks, 2))
    assert len(rows(networks, 1)) == 301


def test_what_one_of_two_refuses_changes_neither(networks: Networks) -> None:
    """With many small batches, only the second network is too slow for many points."""
    do(
        networks,
        {"do": "compare"},
        change("training.batch_size", "1", 2),
        change("model.hidden", "400,400", 2),
        change("optimizer.learning_rate", "1e-5", 2),
    )
    do(networks, {"do": "step"})
    before = [
        (s.yaml(), s.epoch, list(s.history), s.run.network.parameters.values.copy())
        for s in (session(networks, 1), session(networks, 2))
    ]
    with pytest.raises(MlpError, match="at most 2"):
        do(networks, change("data.points", "9000"))
    for number, (yaml, epoch, history, values) in enumerate(before, 1):
        now = session(networks, number)
        assert (now.yaml(), now.epoch, now.history) == (yaml, epoch, history)
        np.testing.assert_array_equal(now.run.network.parameters.values, values)
    do(networks, {"do": "step"})
    assert [session(networks, number).epoch for number in (1, 2)] == [2, 2]


def test_a_link_ends_the_comparison(networks: Networks) -> None:
    do(networks, {"do": "compare"}, {"do": "link", "settings": {"data.name": "moons"}})
    assert networks.numbers == [1]
    assert session(networks, 1).experiment.data.name == "moons"


def test_a_link_can_hold_a_comparison(networks: Networks) -> None:
    """The second network has its own settings, but data and seed of the first, whatever the link says."""
    first = {"data.name": "moons", "model.hidden": "6", "training.seed": "3"}
    second = {"data.name": "xor", "model.hidden": "20", "data.terms": "square", "training.seed": "8"}
    do(networks, {"do": "step"}, {"do": "link", "settings": first, "second": second})
    one, two = session(networks, 1), session(networks, 2)
    assert one.link == first
    assert two.link == one.link | {"model.hidden": "20", "data.terms": "square"}
    np.testing.assert_array_equal(rows(networks, 1), rows(networks, 2))
    again = Networks(one.twin())
    do(again, {"do": "link", "settings": one.link, "second": two.link})
    assert [session(again, number).link for number in (1, 2)] == [one.link, two.link]
    again.stop()
    again.join(5)


@pytest.mark.parametrize("second", [{"model.hidden": "9999"}, {"nonsense": "1"}, None, {"model.hidden": 3}])
def test_a_comparison_that_is_refused_leaves_all_as_it_was(networks: Networks, second: Any) -> None:
    do(networks, {"do": "step"})
    before = session(networks, 1).yaml()
    with pytest.raises(MlpError):
        do(networks, {"do": "link", "settings": {"data.name": "moons"}, "second": second})
    assert networks.numbers == [1]
    assert session(networks, 1).yaml() == before
    assert epochs(networks) == [1]


def test_the_speed_is_that_of_both(networks: Networks) -> None:
    networks.speed = 5
    do(networks, {"do": "compare"})
    second = networks.worker(2)
    assert second is not None
    assert second.speed == 5
    networks.speed = 200
    assert second.speed == 200
