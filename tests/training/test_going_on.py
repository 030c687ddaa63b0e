"""A run that goes on from another one has its weights and epoch, and learns on with settings of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.cohort.folds import CrossValidation
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment
from mlpcli.errors import CheckpointError, ConfigError
from mlpcli.optim.rules import RULES
from mlpcli.training.apply import score_checkpoint
from mlpcli.training.checkpoints import load_checkpoint, save_checkpoint
from mlpcli.training.plan import plan_run
from mlpcli.training.run import Run
from mlpcli.training.start import start_run, take_directory, train_run


def config(optimizer: Any = "adam", batch_size: int = 8, **more: Any) -> Experiment:
    data = {"name": "moons", "points": 60}
    plain = {"data": data, "model": {"hidden": [4], **more.pop("model", {})}, "optimizer": optimizer, **more}
    return validate_experiment({**plain, "training": {"epochs": 50, "batch_size": batch_size}}, Path())


def train(run: Run, epochs: int) -> Run:
    going = run.trainer.epochs()
    for _ in range(epochs):
        next(going)
    return run


def values(run: Run) -> Any:
    return run.network.parameters.values.copy()


@pytest.mark.parametrize("optimizer", RULES)
def test_without_a_change_nothing_changes(optimizer: str) -> None:
    begun = train(Run(config(optimizer)), 3)
    going = Run(config(optimizer), start=begun.here())
    assert going.trainer.progress.epoch == 3
    np.testing.assert_array_equal(values(train(going, 2)), values(train(begun, 2)))


def test_a_changed_learning_rate_counts_from_the_next_step_on() -> None:
    """The batch is the whole split, so that an epoch is one step: v <- 0.9 v + dw, w <- w - 0.2 v."""
    sgd = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}
    begun = train(Run(config(sgd, batch_size=60)), 2)
    w, v = values(begun), begun.trainer.optimizer.slots["velocity"].copy()
    going = train(Run(config({**sgd, "learning_rate": 0.2}, batch_size=60), start=begun.here()), 1)
    v = 0.9 * v + going.network.parameters.gradients
    np.testing.assert_allclose(going.trainer.optimizer.slots["velocity"], v, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(values(going), w - 0.2 * v, rtol=1e-4, atol=1e-7)


def test_another_optimizer_begins_without_a_past() -> None:
    begun = train(Run(config("adam")), 2)
    assert begun.trainer.optimizer.steps > 0
    kept = Run(config("adamw"), start=begun.here()).trainer.optimizer
    new = Run(config("rmsprop"), start=begun.here()).trainer.optimizer
    assert kept.steps == begun.trainer.optimizer.steps
    assert kept.slots["m"].any()
    assert new.steps == 0
    assert not any(slot.any() for slot in new.slots.values())


def test_the_transform_stays_as_it_was_fitted() -> None:
    begun = Run(config())
    far = validate_experiment({"data": {"name": "moons", "points": 60, "noise": 5.0}}, Path())
    others = Run(far).splits
    going = Run(config(), others, start=begun.here())
    np.testing.assert_array_equal(going.transform.scaling.scale, begun.transform.scaling.scale)


def test_images_stay_whitened_as_they_were() -> None:
    digits = str(Path(__file__).parents[2] / "datasets" / "digits.npz")
    section = {"name": "npz", "path": digits, "scaling": "whiten", "train_size": 200}
    plain = validate_experiment({"data": section, "model": {"hidden": [4]}}, Path())
    begun = train(Run(plain), 1)
    going = Run(plain, start=begun.here())
    assert going.transform is begun.transform
    np.testing.assert_array_equal(values(train(going, 2)), values(train(begun, 2)))


def test_dropout_may_be_switched_on() -> None:
    begun = train(Run(config()), 1)
    going = Run(config(model={"dropout": 0.5}), start=begun.here())
    np.testing.assert_array_equal(values(going), values(begun))
    train(going, 1)


@pytest.mark.parametrize("model", [{"hidden": [5]}, {"hidden": [4, 4]}, {"norm": "batch"}])
def test_a_network_of_another_shape_is_refused(model: dict[str, Any]) -> None:
    begun = Run(config())
    with pytest.raises(ConfigError, match="cannot go on from"):
        Run(config(model=model), start=begun.here())


# ------------------------------------------------------------------------------- training.start_from

STOCHASTIC = {"hidden": [4], "dropout": 0.2, "input_noise": 0.1}


def begin(start: Path | None, epochs: int, **sections: Any) -> Experiment:
    """Return a config with dropout and noise, which begins with a checkpoint."""
    training = {"epochs": epochs, "batch_size": 8, **sections.pop("training", {})}
    if start is not None:
        training["start_from"] = str(start)
    plain = {"data": {"name": "moons", "points": 60}, "model": STOCHASTIC, **sections, "training": training}
    return validate_experiment(plain, Path())


@pytest.fixture(scope="module")
def trained_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a run of three epochs of adam."""
    directory = take_directory("before", tmp_path_factory.mktemp("start") / "before")
    train_run(begin(None, 3), directory)
    return directory.path


@pytest.mark.parametrize("optimizer", RULES)
def test_it_learns_what_the_run_before_would_have_learned_next(tmp_path: Path, optimizer: str) -> None:
    """Weights, batches, dropout, noise and the state of the optimizer go on; epochs count from 1 again."""
    whole = train_run(begin(None, 5, optimizer=optimizer))
    train_run(begin(None, 3, optimizer=optimizer), take_directory("a", tmp_path / "a"))
    twice = train_run(
        begin(tmp_path / "a" / "last.npz", 1, optimizer=optimizer), take_directory("b", tmp_path / "b")
    )
    assert [row["epoch"] for row in twice.metrics] == [1]
    thrice = train_run(begin(tmp_path / "b" / "last.npz", 1, optimizer=optimizer))
    np.testing.assert_array_equal(values(thrice), values(whole))
    assert thrice.trainer.optimizer.steps == whole.trainer.optimizer.steps
    assert thrice.trainer.steps == thrice.trainer.batches
    assert thrice.metrics[0]["train_loss"] == whole.metrics[4]["train_loss"]


PENGUINS = {
    "name": "csv",
    "path": str(Path(__file__).parents[2] / "datasets" / "penguins.csv"),
    "target": "species",
    "bins": 4,
    "terms": ["square", "product"],
}
# What else is kept, and what a regression, a table and several members have.
KEPT: dict[str, dict[str, Any]] = {
    "batch norm": {"model": {"hidden": [4], "norm": "batch"}},
    "values": {"data": {"name": "peaks", "points": 60}, "model": {"hidden": [4], "clip_outputs": True}},
    "a linear path": {"model": {"hidden": [4], "linear_path": "fitted"}},
    "a table": {"data": PENGUINS, "model": {"hidden": [4], "activation": "prelu"}},
    "members": {
        "model": {"hidden": [4], "members": 3, "linear_path": "learned", "dropout": 0.1},
        "training": {"validation": "folds"},
    },
}


@pytest.mark.parametrize("sections", KEPT.values(), ids=KEPT)
def test_all_that_a_network_has_goes_on(tmp_path: Path, sections: dict[str, Any]) -> None:
    def config(start: Path | None, epochs: int) -> Experiment:
        return begin(start, epochs, **{**sections, "training": {**sections.get("training", {})}})

    directory = take_directory("a", tmp_path / "a")
    train_run(config(None, 2), directory)
    whole, going = train_run(config(None, 3)), Run(config(directory.last, 1))
    before = load_checkpoint(directory.last)
    np.testing.assert_array_equal(values(going), before.network.parameters.values)
    list(going.epochs())
    np.testing.assert_array_equal(values(going), values(whole))
    for name, array in whole.network.state.items():
        np.testing.assert_array_equal(going.network.state[name], array)
    scores = whole.metrics[-1].keys() & {"val_loss", "val_accuracy", "val_r2"}
    assert scores
    assert all(going.metrics[-1][name] == whole.metrics[-1][name] for name in scores)


def test_a_schedule_is_that_of_the_new_run(trained_before: Path) -> None:
    optimizer = {"name": "adam", "schedule": {"name": "cosine", "warmup": 0.0}}
    start = trained_before / "last.npz"
    run, new = (train_run(begin(path, 4, optimizer=optimizer)) for path in (start, None))
    rates = [[row["learning_rate"] for row in each.metrics] for each in (run, new)]
    assert rates[0] == rates[1]


@pytest.mark.parametrize("stopped_after", [1, 3, 5, 13])
def test_a_resumed_run_ends_in_the_same_bytes_without_the_file(
    trained_before: Path, tmp_path: Path, stopped_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that was stopped within an epoch; what it began with is in its own last.npz."""
    start = tmp_path / "start.npz"
    start.write_bytes((trained_before / "last.npz").read_bytes())
    config = begin(start, 4)
    whole = train_run(config, take_directory("run", tmp_path / "whole"))
    directory = take_directory("run", tmp_path / "broken")
    run, taken = start_run(config, directory), 0
    take_step = run.trainer._take_step

    def stopping(state: Any) -> None:
        nonlocal taken
        take_step(state)
        taken += 1
        if taken == stopped_after:
            run.stop()

    monkeypatch.setattr(run.trainer, "_take_step", stopping)
    list(run.epochs())
    directory.close()
    start.unlink()
    again = train_run(config, take_directory("run", tmp_path / "broken", resume=True))
    assert again.trainer.steps == whole.trainer.steps
    for file in ("best.npz", "last.npz"):
        assert (tmp_path / "broken" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_if_nothing_was_saved_the_file_is_needed_again(trained_before: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.npz"
    start.write_bytes((trained_before / "last.npz").read_bytes())
    directory = take_directory("run", tmp_path / "run")
    start_run(begin(start, 4), directory)
    directory.close()
    start.unlink()
    directory = take_directory("run", tmp_path / "run", resume=True)
    with pytest.raises(CheckpointError, match=r"^training.start_from: .*start.npz: there is no such run"):
        train_run(begin(start, 4), directory)


def test_the_network_it_began_with_stays_the_best_until_an_epoch_is_better(
    trained_before: Path, tmp_path: Path
) -> None:
    directory = take_directory("run", tmp_path / "run")
    still = {"name": "sgd", "learning_rate": 1e-12}
    train_run(begin(trained_before / "last.npz", 1, optimizer=still), directory)
    best, start = load_checkpoint(directory.best), load_checkpoint(trained_before / "last.npz")
    assert best.epoch == 0
    np.testing.assert_array_equal(best.network.parameters.values, start.network.parameters.values)


def test_a_run_is_named_by_its_directory_and_gives_its_best_weights(trained_before: Path) -> None:
    run = Run(begin(trained_before, 1))
    best = load_checkpoint(trained_before / "best.npz")
    np.testing.assert_array_equal(values(run), best.network.parameters.values)
    assert f"It begins with the network of {trained_before}, after {best.epoch} epoch" in run.notes[-1]
    assert "optimizer" not in run.notes[-1]
    assert "with the state of its optimizer" in Run(begin(trained_before / "last.npz", 1)).notes[-1]
    assert plan_run(begin(trained_before, 1)).start == run.notes[-1]


# What has to agree, and what is said of it.
DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "layers": ({"model": {"hidden": [5]}}, "layers: 2-4-2 there, 2-5-2 here"),
    "norm": ({"model": {"hidden": [4], "norm": "batch"}}, "layers: other parameters (beta1, gamma1, mean1, "),
    "activation": (
        {"model": {"hidden": [4], "activation": "tanh"}},
        "activation of layer 1: relu there, tanh here",
    ),
    "slope": (
        {"model": {"hidden": [4], "activation": "leaky_relu"}},
        "activation of layer 1: relu there, leaky_relu (alpha 0.01) here",
    ),
    "classes": ({"data": {"name": "spiral"}}, "classes: 0, 1 there, 0, 1, 2 here"),
    "columns": ({"data": {"name": "sine"}}, "columns: x1, x2 there, x1 here"),
    "no classes": ({"data": {"name": "peaks"}}, "classes: 0, 1 there, numbers here"),
    "scaling": ({"data": {"name": "moons", "scaling": "none"}}, "data.scaling: standardize there, none here"),
    "terms": ({"data": {"name": "moons", "terms": ["sine"]}}, "data.terms: none there, sine here"),
}


@pytest.mark.parametrize(("sections", "said"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_does_not_fit_is_named(trained_before: Path, sections: dict[str, Any], said: str) -> None:
    start = trained_before / "last.npz"
    for begins in (Run, plan_run):
        with pytest.raises(ConfigError) as caught:
            begins(begin(start, 1, **sections))
        message = str(caught.value)
        assert message.startswith(f"training.start_from: {start} does not fit this run:\n")
        assert f"\n  {said}" in message


@pytest.mark.parametrize(
    ("data", "training", "is_told"),
    [
        ({"test_size": 0.5}, {}, True),
        ({"test_size": 0.5}, {"seed": 1}, False),  # other points
        ({"points_seed": 0}, {"seed": 1}, True),  # divided in another way
        ({"points_seed": 0, "split_seed": 0}, {"seed": 1}, False),
        ({"points_seed": 0, "split_seed": 1}, {}, True),
        ({"noise": 0.3}, {}, False),
        ({}, {"batch_size": 16}, False),
    ],
)
def test_rows_that_it_has_learned_and_that_are_held_out_now_are_told(
    trained_before: Path, data: dict[str, Any], training: dict[str, Any], is_told: bool
) -> None:
    data = {"name": "moons", "points": 60, **data}
    run = Run(begin(trained_before, 1, data=data, training=training))
    assert ("too high" in run.notes[-1]) == is_told
    assert run.here().may_have_seen == is_told


def test_that_it_may_have_seen_rows_is_kept_and_handed_on(trained_before: Path, tmp_path: Path) -> None:
    data = {"name": "moons", "points": 60, "test_size": 0.5}
    second = tmp_path / "second.npz"
    save_checkpoint(second, Run(begin(trained_before, 1, data=data)).here())
    assert load_checkpoint(second).may_have_seen
    third = Run(begin(second, 1, data=data))  # divided as the second run, but not as the first
    assert third.may_have_seen
    assert "too high" in third.notes[-1]
    (note,) = score_checkpoint(second, "test", None)["notes"]
    assert "may have learned rows of the test split" in note
    assert score_checkpoint(second, "train", None)["notes"] == []


def test_a_cross_validation_does_not_begin_with_what_has_seen_its_rows(trained_before: Path) -> None:
    with pytest.raises(ConfigError, match=r"training.start_from names a network that has learned rows"):
        CrossValidation(begin(trained_before, 1), 2)


def test_a_file_of_a_stranger_is_read_like_any_checkpoint(trained_before: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.npz"
    whole = (trained_before / "last.npz").read_bytes()
    start.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"^training.start_from: .*start.npz"):
        Run(begin(start, 1))


def test_a_state_that_was_kept_after_another_optimizer_took_over_can_be_read(tmp_path: Path) -> None:
    """As `mlp play` saves it: more epochs than steps of the new optimizer."""
    begun = train(Run(config("adam", batch_size=60)), 6)
    going = train(Run(config("sgd", batch_size=60), start=begun.here()), 2)
    assert (going.trainer.progress.epoch, going.trainer.optimizer.steps, going.trainer.steps) == (8, 2, 8)
    save_checkpoint(tmp_path / "play.npz", going.here())
    plain = {"model": {"hidden": [4]}, "optimizer": "sgd", "training": {"batch_size": 60}}
    again = Run(begin(tmp_path / "play.npz", 2, **plain))
    np.testing.assert_array_equal(values(train(again, 1)), values(train(going, 1)))
