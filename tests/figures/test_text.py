"""Pictures in characters fit the terminal, are ASCII where need be, and show what the network answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlpcli.figures import UnfitError
from mlpcli.figures.text import boundary_text, curve_text
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]


@pytest.mark.parametrize("draw", [curve_text, boundary_text])
@pytest.mark.parametrize("name", ["spiral", "moons", "sine"])
@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("plain", [False, True])
def test_it_fits(
    draw: Callable[[FinishedRun, int, bool], str], name: str, width: int, plain: bool, finished: Finish
) -> None:
    text = draw(finished(name, "training.epochs=5"), width, plain)
    assert max(map(len, text.splitlines())) <= width
    assert len(text.splitlines()) > 8
    assert text.isascii() or not plain


def test_a_curve_goes_from_the_first_to_the_last_loss(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=30")
    lines = curve_text(run, 80, True).splitlines()
    losses = [loss for row in run.rows for loss in (row.train_loss, row.val_loss)]
    assert lines[0] == "loss of spiral: . train, o val"
    assert lines[1].split()[0] == f"{max(losses):.4g}"
    assert lines[12].split()[0] == f"{min(losses):.4g}"
    assert lines[14].split() == ["1", "epoch", "30"]


def test_regions_and_mistakes_are_the_networks(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3")
    text = boundary_text(run, 80, True)
    wrong = sum(
        int((run.logits(part).argmax(axis=1) != split.y[split.rows]).sum())
        for part, split in run.splits.parts.items()
    )
    assert f"! mistake ({wrong} of 300)" in text
    assert "0 0 on ' '" in text
    inside = text[: text.index("0 0 on")]
    assert all(sign in inside for sign in "012!")


def test_a_function_is_drawn_over_its_examples(finished: Finish) -> None:
    text = boundary_text(finished("sine", "training.epochs=5"), 60, True)
    assert "# the network" in text
    assert text.count("#") > 40


def test_four_features_are_refused(finished: Finish) -> None:
    with pytest.raises(UnfitError, match="needs 2 features"):
        boundary_text(finished("iris", "training.epochs=2"), 80, False)
