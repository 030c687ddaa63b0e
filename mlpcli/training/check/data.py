"""Checks of the data: features that teach nothing, their scale, examples in several splits, classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlpcli.build.splits import Splits
from mlpcli.data.batches import Split
from mlpcli.text import clip, some
from mlpcli.training.check.samples import Finding, batch_of, digests_of
from mlpcli.training.run import Run

__all__ = ["check_data"]

_ROWS = 4096  # at a time
_MISSING = -1.2345e30  # a number that no column holds


def check_data(run: Run) -> Iterator[Finding]:
    """Yield what there is to know of the data before training."""
    yield Finding("data", "pass", run.describe_data())
    yield _check_features(run)
    yield _check_scale(run)
    yield _check_shared_rows(run.splits)
    if run.splits.classes is not None:
        yield _check_classes(run.splits, run.splits.classes)


def _check_features(run: Run) -> Finding:
    split, names = run.splits.train, run.splits.columns
    lowest, highest = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    low, high = lowest.copy(), highest.copy()  # of the cells that are not missing
    sums = np.zeros(len(names))
    weights = np.random.default_rng(0).standard_normal(len(split))
    for start in range(0, len(split), _ROWS):
        X = split.X[split.rows[start : start + _ROWS]]
        low, high = np.fmin(low, np.fmin.reduce(X)), np.fmax(high, np.fmax.reduce(X))
        if X.dtype.kind == "f":  # a missing cell counts as a value of its own
            X = np.nan_to_num(X, nan=_MISSING)
        lowest, highest = np.minimum(lowest, X.min(axis=0)), np.maximum(highest, X.max(axis=0))
        sums += np.einsum("i,ij->j", weights[start : start + _ROWS], X, dtype=np.float64)
    constant = lowest == highest
    # Equal columns have equal sums under any weights; those with equal sums are then compared in full.
    _, first = np.unique(sums, return_index=True)
    twins = [
        j
        for j in np.setdiff1d(np.flatnonzero(~constant), first)
        if any(
            np.array_equal(split.X[split.rows, i], split.X[split.rows, j], equal_nan=True)
            for i in np.flatnonzero(sums == sums[j])
            if i != j
        )
    ]
    said, filled = [], (low == high) & ~constant
    if constant.any():
        said.append(f"{_some(names, np.flatnonzero(constant))}: the same in every example")
    if twins:
        said.append(f"{_some(names, twins)}: the same as another feature")
    if said:
        return Finding("features", "note", "; ".join(said) + ". They teach nothing; leave them out")
    if filled.any():
        text = f"{_some(names, np.flatnonzero(filled))}: the same wherever it is not missing"
        return Finding("features", "note", f"{text}; it tells no more than that it is missing")
    return Finding("features", "pass", "no column is constant, no two are the same")


def _some(names: tuple[str, ...], which: Any) -> str:
    shown = ", ".join(clip(names[i], 30) for i in which[:3])
    return shown if len(which) <= 3 else f"{shown}, ... ({len(which):,} of {len(names):,} features)"


def _check_scale(run: Run) -> Finding:
    X, _ = batch_of(run, run.trainer.train.split.rows[:2000], np.float64)
    mean, std = float(np.max(np.abs(np.mean(X, axis=0)))), float(np.max(np.std(X, axis=0)))
    text = f"inputs have means up to {mean:.2f} and standard deviations up to {std:.2f}"
    if mean > 10 or std > 10:
        return Finding("scale", "FAIL", f"{text}; about 0 and 1 train best: set data.scaling: standardize")
    if std < 0.1:
        return Finding("scale", "note", f"{text}: small; data.scaling: standardize makes them 1")
    return Finding("scale", "pass", text)


def _check_shared_rows(splits: Splits) -> Finding:
    held_out = {
        name: split for name, split in (("val", splits.val), ("test", splits.test)) if split is not None
    }
    if not held_out:
        return Finding("splits", "note", "nothing is held out: no score will tell how it does on new data")
    digests = list(digests_of(splits.train, splits.train.rows))
    known = set(digests)
    shares, said = [], []
    for name, split in held_out.items():
        shared = sum(digest in known for digest in digests_of(split, split.rows))
        shares.append(shared / len(split))
        if shared:
            said.append(f"{shared:,} of {len(split):,} {name} examples")
    if not said:
        return Finding("splits", "pass", f"no {' or '.join(held_out)} example is also in train")
    text = f"{' and '.join(said)} have the features of a training example"
    if max(shares) <= 0.1:
        return Finding("splits", "note", text)
    if _are_repeated_by_nature(splits.train, digests):
        return Finding(
            "splits",
            "note",
            f"{text}. Its columns hold few values, so that rows come again: the {len(digests):,} training "
            f"examples have {len(known):,} different ones. If rows were copied by mistake, drop them before "
            "they are split",
        )
    return Finding("splits", "FAIL", f"{text}: scores will flatter; drop repeated rows before they are split")


def _are_repeated_by_nature(train: Split, digests: list[bytes]) -> bool:
    """Return whether rows are no copies: many are alike, or those that are alike have other targets."""
    targets: dict[bytes, set[Any]] = {}
    for digest, y in zip(digests, train.y[train.rows].reshape(len(digests), -1)[:, 0].tolist(), strict=True):
        targets.setdefault(digest, set()).add(y)
    repeated = Counter(digests)
    again = [digest for digest, times in repeated.items() if times > 1]
    differing = sum(len(targets[digest]) > 1 for digest in again)
    return 4 * len(repeated) <= len(digests) or (bool(again) and 10 * differing >= len(again))


def _check_classes(splits: Splits, classes: tuple[str, ...]) -> Finding:
    counts = {
        name: np.bincount(split.y[split.rows], minlength=len(classes))
        for name, split in (("train", splits.train), ("val", splits.val), ("test", splits.test))
        if split is not None
    }
    missing = []
    for name, of_classes in counts.items():
        which = np.flatnonzero(of_classes == 0)
        if len(which):
            text = f"{name} has no example of {some([clip(classes[i], 30) for i in which], 3)}"
            if name == "train":
                return Finding(
                    "classes", "FAIL", f"{text}; it cannot be learned: add some, or drop the class"
                )
            missing.append(f"{text}: its score says nothing of that")
    sizes = counts["train"].tolist()
    low, high = min(sizes), max(sizes)
    text = f"{low:,}{'' if low == high else f' to {high:,}'} training examples each"
    if missing:
        return Finding("classes", "note", "; ".join([*missing, text]))
    if low * 10 < high:
        return Finding(
            "classes", "note", f"{text}: uneven; loss.class_weights: balanced makes them count alike"
        )
    return Finding("classes", "pass", text)
