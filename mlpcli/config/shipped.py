"""Finds the configs that come with mlp, by their names."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shipped_configs"]

_PACKAGE = Path(__file__).parents[1]


def shipped_configs() -> dict[str, Path]:
    """Return the configs that come with mlp, by name, as in spiral and notes/dead_relu.

    They are in the package where it is installed, and beside it in a checkout.
    """
    inside = _PACKAGE / "configs"
    folder = inside if inside.is_dir() else _PACKAGE.parent / "configs"
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.yaml"))
    }
