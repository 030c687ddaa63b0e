"""Sentences that the readers of tables, arrays and labels share in their errors."""

from __future__ import annotations

__all__ = ["FILL", "FINITE", "LEAVE_OUT", "NAME_IT", "SHOWN", "TARGET"]

SHOWN = 5  # faults in one message

FILL = "Fill in missing values, or remove their rows."
LEAVE_OUT = "To leave out such rows, set `data.missing: drop`."
FINITE = "Numbers are kept in 32 bits: they must be finite and within 3.4e38."
TARGET = "A regression (`loss: mse`) predicts numbers; to predict a class, set `loss: cross_entropy`."
NAME_IT = "Which column holds the class? Name it in `data.target`."
