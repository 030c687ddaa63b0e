"""The figures for the CS231n notes, Neural Networks 1: each says a claim of theirs and shows it."""

from mlpcli.figures.notes.draw import draw_notes
from mlpcli.figures.notes.table import FIGURES, NotesFigure

__all__ = ["FIGURES", "NotesFigure", "draw_notes"]
