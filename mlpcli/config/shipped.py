"""Finds the configs and the trained networks that come with mlp, by their names."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shipped_configs", "shipped_networks"]

_PACKAGE = Path(__file__).parents[1]


def shipped_configs() -> dict[str, Path]:
    """Return the configs that come with mlp, by name, as in spiral and notes/dead_relu."""
    return _shipped(".yaml")


def shipped_networks() -> dict[str, Path]:
    """Return the trained networks that come with mlp, by name, as in cifar10/small."""
    return _shipped(".npz")


def _shipped(suffix: str) -> dict[str, Path]:
    """Return the files of a kind by name; where mlp is installed they are in the package, else beside it."""
    inside = _PACKAGE / "configs"
    folder = inside if inside.is_dir() else _PACKAGE.parent / "configs"
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for path in sorted(folder.rglob(f"*{suffix}"))
    }
