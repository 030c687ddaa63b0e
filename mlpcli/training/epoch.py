"""A finished epoch: its metrics, as a row and as single numbers with names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Epoch"]

_SPLITS = ("train", "val")


@dataclass(frozen=True)
class Epoch:
    """A finished epoch: its row of metrics, and whether its weights are the best so far."""

    number: int
    metrics: dict[str, Any]
    is_best: bool

    @property
    def values(self) -> dict[str, float | None]:
        """The metrics as single numbers; None where one is not defined in this epoch.

        Their names are in groups, as trackers show them: ``loss/train``, ``accuracy/val``,
        ``training/learning_rate``, and for each layer ``dead/layer_1``.
        """
        found: dict[str, float | None] = {}
        for key, value in self.metrics.items():
            split, _, score = key.partition("_")
            if key == "epoch":
                continue
            if split in _SPLITS:
                found[f"{score}/{split}"] = value
            elif isinstance(value, list):
                found |= {f"{key}/layer_{number}": each for number, each in enumerate(value, 1)}
            else:
                found[f"training/{key}"] = value
        return found

    @property
    def scalars(self) -> dict[str, float]:
        """Those of the `values` that are defined."""
        return {name: value for name, value in self.values.items() if value is not None}
