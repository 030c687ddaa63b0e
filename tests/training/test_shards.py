"""Shards: what is added up in which order, and that it does not matter who computes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.build.parts import build_loss, build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Batches, Split
from mlpcli.data.transform import Transform
from mlpcli.errors import ConfigError, RunError
from mlpcli.streams import stream
from mlpcli.training.loop import MidEpoch, Trainer
from mlpcli.training.run import Run, build_trainer
from mlpcli.training.shards import Shards, can_share, share_batches, tree_sum


class Threads:
    """Processes for tests: threads that wait for each other, and read what the others have put down."""

    def __init__(self, rank: int, size: int, barrier: threading.Barrier, table: list[Any]) -> None:
        self.rank, self.size, self.here = rank, size, size
        self._barrier, self._table = barrier, table

    def gather(self, value: Any) -> list[Any]:
        self._table[self.rank] = value
        self._barrier.wait(10)
        values = list(self._table)
        self._barrier.wait(10)
        return values

    def collect(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate(self.gather(numbers.copy()))

    def own(self, n: int) -> slice:
        return slice(self.rank * n // self.size, (self.rank + 1) * n // self.size)

    def add_up(self, gradients: NDArray[Any]) -> None:
        own = self.own(len(gradients))
        gradients[own] = tree_sum(np.stack(self.gather(gradients.copy())))[own]

    def share(self, array: NDArray[Any]) -> None:
        array[...] = np.concatenate(self.gather(array[self.own(len(array))].copy()))

    def join_rows(self, rows: NDArray[Any], ends: Sequence[int]) -> None:
        parts = self.gather(rows.copy())
        for part, first, end in zip(parts, (0, *ends), ends, strict=False):
            rows[first:end] = part[first:end]

    def of_first(self, value: Any) -> Any:
        return self.gather(value)[0]

    def start(self, _: Any) -> None:
        raise AssertionError("each of them builds its run by itself")

    def describe(self) -> str:
        return f"{self.size} threads"


def together(size: int, work: Callable[[Threads], Any]) -> list[Any]:
    """Return what ``work`` returns in each of several threads that are processes of one training."""
    barrier, table = threading.Barrier(size), [None] * size
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(lambda rank: work(Threads(rank, size, barrier, table)), range(size)))


def experiment(shards: int | None, **sections: Any) -> Experiment:
    training = {"epochs": 2, "batch_size": 16, "shards": shards, **sections.pop("training", {})}
    data = {"name": "spiral", "points": 66, **sections.pop("data", {})}
    return validate_experiment({"data": data, "training": training, **sections}, Path())


def state_of(trainer: Trainer) -> list[bytes]:
    network, optimizer = trainer.network, trainer.optimizer
    arrays = [network.parameters.values, *network.state.values(), *optimizer.slots.values()]
    return [array.tobytes() for array in arrays]


def trained(config: Experiment, processes: Threads | None = None, **settings: Any) -> tuple[Any, ...]:
    """Return the state and the metrics after training, and what was saved within epochs."""
    trainer = Run(config, processes=processes, **settings).trainer
    saved: list[MidEpoch] = []
    rows = [epoch.metrics for epoch in trainer.epochs(saved.append)]
    timed = ("seconds", "examples_per_second")
    rows = [{key: value for key, value in row.items() if key not in timed} for row in rows]
    marks = [(mid.batch, mid.loss_sum, mid.correct, mid.silent, mid.streams) for mid in saved]
    return state_of(trainer), rows, marks


def test_the_rows_of_shards_are_as_many_as_can_be_and_in_order() -> None:
    for n, count in ((16, 4), (10, 4), (3, 4), (1, 2), (17, 6)):
        parts = [rows for _, rows in Shards(count, []).parts(n)]
        assert [i for rows in parts for i in range(n)[rows]] == list(range(n))
        sizes = [rows.stop - rows.start for rows in parts]
        assert max(sizes) - min(sizes) <= 1


def test_the_tree_adds_neighbors_first() -> None:
    # Far apart in size, so that another order gives another sum: 1e8 swallows a single 4 in 32 bits, not 8.
    numbers = np.array([[1e8], [3.0], [3.0], [3.0], [3.0]], np.float32)
    by_hand = (np.float32(1e8) + np.float32(3)) + np.float32(6) + np.float32(3)
    assert tree_sum(numbers.copy())[0] == by_hand
    assert by_hand != np.float32(1e8) + np.float32(3) + np.float32(3) + np.float32(3) + np.float32(3)


@pytest.mark.parametrize("count", range(1, 18))
def test_gradients_added_one_by_one_are_summed_as_the_tree_says(count: int) -> None:
    rows = np.random.default_rng(count).standard_normal((count, 50)).astype(np.float32)
    shards = Shards(count, [])
    for _ in range(2):  # the second batch, in the buffers of the first
        shards.begin()
        gradients = np.empty(50, np.float32)
        for row in rows:
            gradients[...] = row
            shards.add(gradients)
        assert gradients.tobytes() == tree_sum(rows.copy()).tobytes()


@pytest.mark.parametrize(
    ("shards", "allowed"), {1: [1], 4: [1, 2, 4], 6: [1, 3, 6], 7: [1, 7], 12: [1, 3, 6, 12]}.items()
)
def test_processes_share_whole_branches_of_the_tree(shards: int, allowed: list[int]) -> None:
    assert [n for n in range(1, 20) if can_share(shards, n)] == allowed


CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch norm and dropout": {
        "model": {"hidden": [{"units": 10, "dropout": 0.3}], "norm": "batch"},
        "regularization": {"l2": 1e-3},
    },
    "noise, and clipping": {
        "model": {"input_noise": 0.1},
        "optimizer": {"name": "sgd", "learning_rate": 0.1, "clip_norm": 0.5},
    },
    "class weights": {"loss": {"name": "cross_entropy", "class_weights": [0.1, 1, 5]}},
    "regression": {"data": {"name": "sine", "points": 66}, "model": {"activation": "tanh"}},
    "saved within epochs": {"training": {"checkpoint_every": 1}},
    "batches of fewer than shards": {"training": {"batch_size": 9}, "data": {"points": 99}},
}


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("name", CONFIGS)
def test_the_number_of_processes_changes_no_byte(name: str, size: int) -> None:
    config = experiment(4, **CONFIGS[name])
    alone = trained(config)
    for shared in together(size, lambda processes: trained(config, processes)):
        assert shared == alone


@pytest.mark.parametrize("name", ["plain", "class weights", "regression"])
def test_shards_learn_what_whole_batches_learn(name: str) -> None:
    """In float64, where the order of the sum shows only in digits that nobody reads."""
    values = [
        Run(experiment(shards, **CONFIGS[name]), dtype=np.float64).trainer for shards in (None, 1, 4, 3)
    ]
    for trainer in values:
        for _ in trainer.epochs():
            pass
    assert values[0].shards is None
    assert values[1].shards is None
    for trainer in values[2:]:
        np.testing.assert_allclose(
            trainer.network.parameters.values, values[0].network.parameters.values, rtol=1e-9, atol=1e-12
        )


def test_batch_norm_follows_the_mean_of_the_shards() -> None:
    config = experiment(2, model={"hidden": [4], "norm": "batch"}, training={"epochs": 1, "batch_size": 1000})
    run = Run(config)
    trainer = run.trainer
    X, y = next(trainer.train.in_order(1000))
    order = np.random.default_rng([0, int.from_bytes(b"shuffle", "little"), 1]).permutation(len(y))
    first = trainer.network.dense[0]
    Z = X[order] @ first.W + first.b
    list(trainer.epochs())
    half = len(Z) // 2
    means = [part.mean(axis=0) for part in (Z[:half], Z[half:])]
    variances = [part.var(axis=0, ddof=1) for part in (Z[:half], Z[half:])]
    sizes = [half, len(Z) - half]
    mean, var = trainer.network.moving
    np.testing.assert_allclose(mean, 0.1 * np.average(means, axis=0, weights=sizes), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(var, 0.9 + 0.1 * np.average(variances, axis=0, weights=sizes), rtol=1e-4)


def test_resuming_within_an_epoch_gives_the_same_bytes_on_another_number_of_processes() -> None:
    config = experiment(4, **CONFIGS["batch norm and dropout"], training={"checkpoint_every": 1})
    unbroken = trained(config)

    def begin(processes: Threads) -> tuple[Any, ...]:
        run = Run(config, processes=processes)
        saved: list[MidEpoch] = []

        def save(mid: MidEpoch) -> None:
            saved.append(mid)
            if processes.rank == 1:  # one of them is asked to stop: all do
                run.trainer.stop()

        list(run.trainer.epochs(save))
        assert run.trainer.stopping
        return run, saved[-1]

    for size in (1, 4):
        run, mid = together(2, begin)[0]
        assert 0 < mid.batch < run.trainer.batches
        assert not mid.streams
        slots = run.trainer.optimizer.slots

        def go_on(processes: Threads | None, run: Run = run, mid: MidEpoch = mid, slots: Any = slots) -> Any:
            resumed = Run(config, processes=processes)
            resumed.network.parameters.values[...] = run.network.parameters.values
            for name, array in run.network.state.items():
                resumed.network.state[name][...] = array
            for name, slot in slots.items():
                resumed.trainer.optimizer.slots[name][...] = slot
            progress = type(run.trainer.progress)(**vars(run.trainer.progress))
            resumed.trainer.resume(progress, run.trainer.optimizer.steps, mid)
            rows = [epoch.metrics for epoch in resumed.trainer.epochs()]
            return state_of(resumed.trainer), [row["train_loss"] for row in rows], rows[0]["dead"]

        results = [go_on(None)] if size == 1 else together(size, go_on)
        for state, losses, dead in results:
            assert state == unbroken[0]
            assert losses == [row["train_loss"] for row in unbroken[1]]
            assert dead == unbroken[1][0]["dead"]


def test_all_processes_find_the_divergence_of_one() -> None:
    config = experiment(4, optimizer={"name": "sgd", "learning_rate": 1e30})

    def diverge(processes: Threads | None) -> str:
        with pytest.raises(RunError, match="diverged") as caught:
            list(Run(config, processes=processes).trainer.epochs())
        return str(caught.value)

    alone = diverge(None)
    assert "first in layer" in alone
    assert set(together(2, diverge)) == {alone}


def test_images_are_augmented_by_shards() -> None:
    """And have noise: drawn anew for 5 images, and from the pool for 6."""
    rng = np.random.default_rng(0)
    augment = {"flip": True, "rotate": 10, "crop": 2, "cutout": 4, "mixup": 0.5}
    config = validate_experiment(
        {
            "data": {"name": "cifar10", "augment": augment},
            "model": {"hidden": [8], "input_noise": 0.1},
            "training": {"epochs": 1, "batch_size": 11, "shards": 2},
        },
        Path(),
    )
    images = rng.integers(0, 256, (25, 3072), np.uint8)
    split = Split(images, rng.integers(0, 10, 25), np.arange(25))
    transform = Transform.fit(
        "standardize", images, split.rows, tuple(map(str, range(3072))), {}, 0, None, ()
    )

    def train(processes: Threads | None) -> list[bytes]:
        network = build_network(config, (3072, 8, 10))
        network.initialize(stream(0, "init"))
        batches = Batches(split, transform)
        trainer = build_trainer(config, network, build_loss(config), batches, processes=processes)
        list(trainer.epochs())
        return state_of(trainer)

    alone = train(None)
    assert together(2, train) == [alone, alone]


def test_processes_take_a_shard_each_if_the_config_leaves_it_open() -> None:
    four = Threads(0, 4, threading.Barrier(1), [])
    assert share_batches(experiment(None), four).training.shards == 4
    assert share_batches(experiment(8), four).training.shards == 8
    assert share_batches(experiment(4), four, begun=True).training.shards == 4


UNSHARED: dict[str, tuple[Experiment, int, bool, str]] = {
    "three of four": (experiment(4), 3, False, "start 1, 2 or 4 processes, or set it to 3 or twice"),
    "a run of one process": (experiment(None), 2, True, "resume it with 1 process. .*training.start_from"),
    "small batches": (
        experiment(None, training={"batch_size": 2}),
        4,
        False,
        "training.batch_size: 2 is too",
    ),
    "members": (experiment(None, model={"members": 3}), 2, False, "model.members: 3 cannot be trained by 2"),
}


@pytest.mark.parametrize("name", UNSHARED)
def test_what_processes_cannot_share(name: str) -> None:
    config, size, begun, message = UNSHARED[name]
    with pytest.raises(ConfigError, match=message):
        share_batches(config, Threads(0, size, threading.Barrier(1), []), begun=begun)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"training": {"shards": 33, "batch_size": 32}}, "at most training.batch_size, 32"),
        ({"training": {"shards": 2}, "model": {"members": 3}}, "model.members: 3"),
    ],
)
def test_what_shards_do_not_go_with_is_refused(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validate_experiment({"data": {"name": "spiral"}, **sections}, Path())
