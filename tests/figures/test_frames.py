"""The boundary at each snapshot: a GIF whose first frames are slow, and the frames of a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mlpcli.figures import UnfitError
from mlpcli.figures.frames import animate_boundary, draw_frames, frame_times
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]
SHORT = ("training.epochs=12", "training.snapshots=4")


def read(path: Path) -> tuple[list[Image.Image], list[int]]:
    """Return the frames of a GIF and how long each is shown, in milliseconds."""
    with Image.open(path) as gif:
        frames, times = [], []
        for i in range(gif.n_frames):
            gif.seek(i)
            frames.append(gif.convert("RGB"))
            times.append(gif.info["duration"])
        assert gif.info["loop"] == 0
    return frames, times


def test_there_is_a_different_frame_for_each_snapshot(finished: Finish, tmp_path: Path) -> None:
    path = tmp_path / "new" / "boundary.gif"
    assert animate_boundary(finished("spiral", *SHORT), path) == 4
    frames, times = read(path)
    assert len({frame.tobytes() for frame in frames}) == 4
    assert times == sorted(times[:-1], reverse=True) + times[-1:]
    assert times[-1] >= 2000  # a pause before it begins again


def test_many_frames_take_seconds_not_minutes() -> None:
    assert frame_times(1) == [3000]
    assert frame_times(30)[0] > 3 * frame_times(30)[10]
    assert 8000 < sum(frame_times(30)) < 15_000


@pytest.mark.exhaustive
def test_the_last_frame_is_the_same_if_drawn_by_itself(
    finished: Finish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The axes are reused, so nothing of an earlier frame may remain on them."""
    run = finished("spiral", *SHORT)
    animate_boundary(run, tmp_path / "all.gif")
    alone = run.at(run.snapshots[-1])
    monkeypatch.setattr(alone, "snapshots", run.snapshots[-1:])
    animate_boundary(alone, tmp_path / "one.gif")
    one, last = (np.asarray(read(tmp_path / name)[0][-1], int) for name in ("one.gif", "all.gif"))
    difference = np.abs(one - last)
    assert difference.max() <= 40  # each frame has its own palette
    assert difference.mean() < 0.5


def test_without_snapshots_the_error_says_how_to_get_them(finished: Finish, tmp_path: Path) -> None:
    with pytest.raises(UnfitError, match=r"train it with training\.snapshots$"):
        animate_boundary(finished("spiral", "training.epochs=3"), tmp_path / "x.gif")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.exhaustive
def test_the_frames_of_a_page_are_those_of_the_snapshots_and_of_the_epoch_that_is_shown(
    finished: Finish,
) -> None:
    run = finished("spiral", *SHORT)
    drawing, frames, shown = draw_frames(run, 30)
    assert [frame.epoch for frame in frames] == sorted({1, 2, 5, 12, run.best_epoch})
    assert frames[shown].epoch == run.best_epoch
    assert len({frame.under for frame in frames}) == len(frames)
    split = run.splits.train
    accuracy = np.mean(run.logits("train").argmax(axis=1) == split.y[split.rows])
    assert frames[shown].scores.startswith(f"accuracy: train {accuracy:.1%}, val ")
    (panel,) = drawing.panels
    assert panel.inner.startswith(f'<g id="under">{frames[shown].under}</g>')
    assert panel.inner.endswith(f'<g id="over">{frames[shown].over}</g>')
    for frame in frames:
        under, over = (ElementTree.fromstring(f"<g>{part}</g>") for part in (frame.under, frame.over))
        assert len(list(under.iter("image"))) == 1
        assert len(list(over.iter("use"))) > 0  # rings around mistakes
        assert not list(under.iter("text"))


@pytest.mark.exhaustive
def test_a_surface_is_sent_in_pixels_and_a_curve_as_a_line(
    finished: Finish, plane_values: FinishedRun
) -> None:
    _, (frame,), shown = draw_frames(plane_values, 30)
    assert shown == 0
    assert "<image" in frame.under
    assert len(frame.under) < 60_000
    sine = finished("sine", *SHORT)
    _, frames, _ = draw_frames(sine, 2)  # of four snapshots the first and the last
    assert [frame.epoch for frame in frames] == sorted({1, 12, sine.best_epoch})
    assert all(frame.under == "" and "<path" in frame.over for frame in frames)
