"""The colours of classes, in pictures and on pages."""

from __future__ import annotations

__all__ = ["CLASS_COLOURS"]

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
