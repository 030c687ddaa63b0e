"""Text for a terminal."""

from __future__ import annotations

from mlpcli.cli.text import clip, count, percent


def test_small_words() -> None:
    assert (count(1, "feature"), count(2000, "feature")) == ("1 feature", "2,000 features")
    assert (percent(0.5), percent(None)) == ("50.00%", "-")
    assert (clip("setosa", 6), clip("versicolor", 6)) == ("setosa", "ver~or")
    assert clip("\x1b[2J", 10) == "\\x1b[2J"
