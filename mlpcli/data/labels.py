"""Turns labels into class indices: finds the classes, or recognizes those of a trained network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.sentences import FILL, SHOWN
from mlpcli.errors import DataError, did_you_mean
from mlpcli.text import listed, shortened

__all__ = [
    "MISSING",
    "MOST_CLASSES",
    "Labels",
    "classify",
    "labels_of",
    "parse_number",
    "recognize",
    "too_many_classes",
]

MOST_CLASSES = 1 << 16
_ADVICE = "Several rows share a class; are these the labels?"
MISSING = {"?", "-", ".", "na", "n/a", "nan", "null", "none"}  # in lower case


class Labels(NamedTuple):
    """The labels of n rows: the different ones, where each was first seen, and which one each row has."""

    names: list[str]
    places: list[str]
    codes: NDArray[np.int64]  # (n,), indices into the other two


def labels_of(where: str, y: NDArray[Any]) -> Labels:
    """Return the labels in y (n,): numbers, booleans or strings, also as objects. Raises DataError."""
    if y.dtype.kind not in "biufU":
        return _labels_of_objects(where, y)
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        i = int(np.flatnonzero(~np.isfinite(y))[0])
        raise DataError(f"{where}[{i}] is {y[i]}, which is not a label. {FILL}")
    values, first, codes = np.unique(y, return_index=True, return_inverse=True)
    if len(values) > MOST_CLASSES:
        raise too_many_classes(where, values)
    names = [str(value).strip() for value in values]
    return _checked(Labels(names, [f"{where}[{i}]" for i in first], codes))


def _labels_of_objects(where: str, y: NDArray[Any]) -> Labels:
    seen: dict[str, int] = {}
    places: list[str] = []
    codes = np.empty(len(y), np.int64)
    for i, value in enumerate(y):
        is_label = isinstance(value, (str, bool, int, np.bool_, np.integer))
        if not is_label and not (isinstance(value, (float, np.floating)) and math.isfinite(value)):
            raise DataError(f"{where}[{i}] is {shortened(str(value))}, which is not a label. {FILL}")
        codes[i] = seen.setdefault(str(value).strip(), len(seen))
        if len(places) < len(seen):
            places.append(f"{where}[{i}]")
            if len(seen) > MOST_CLASSES:
                raise too_many_classes(where, list(seen))
    return _checked(Labels(list(seen), places, codes))


def _checked(labels: Labels) -> Labels:
    if "" in labels.names:
        place = labels.places[labels.names.index("")]
        raise DataError(f"{place} is empty, which is not a label. {FILL}")
    return labels


def classify(where: str, labels: Labels, advice: str = _ADVICE) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return y (n,) and the names of the classes that it indexes: numbers by size, text by its characters.

    Raises DataError where there is only one class, or `too_many_classes`.
    """
    keys = _keys(labels)
    classes = sorted(set(keys))
    if len(classes) < 2:
        raise DataError(
            f"{where}: holds {shortened(_shortest(classes[0]))} in every row; at least two classes are needed"
        )
    if len(classes) > max(20, len(labels.codes) / 2):
        raise too_many_classes(where, classes, advice)
    index = {key: i for i, key in enumerate(classes)}
    y = np.array([index[key] for key in keys], np.int64)[labels.codes]
    return y, tuple(map(_shortest, classes))


def recognize(labels: Labels, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return y (n,): for each row the index of its label in ``classes``.

    Raises DataError for unknown labels.
    """
    numeric = all(parse_number(name) is not None for name in classes)
    index = {parse_number(name) if numeric else name: i for i, name in enumerate(classes)}
    codes = [index.get(parse_number(name) if numeric else name) for name in labels.names]
    unknown = [i for i, code in enumerate(codes) if code is None]
    if unknown:
        lines = [f"{labels.places[i]}: unknown label {shortened(labels.names[i])}" for i in unknown[:SHOWN]]
        known = f"The network knows {listed(classes)}."
        raise DataError("\n".join([*lines, known]) + did_you_mean(labels.names[unknown[0]], classes))
    return np.array(codes, np.int64)[labels.codes]


def parse_number(text: str) -> float | None:
    """Return the number that a text stands for, None where it stands for none."""
    try:
        return None if "_" in text else float(text)  # only Python reads 1_000 as a number
    except ValueError:
        return None


def _keys(labels: Labels) -> list[Any]:
    """Return what labels are compared by: their values if all of them are numbers, so that 1.0 equals 1."""
    numbers = [parse_number(name) for name in labels.names]
    strays = [i for i, number in enumerate(numbers) if number is None or not math.isfinite(number)]
    if not strays:
        return numbers
    if len(strays) < len(numbers) and all(
        numbers[i] is not None or labels.names[i].lower() in MISSING for i in strays
    ):
        i = strays[0]
        raise DataError(
            f"{labels.places[i]}: label {labels.names[i]!r} among labels that are numbers. {FILL}"
        )
    return labels.names


def _shortest(key: float | str) -> str:
    if isinstance(key, float) and key.is_integer() and abs(key) < 1e15:
        return str(int(key))
    return str(key)


def too_many_classes(where: str, values: Any, advice: str = _ADVICE) -> DataError:
    """Return the error about labels that differ from row to row; ``advice`` is for those that are text."""
    some = ", ".join(shortened(_shortest(value)) for value in values[:3])
    hint = (
        "If it is a quantity to predict, set `loss: mse`."
        if parse_number(str(values[0])) is not None
        else advice
    )
    return DataError(
        f"{where}: has {len(values):,} different values ({some}, ...), too many for classes.\n{hint}"
    )
