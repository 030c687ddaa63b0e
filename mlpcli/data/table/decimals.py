"""Converts cells to numbers, all cells of a block at once.

Plain decimals such as ``-12.0625`` are converted together: eight digits are one word of 64 bits (Langdale and
Lemire, simdjson), and the quotient of all digits by a power of ten is computed with its remainder, so that it
is rounded as ``float`` rounds it. That takes a third of the time of ``float``. All others, with an exponent
or blanks or more than 19 digits, are left to ``float`` itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Fields",
    "find_fields",
    "has_code",
    "have_codes",
    "is_code",
    "parse_decimals",
    "parse_fields",
]

_LARGEST = float(np.finfo(np.float32).max)
_MOST_DIGITS = 19  # 10 ** 19 < 2 ** 64
_WORD = 8  # digits of a word
_PAD = 3 * _WORD  # bytes before the first cell, so that words may begin there

_ZEROS = np.uint64(0x3030303030303030)
_CARRY = np.uint64(0x7676767676767676)  # 10 or more + 0x76 sets the highest bit of a byte
_HIGH = np.uint64(0x8080808080808080)
_LAST = np.array([(1 << 64) - (1 << 8 * (_WORD - n)) for n in range(_WORD + 1)], np.uint64)  # n bytes
_PAIRS = np.uint64(0x000000FF000000FF)
_TENS = np.array([10**n for n in range(_MOST_DIGITS + 1)], np.uint64)
_POWERS = _TENS.astype(np.float64)  # exact
_CODE = re.compile(r"(?:\A|\n)[ \t]*0\d[^.\n]*(?:\n|\Z)", re.ASCII)  # a cell of many, joined by line ends
_CLOSE = 1e-6  # of the distance between two numbers
_SPLIT = 134217729.0  # 2 ** 27 + 1
_POWERS_HIGH = _POWERS * _SPLIT - (_POWERS * _SPLIT - _POWERS)
_POWERS_LOW = _POWERS - _POWERS_HIGH


class Fields(NamedTuple):
    """Cells in a piece of UTF-8: where each begins, where it ends, and the place of its last point.

    ``padded`` holds the bytes after some that mean nothing; a cell without a point has its end in its place.
    """

    padded: NDArray[np.uint8]
    starts: NDArray[np.intp]
    ends: NDArray[np.intp]
    points: NDArray[np.intp]

    def text(self, i: int) -> str:
        """Return a cell."""
        return self.padded[self.starts[i] : self.ends[i]].tobytes().decode()

    def at(self, places: NDArray[np.intp]) -> Fields:
        """Return the cells at some places."""
        return Fields(self.padded, self.starts[places], self.ends[places], self.points[places])


def find_fields(text: bytes, delimiter: str) -> Fields:
    """Return the cells between delimiters (ASCII) and line ends; the last line has no end."""
    padded = np.frombuffer(b"".join([bytes(_PAD), text, b"\n"]), np.uint8)
    is_mark = padded == ord("\n")
    is_mark |= padded == ord(delimiter)
    is_mark |= padded == ord(".")
    marks = np.flatnonzero(is_mark)
    is_point = padded[marks] == ord(".")
    ends = marks[~is_point]
    starts = np.empty(len(ends), np.intp)
    starts[0], starts[1:] = _PAD, ends[:-1] + 1
    points = ends.copy()
    at = np.flatnonzero(is_point)
    points[at - np.arange(len(at))] = marks[at]  # so many ends are before each point
    return Fields(padded, starts, ends, points)


def parse_decimals(cells: list[str]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the numbers (n,) that cells hold, and the places of cells with none in the range of float32.

    The numbers are those that ``float`` returns; those at the returned places mean nothing.
    """
    text = "\n".join(cells)
    if text.isascii():
        fields = find_fields(text.encode(), "\n")
        if len(fields.ends) == len(cells):
            return parse_fields(fields)
    numbers = np.fromiter(map(_number, cells), np.float64, len(cells))
    return numbers, _odd(numbers)


def parse_fields(fields: Fields) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the numbers of cells, and the places of those with none, as `parse_decimals` does."""
    numbers, left = _plain(*fields)
    for i in left.tolist():
        numbers[i] = _number(fields.text(i))
    return numbers, _odd(numbers)


def is_code(text: str) -> bool:
    """Return whether a number is written as codes are, with a leading zero: 02134, but not 0.5 or 00.5."""
    return _CODE.fullmatch(text) is not None


def has_code(cells: Sequence[str]) -> bool:
    """Return whether one of the cells, which are numbers or missing, `is_code`."""
    return _CODE.search("\n".join(cells)) is not None


def _is_blank(text: NDArray[np.uint8]) -> NDArray[np.bool_]:
    blank: NDArray[np.bool_] = (text == ord(" ")) | (text == ord("\t"))
    return blank


def have_codes(fields: Fields, columns: int) -> NDArray[np.bool_]:
    """Return which of so many columns have a cell that `is_code`.

    The fields are those of the first column, then those of the second, and so on.
    """
    padded, starts, ends, points = fields
    blank = np.flatnonzero(_is_blank(padded[starts]))
    if len(blank):
        starts = starts.copy()
        others = np.append(np.flatnonzero(~_is_blank(padded)), len(padded))
        starts[blank] = np.minimum(others[np.searchsorted(others, starts[blank])], ends[blank])
    led = (padded[starts] == ord("0")) & (points == ends) & (ends - starts > 1)
    second = padded[starts[led] + 1]
    led[led] = (second >= ord("0")) & (second <= ord("9"))
    found: NDArray[np.bool_] = led.reshape(columns, -1).any(axis=1)
    return found


def _odd(numbers: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.flatnonzero(~(np.abs(numbers) <= _LARGEST))


def _number(cell: str) -> float:
    try:
        return np.nan if "_" in cell else float(cell)  # only Python reads 1_000 as a number
    except ValueError:
        return np.nan


def _plain(
    padded: NDArray[np.uint8], starts: NDArray[np.intp], ends: NDArray[np.intp], points: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the numbers of cells, and the places of those that are no plain decimals."""
    words = np.ndarray((len(padded) - _WORD + 1,), "<u8", padded, strides=(1,))
    first = padded[starts]
    negative = first == ord("-")
    starts = starts + (negative | (first == ord("+")))

    whole = points - starts  # digits before the point
    part = np.maximum(ends - points - 1, 0)  # and after it
    digits = whole + part
    left = (digits < 1) | (digits > _MOST_DIGITS)
    part[left] = whole[left] = 0
    bad = np.zeros(len(starts), np.uint64)
    mantissa = _digits(words, points, whole, bad)
    mantissa *= _TENS[part]
    mantissa += _digits(words, ends, part, bad)
    left |= bad != 0
    numbers = mantissa / _POWERS[part]  # both are exact up to 2 ** 53, and their quotient is rounded once
    long = np.flatnonzero(mantissa > 1 << 53)
    if len(long):
        numbers[long], unsure = _divided(mantissa[long], part[long])
        left[long[unsure]] = True
    numbers *= 1.0 - 2.0 * negative
    return numbers, np.flatnonzero(left)


def _digits(
    words: NDArray[np.uint64], ends: NDArray[np.intp], n: NDArray[np.intp], bad: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Return the numbers of the n digits before each end; ``bad`` is not 0 where some are no digits."""
    value = _word(words, ends, np.minimum(n, _WORD), bad)
    for done in (_WORD, 2 * _WORD):
        has_more = n > done
        many = np.count_nonzero(has_more)
        if not many:
            break
        if many > len(n) // 2:
            high = _word(words, ends - done, np.clip(n - done, 0, _WORD), bad)
            high *= _TENS[done]
            value += high
            continue
        more = np.flatnonzero(has_more)
        of_these = bad[more]
        high = _word(words, ends[more] - done, np.minimum(n[more] - done, _WORD), of_these)
        bad[more] = of_these
        value[more] += high * _TENS[done]
    return value


def _word(
    words: NDArray[np.uint64], ends: NDArray[np.intp], n: NDArray[np.intp], bad: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Return the numbers of at most eight digits before each end."""
    word = words[ends - _WORD].astype(np.uint64, copy=False)
    word ^= _ZEROS
    word &= _LAST[n]
    bad |= ((word + _CARRY) | word) & _HIGH
    pairs = word >> np.uint64(8)
    word *= np.uint64(10)
    word += pairs
    low = word & _PAIRS
    low *= np.uint64(0x000F424000000064)  # 1,000,000 and 100
    word >>= np.uint64(16)
    word &= _PAIRS
    word *= np.uint64(0x0000271000000001)  # 10,000 and 1
    word += low
    word >>= np.uint64(32)
    return word


def _divided(
    mantissa: NDArray[np.uint64], power: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return mantissa / 10 ** power, rounded once, and where that is too close to the middle of two numbers.

    The remainder of the rounded quotient is computed exactly (Dekker 1971).
    """
    high = mantissa.astype(np.float64)
    rest = (mantissa - high.astype(np.uint64)).view(np.int64).astype(np.float64)
    by = _POWERS[power]
    quotient = high / by
    scaled = quotient * _SPLIT
    q_high = scaled - (scaled - quotient)
    q_low = quotient - q_high
    p_high, p_low = _POWERS_HIGH[power], _POWERS_LOW[power]
    product = quotient * by
    error = ((q_high * p_high - product) + q_high * p_low + q_low * p_high) + q_low * p_low
    correction = (((high - product) - error) + rest) / by
    result = quotient + correction
    off = np.abs(correction - (result - quotient)) / np.spacing(result)
    unsure = (np.abs(off - 0.5) < _CLOSE) | (np.abs(off - 0.25) < _CLOSE)  # 1/4 below a power of 2
    return result, unsure
