"""The colours and shapes of classes, and the colours of splits, in pictures and on pages."""

from __future__ import annotations

__all__ = ["CLASS_COLOURS", "CLASS_SHAPES", "SPLIT_COLOURS"]

# Okabe and Ito's colours (2008), which all kinds of colour vision tell apart, and two more.
CLASS_COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#F0E442",
    "#882255",
    "#999999",
    "#000000",
)

# Nine shapes with ten colours make 90 classes distinguishable: class c has colour c % 10 and shape c % 9.
CLASS_SHAPES = (
    "circle",
    "square",
    "triangle",
    "diamond",
    "triangle down",
    "plus",
    "cross",
    "star",
    "triangle left",
)

# The colours of the curves of each split, three that all kinds of colour vision tell apart.
SPLIT_COLOURS = {"train": "#D55E00", "val": "#0072B2", "test": "#009E73"}
