"""The optimizer: slices and threads do not change results; penalties and weight decay affect only weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from usual import some

from mlpcli.build.parts import build_rule
from mlpcli.config.loader import validate_experiment
from mlpcli.nn.penalties import PENALTIES
from mlpcli.onednn import find_onednn
from mlpcli.optim.optimizer import SLICE, Optimizer
from mlpcli.optim.rules import RULES, Rule

ONEDNN, REASON = find_onednn()


def default(name: str) -> Rule:
    """Return a rule with the defaults of the schema."""
    return build_rule(validate_experiment({"data": "spiral", "optimizer": name}, Path()))


@pytest.mark.parametrize("name", RULES)
def test_slicing_does_not_change_the_results(name: str) -> None:
    rng = np.random.default_rng(0)
    n = 2 * SLICE + 17
    whole = rng.standard_normal(n)
    ends = [0, 5, SLICE - 1, SLICE, 2 * SLICE + 16]
    few, dw, few_dw = whole[ends].copy(), np.empty(n), np.empty(len(ends))
    large, small = Optimizer(default(name), 0.1, whole, dw), Optimizer(default(name), 0.1, few, few_dw)
    for _ in range(3):
        dw[...] = rng.standard_normal(n)
        few_dw[...] = dw[ends]
        large.step()
        small.step()
    np.testing.assert_array_equal(whole[ends], few)
    assert large.steps == 3


@pytest.mark.parametrize("name", RULES)
def test_slots_are_named_and_start_at_zero(name: str) -> None:
    rule = default(name)
    optimizer = Optimizer(rule, 0.1, np.ones(4, np.float32), np.ones(4, np.float32))
    assert list(optimizer.slots) == list(rule.slots)
    for slot in optimizer.slots.values():
        assert (slot == 0).all()
        assert slot.dtype == np.float32


@pytest.mark.skipif(ONEDNN is None, reason=REASON)
@pytest.mark.parametrize("name", RULES)
def test_onednn_takes_the_same_steps(name: str) -> None:
    """Beside penalties and weight decay, which are NumPy's, as is a rule that does not consist of passes."""
    rng, n = np.random.default_rng(0), 2 * SLICE + 17
    start = rng.standard_normal(n).astype(np.float32)
    settings: dict[str, Any] = {
        "penalties": [(PENALTIES["l2"].add_gradient, 0.1)],
        "weight_decay": 0.1,
        "n_penalized": n - 1000,
        "threads": 2,
    }
    made = []
    for onednn in (None, ONEDNN):
        w, dw = start.copy(), np.empty_like(start)
        made.append((Optimizer(default(name), 0.01, w, dw, **settings, onednn=onednn), w, dw))
    for _ in range(4):
        gradient = rng.standard_normal(n).astype(np.float32)
        for optimizer, _, dw in made:
            dw[...] = gradient
            optimizer.step()
    (one, w, _), (other, by_onednn, _) = made
    np.testing.assert_allclose(by_onednn, w, rtol=1e-5, atol=1e-6)
    for slot in one.slots:
        np.testing.assert_allclose(other.slots[slot], one.slots[slot], rtol=1e-5, atol=1e-6)


SUMMING = [name for name in RULES if default(name).decay]


@pytest.mark.parametrize("name", SUMMING)
def test_gradients_may_be_summed_by_whoever_computes_them(name: str) -> None:
    rng, rule = np.random.default_rng(0), default(name)
    starts, gradients = rng.standard_normal(9), rng.standard_normal((3, 9))
    w, summed = starts.copy(), starts.copy()
    dw, sums = np.zeros(9), np.zeros(9)
    settings: dict[str, Any] = {
        "penalties": [(PENALTIES["l2"].add_gradient, 0.1)],
        "weight_decay": 0.5,
        "n_penalized": 6,
    }
    usual = Optimizer(rule, 0.1, w, dw, **settings)
    told = Optimizer(rule, 0.1, summed, sums, **settings, are_summed=True)
    for gradient in gradients:
        dw[...] = gradient
        sums[...] = rule.decay * sums + gradient
        usual.step()
        told.step()
    np.testing.assert_allclose(summed, w, rtol=1e-14)
    np.testing.assert_allclose(told.slots["velocity"], usual.slots["velocity"], rtol=1e-14)


@pytest.mark.parametrize("name", sorted(set(RULES) - set(SUMMING)))
def test_rules_that_need_each_gradient_ignore_that_they_are_summed(name: str) -> None:
    assert Optimizer(default(name), 0.1, np.ones(4), np.ones(4), are_summed=True).decay == 0


def test_weight_decay_shrinks_only_weights_and_is_decoupled_from_the_gradient() -> None:
    w, dw = np.array([2.0, 2.0]), np.array([1.0, 1.0])
    optimizer = Optimizer(RULES["sgd"](momentum=0.0), 0.1, w, dw, weight_decay=0.5, n_penalized=1)
    optimizer.step()
    np.testing.assert_allclose(w, [2 * (1 - 0.1 * 0.5) - 0.1, 2 - 0.1])
    optimizer.step()
    np.testing.assert_allclose(w, [1.8 * 0.95 - 0.1, 1.8])


def test_weight_decay_can_end_in_the_middle_of_a_slice() -> None:
    n = 2 * SLICE + 17
    w = np.ones(n)
    n_penalized = SLICE + 5
    Optimizer(RULES["sgd"](momentum=0.0), 0.1, w, np.zeros(n), weight_decay=1, n_penalized=n_penalized).step()
    np.testing.assert_allclose(w[:n_penalized], 0.9)
    assert (w[n_penalized:] == 1).all()


@pytest.mark.parametrize("name", some(RULES, 3))
def test_threads_do_not_change_the_results(name: str) -> None:
    n = 5 * SLICE + 17
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal((2, n))
    ends = []
    for threads in (1, 2, 3, 100):
        w, dw = start.copy(), np.empty(n)
        optimizer = Optimizer(
            default(name),
            0.1,
            w,
            dw,
            penalties=[(PENALTIES["l2"].add_gradient, 0.3), (PENALTIES["l1"].add_gradient, 0.1)],
            weight_decay=0.1,
            n_penalized=3 * SLICE + 5,
            threads=threads,
        )
        for _ in range(3):
            dw[...] = gradients
            optimizer.step()
        ends.append(w)
    for end in ends[1:]:
        np.testing.assert_array_equal(end, ends[0])


def test_penalties_are_added_before_the_step_or_with_it() -> None:
    """w = 2, dw = 1, l2 0.5: the gradient is 1 + 0.5 * 2, or 1 for values that are not penalized."""
    for ahead in (False, True):
        w, dw = np.array([2.0, 2.0]), np.array([1.0, 1.0])
        l2 = [(PENALTIES["l2"].add_gradient, 0.5)]
        optimizer = Optimizer(RULES["sgd"](momentum=0.0), 0.1, w, dw, penalties=l2, n_penalized=1)
        if ahead:
            optimizer.penalize()
            np.testing.assert_allclose(dw, [2, 1])
        optimizer.step(penalized=ahead)
        np.testing.assert_allclose(w, [1.8, 1.9])
