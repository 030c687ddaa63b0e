"""Turns labels into class indices: finds the classes, or recognizes those of a trained network.

A label is a text, and is compared as it is written: ``02134`` is not ``2134``, and ``1.0`` is not ``1``. Only
the order of classes looks at the numbers that labels may be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.sentences import FILL, LEAVE_OUT, SHOWN
from mlpcli.errors import DataError, did_you_mean
from mlpcli.text import count, listed, nfc, shortened

if TYPE_CHECKING:
    from mlpcli.data.kinds import Missing

__all__ = [
    "MISSING",
    "MOST_CLASSES",
    "LabelIndex",
    "Labels",
    "class_after_all",
    "classify",
    "in_order",
    "is_absent",
    "is_missing",
    "labels_of",
    "missing_labels",
    "note_alike",
    "parse_number",
    "rank_classes",
    "recognize",
    "refused_labels",
    "rows_without_label",
    "too_many_classes",
]

MOST_CLASSES = 1 << 16
_ADVICE = "Several rows share a class; are these the labels?"
_QUANTITY = "If it is a quantity to predict, set `loss: mse`."
MISSING = {"?", "-", ".", "na", "n/a", "#n/a", "<na>", "nan", "null", "none"}  # in lower case
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


class Labels(NamedTuple):
    """The labels of n rows: the different ones, where each was first seen, and which one each row has."""

    names: list[str]
    places: list[str]
    codes: NDArray[np.int64]  # (n,), indices into the other two

    @property
    def present(self) -> NDArray[np.bool_] | None:
        """Which rows have a label; None if all have."""
        missing = missing_labels(self.names)
        return ~np.isin(self.codes, missing) if missing else None

    def of(self, rows: NDArray[np.bool_]) -> Labels:
        """Return the labels of the rows that are True."""
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        return Labels([self.names[i] for i in used], [self.places[i] for i in used], codes)


class LabelIndex:
    """Numbers labels in the order in which they are first seen; spellings of one text have one number.

    Labels lose the blanks around them, and are kept in Unicode's normal form C.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes = _Spellings(self.names)

    def code(self, label: str) -> int:
        """Return the number of a label, which may be a new one."""
        return self._codes[label]

    def codes(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers (n,) of labels."""
        return np.fromiter(map(self._codes.__getitem__, labels), np.int64, len(labels))


class _Spellings(dict[str, int]):
    """The number of each spelling of the names; one that is looked up for the first time gets its number."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def __missing__(self, label: str) -> int:
        name = nfc(label.strip())
        code = self.setdefault(name, len(self._names))
        if code == len(self._names):
            self._names.append(name)
        self[label] = code
        return code


def is_missing(name: str) -> bool:
    """Return whether a label says that there is none."""
    return not name or name.lower() in MISSING


def is_absent(value: Any) -> bool:
    """Return whether a value of a program stands for none: None, NaN, NaT, or NA of pandas."""
    if value is None or isinstance(value, str):
        return value is None
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # NA of pandas is neither
        return True


def labels_of(where: str, y: NDArray[Any], missing: Missing = "error") -> Labels:
    """Return the labels in y (n,): numbers, booleans or strings, also as objects.

    Integers are kept exactly, and floats that are whole numbers become integers: 2.0 is the label ``2``. The
    label of what is absent, as NaN, is empty. Raises DataError for `refused_labels`, and for whole numbers
    too large for their kind of float, in which neighbours have become one.
    """
    if y.dtype.kind not in "biufU":
        return _checked(_labels_of_objects(where, y), missing)
    values, first, inverse = np.unique(y, return_index=True, return_inverse=True)
    if len(values) > MOST_CLASSES:
        raise too_many_classes(where, [str(value) for value in values[:3]], len(values))
    index = LabelIndex()
    codes = [index.code(_text(where, int(i), value)) for i, value in zip(first, values, strict=True)]
    places: dict[int, int] = {}
    for i, code in zip(first.tolist(), codes, strict=True):
        places[code] = min(i, places.get(code, i))
    named = [f"{where}[{places[code]}]" for code in range(len(index.names))]
    return _checked(Labels(index.names, named, np.array(codes, np.int64)[inverse]), missing)


def _labels_of_objects(where: str, y: NDArray[Any]) -> Labels:
    index = LabelIndex()
    places: list[str] = []
    codes = np.empty(len(y), np.int64)
    for i, value in enumerate(y):
        is_label = isinstance(value, (str, bool, int, float, np.bool_, np.integer, np.floating))
        if not is_label and not is_absent(value):
            raise DataError(
                f"{where}[{i}] is {shortened(str(value))}, which is not a label. "
                "Labels are numbers, booleans or strings (str)."
            )
        codes[i] = index.code(_text(where, i, value))
        if len(places) < len(index.names):
            places.append(f"{where}[{i}]")
            if len(places) > MOST_CLASSES:
                raise too_many_classes(where, index.names[:3], len(places))
    return Labels(index.names, places, codes)


def _text(where: str, i: int, value: Any) -> str:
    """Return a label of an array as text."""
    if is_absent(value):
        return ""
    if isinstance(value, (float, np.floating)):
        if math.isinf(value):
            raise DataError(f"{where}[{i}] is {value}, which is not a label. {FILL}")
        whole = value == np.floor(value)
        digits = np.finfo(type(value)).nmant + 1
        if whole and abs(value) > 2**digits:
            raise DataError(
                f"{where}[{i}] is {value}, a float of {np.dtype(type(value)).itemsize * 8} bits, "
                f"which tells whole numbers apart only up to 2**{digits}.\n"
                f"Give such labels as integers or as text. {_QUANTITY}"
            )
        return str(int(value)) if whole else str(value)
    try:
        text = str(value)
        text.encode()
    except UnicodeEncodeError:
        raise DataError(f"{where}[{i}] is {shortened(text)}, which holds half a surrogate pair") from None
    except ValueError:  # Python writes no whole number of thousands of digits
        raise DataError(f"{where}[{i}] is a number of too many digits for a label") from None
    return text


def _checked(labels: Labels, missing: Missing) -> Labels:
    """Return the labels; raises DataError if some of them are refused."""
    refused = refused_labels(labels.names, missing)
    if not refused:
        return labels
    rows = np.flatnonzero(np.isin(labels.codes, refused))
    code = labels.codes[rows[0]]
    name = labels.names[code]
    what = f"{labels.places[code]} is {repr(name) if name else 'missing'}, which is not a label. {FILL}"
    n = rows_without_label(len(rows), len(labels.codes))
    raise DataError("\n".join([what, f"{n} {LEAVE_OUT}", *class_after_all([name])]))


def missing_labels(names: Sequence[str]) -> list[int]:
    """Return the places of the names that say that there is no label; a minus is one beside a plus."""
    return [i for i, name in enumerate(names) if is_missing(name) and not (name == "-" and "+" in names)]


def refused_labels(names: Sequence[str], missing: Missing) -> list[int]:
    """Return the places of the names that say that there is no label, and whose rows are not left out.

    Where the label is empty, the row is left out, unless ``missing`` is error. A label such as ``NA`` may be
    the name of a class, and its rows are left out only if it is drop.
    """
    if missing == "drop":
        return []
    return [code for code in missing_labels(names) if names[code] or missing == "error"]


def rows_without_label(n: int, rows: int) -> str:
    """Return in words how many of the rows have no label."""
    return f"{n:,} of {count(rows, 'row')} {'has' if n == 1 else 'have'} no label."


def class_after_all(names: Sequence[str]) -> list[str]:
    """Return what to do if a label that means a missing one is the name of a class."""
    named = [name for name in names if name]
    verb = "is" if len(named) == 1 else "are"
    return (
        [f"{listed(named)} {verb} read as no label; a class needs another word as its name."] if named else []
    )


def classify(where: str, labels: Labels, advice: str = _ADVICE) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return y (n,) and the names of the classes that it indexes; raises what `rank_classes` raises."""
    rank, classes = rank_classes(where, labels, len(labels.codes), advice)
    return rank[labels.codes], classes


def rank_classes(
    where: str, labels: Labels, rows: int, advice: str = _ADVICE
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the class (names,) of each name of the labels of so many rows, and the names of the classes.

    Numbers are ordered by size, text by its characters. Raises DataError where there is only one class, or
    `too_many_classes`, and for a NUL character in a name: at the end of a text, NumPy's arrays lose it.
    """
    names = labels.names
    for name, place in zip(names, labels.places, strict=True):
        if "\0" in name:
            raise DataError(
                f"{place}: label {shortened(name)} holds a NUL character; name the class without it"
            )
    order = _in_order(labels)
    if len(names) < 2:
        raise DataError(f"{where}: holds {shortened(names[0])} in every row; at least two classes are needed")
    if len(names) > max(20, rows / 2):
        raise too_many_classes(where, [names[i] for i in order[:3]], len(names), advice)
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    return rank, tuple(names[i] for i in order)


def recognize(labels: Labels, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return y (n,): for each row the index of its label in ``classes``.

    Raises DataError for unknown labels.
    """
    index = {nfc(name): i for i, name in enumerate(classes)} | {name: i for i, name in enumerate(classes)}
    codes = [index.get(name) for name in labels.names]
    unknown = [i for i, code in enumerate(codes) if code is None]
    if unknown:
        lines = [f"{labels.places[i]}: unknown label {shortened(labels.names[i])}" for i in unknown[:SHOWN]]
        known = f"The network knows {listed(classes)}."
        name = labels.names[unknown[0]]
        number = parse_number(name)
        equal = [] if number is None else [other for other in classes if parse_number(other) == number]
        hint = (
            f"\nLabels are compared as they are written: {shortened(name)} is not {shortened(equal[0])}."
            if equal
            else did_you_mean(name, classes)
        )
        raise DataError("\n".join([*lines, known]) + hint)
    return np.array(codes, np.int64)[labels.codes]


def parse_number(text: str) -> float | None:
    """Return the number that a text stands for, None where it stands for none."""
    try:
        return None if "_" in text else float(text)  # only Python reads 1_000 as a number
    except ValueError:
        return None


def in_order(names: Sequence[str]) -> list[int]:
    """Return the places of names in the order of classes: by exact value if all are decimal numbers."""
    values = [Decimal(name) if _NUMBER.fullmatch(name) else None for name in names]
    if None not in values:
        return sorted(range(len(names)), key=lambda i: (values[i], names[i]))
    return sorted(range(len(names)), key=names.__getitem__)


def note_alike(column: str, names: Sequence[str]) -> list[str]:
    """Return a note if names differ only in capital letters, or are one number, as 1 and 1.0 are.

    Numbers with a leading zero are codes, and not compared as numbers.
    """
    groups: dict[str | Decimal, list[str]] = {}
    for name in names:
        is_number = _NUMBER.fullmatch(name) is not None and not re.match(r"[+-]?0\d", name)
        groups.setdefault(Decimal(name) if is_number else name.casefold(), []).append(name)
    several = [group for group in groups.values() if len(group) > 1]
    if not several:
        return []
    more = f" (and {len(several) - 1:,} more such)" if len(several) > 1 else ""
    return [
        f"{shortened(column)}: {listed(several[0])} are different texts{more}; "
        "write them alike if they mean the same."
    ]


def _in_order(labels: Labels) -> list[int]:
    """Return the numbers of the labels in the order of classes.

    Raises DataError where infinity is among labels that are numbers.
    """
    names = labels.names
    strays = [i for i, name in enumerate(names) if _NUMBER.fullmatch(name) is None]
    if 0 < len(strays) < len(names) and all(math.isinf(parse_number(names[i]) or 0) for i in strays):
        i = strays[0]
        raise DataError(
            f"{labels.places[i]}: label {shortened(names[i])} among labels that are numbers. {FILL}"
        )
    return in_order(names)


def too_many_classes(where: str, some: Sequence[str], n: int, advice: str = _ADVICE) -> DataError:
    """Return the error about n labels that differ from row to row; ``advice`` is for those that are text."""
    hint = _QUANTITY if parse_number(some[0]) is not None else advice
    shown = ", ".join(map(shortened, some[:3]))
    return DataError(f"{where}: has {n:,} different values ({shown}, ...), too many for classes.\n{hint}")
