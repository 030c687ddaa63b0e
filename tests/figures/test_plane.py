"""Color and marker together distinguish the points of many classes."""

from __future__ import annotations

from matplotlib.figure import Figure

from mlpcli.figures.plane import class_handles, split_handles
from mlpcli.figures.style import MARKERS, class_colour


def test_ninety_classes_look_different() -> None:
    assert len({(class_colour(i), MARKERS[i % len(MARKERS)]) for i in range(90)}) == 90


def test_a_legend_of_many_classes_says_how_many_there_are() -> None:
    handles = class_handles([str(i) for i in range(40)])
    assert [handle.get_label() for handle in handles[:2]] == ["class 0", "class 1"]
    assert handles[-1].get_label() == "… 40 classes in all"
    assert len(handles) < 20


def test_held_out_examples_look_different() -> None:
    for by_value in (False, True):
        training, held_out, *_ = split_handles("black", held_out=True, by_value=by_value)
        figure = Figure()
        figure.legend(handles=[training, held_out])
        looks = [(line.get_marker(), line.get_markerfacecolor()) for line in (training, held_out)]
        assert looks[0] != looks[1]
    assert len(split_handles("black", held_out=False)) == 1
