"""Advice on unit health: which threshold of the notes a layer has crossed, and what to do about it."""

from __future__ import annotations

from typing import Any

__all__ = ["advise"]

# The notes mention 40% dead units (CS231n, Neural Networks 1); the warning comes well before that.
_DEAD, _SATURATED = 0.2, 0.5
# The notes recommend about 1e-3 (Neural Networks 3, "Ratio of weights:updates").
_RATIO = 0.1
_MOST = 10  # times its size: a larger change is not told in numbers


def advise(metrics: dict[str, Any], *, has_linear_path: bool = False) -> list[str]:
    """Return a line of advice for each layer that is in trouble by an epoch's metrics, in order.

    A network that ``has_linear_path`` may have little to add to it. That its ReLUs die, and that a step
    changes small weights by much, is then no trouble.
    """
    lines = []
    for layer, (dead, saturated) in enumerate(zip(metrics["dead"], metrics["saturated"], strict=True), 1):
        if dead is not None and dead >= _DEAD and not has_linear_path:
            lines.append(
                f"layer {layer}: {dead:.0%} of its ReLUs are dead; lower optimizer.learning_rate "
                "or use leaky_relu"
            )
        if saturated is not None and saturated >= _SATURATED:
            lines.append(
                f"layer {layer}: {saturated:.0%} of its outputs are saturated; lower model.init.gain or "
                "optimizer.learning_rate, or use relu"
            )
    for layer, ratio in enumerate(metrics["update_ratio"], 1):
        if ratio is not None and ratio >= _RATIO and not has_linear_path:
            changed = f"{ratio:.0%}" if ratio < _MOST else f"more than {_MOST:.0%}"
            lines.append(
                f"layer {layer}: a step changes its weights by {changed}, where about 0.1% is usual; "
                "lower optimizer.learning_rate"
            )
    return lines
