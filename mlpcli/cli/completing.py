"""Completes arguments of commands in a shell: configs, runs, data sets, and what follows ``--set``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

__all__ = [
    "complete_change",
    "complete_config",
    "complete_data",
    "complete_run",
    "complete_source",
    "complete_table",
]

_MOST = 10_000  # entries of a folder that are looked at
Complete: TypeAlias = "Callable[[click.Context, click.Parameter, str], list[CompletionItem[Any]]]"
_CONFIGS = (".yaml", ".yml")
_RUN = ("config.yaml", "folds.json", "seeds.json", "sweep.yaml")  # each makes a folder a run


def complete_config(_: click.Context, __: click.Parameter, typed: str) -> list[CompletionItem[Any]]:
    """Return config files, and the configs that come with mlp."""
    from mlpcli.config.shipped import shipped_configs

    files = _files(typed, lambda path: path.suffix in _CONFIGS)
    return _items([*files, *(name for name in shipped_configs() if name.startswith(typed))])


def complete_run(_: click.Context, __: click.Parameter, typed: str) -> list[CompletionItem[Any]]:
    """Return directories of runs, those in runs/ too, and checkpoints."""
    return _items(_runs(typed))


def complete_source(ctx: click.Context, param: click.Parameter, typed: str) -> list[CompletionItem[Any]]:
    """Return configs and runs."""
    found = [item.value for item in complete_config(ctx, param, typed)]
    return _items([*found, *_runs(typed)])


def complete_data(ctx: click.Context, param: click.Parameter, typed: str) -> list[CompletionItem[Any]]:
    """Return data sets and configs."""
    from mlpcli.config.completions import names_of_data

    found = [item.value for item in complete_config(ctx, param, typed)]
    return _items([*(name for name in names_of_data() if name.startswith(typed)), *found])


def complete_table(_: click.Context, __: click.Parameter, typed: str) -> list[CompletionItem[Any]]:
    """Return tables, and data sets that need no file."""
    from mlpcli.config.completions import names_of_data

    files = _files(typed, lambda path: path.suffix in (".csv", ".tsv", ".gz", ".parquet", ".npz"))
    return _items([*files, *(name for name in names_of_data() if name.startswith(typed))])


def complete_change(_: click.Context, __: click.Parameter, typed: str) -> list[CompletionItem[Any]]:
    """Return keys of a config, and behind the equals sign the values of a key."""
    from click.shell_completion import CompletionItem

    from mlpcli.config.completions import keys, values_of

    key, equals, value = typed.partition("=")
    if equals:
        return _items([f"{key}={known}" for known in values_of(key) if known.startswith(value)])
    return [CompletionItem(f"{name}=", help=text) for name, text in keys().items() if name.startswith(key)]


def _runs(typed: str) -> Iterator[str]:
    yield from _files(typed, lambda path: path.suffix == ".npz")
    if "runs/".startswith(typed):
        yield from (name for name in _files("runs/", lambda _: False) if not name.endswith("/"))


def _files(typed: str, fits: Callable[[Path], bool]) -> Iterator[str]:
    """Yield the folders, with a slash unless they are runs, and the files that fit and begin as typed."""
    folder, slash, start = typed.rpartition("/")
    try:
        for number, path in enumerate(sorted(Path(f"{folder}{slash}" or ".").expanduser().iterdir())):
            if number == _MOST:
                return
            if not path.name.startswith(start) or (path.name.startswith(".") and not start):
                continue
            name = f"{folder}{slash}{path.name}"
            if not name.isprintable():
                continue
            if path.is_dir():
                yield name if any((path / mark).is_file() for mark in _RUN) else f"{name}/"
            elif fits(path):
                yield name
    except (OSError, RuntimeError, ValueError):
        return


def _items(names: list[str] | Iterator[str]) -> list[CompletionItem[Any]]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in dict.fromkeys(names)]
