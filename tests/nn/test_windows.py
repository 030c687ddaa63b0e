"""What is seen of images through windows, in the order of the weights, by NumPy and by oneDNN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcli.nn import windows
from mlpcli.nn.windows import WindowCopies, inputs_seen, view_windows
from mlpcli.onednn import find_onednn
from mlpcli.specs import Window


@given(
    side=st.integers(1, 9),
    size=st.integers(1, 9),
    stride=st.integers(1, 9),
    channels=st.integers(1, 3),
    planes=st.booleans(),
)
def test_what_is_seen_at_each_place(side: int, size: int, stride: int, channels: int, planes: bool) -> None:
    """Of an image whose pixels are numbered, cut out at each place."""
    window = Window(channels, side, min(size, side), stride, planes=planes)
    image = np.arange(channels * side**2).reshape(
        (channels, side, side) if planes else (side, side, channels)
    )
    last = side - window.size
    expected = []
    for y in range(0, last + 1, stride):
        for x in range(0, last + 1, stride):
            rows, columns = slice(y, y + window.size), slice(x, x + window.size)
            expected.append((image[:, rows, columns] if planes else image[rows, columns]).ravel())
    np.testing.assert_array_equal(inputs_seen(window), expected)
    assert (window.places, window.fan_in) == np.shape(expected)


ONEDNN, REASON = find_onednn()


@pytest.mark.skipif(ONEDNN is None, reason=REASON)
@pytest.mark.parametrize("cohort", [(), (2,)], ids=str)
@pytest.mark.parametrize(
    ("side", "size", "stride"), [(32, 8, 4), (7, 3, 1), (7, 3, 2), (9, 2, 3), (5, 5, 1), (6, 1, 1)]
)
def test_onednn_copies_what_numpy_copies(
    side: int, size: int, stride: int, cohort: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For batches of changing sizes; also where it knows no such copies, since windows overlap."""
    window, rng = Window(3, side, size, stride, planes=True), np.random.default_rng(0)
    monkeypatch.setattr(windows, "_LARGE", 0)
    copies = WindowCopies(window, ONEDNN)
    for n in (5, 3, 5, 1, 2, 4, 6):
        X = rng.standard_normal((*cohort, n, 3 * side**2)).astype(np.float32)
        seen = view_windows(X, window)
        S = np.empty(seen.shape, np.float32)
        copies(X, S)
        np.testing.assert_array_equal(S, seen)
