"""A group of commands that imports each when it is used, and knows what an unknown one was meant to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click

from mlpcli.cli.commands import command_line
from mlpcli.errors import nearest

__all__ = ["Commands", "Later"]


class Later(NamedTuple):
    """A command that is imported when it is used: its place, ``module:name``, and the line that lists it."""

    place: str
    short_help: str


class Commands(click.Group):
    """Lists its commands in the order in which they were added, and suggests the nearest one.

    Those of ``later`` are imported one by one, when they are used: ``mlp --help`` needs none of them.
    """

    def __init__(self, *args: Any, later: Mapping[str, Later] | None = None, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._later = later or {}
        if later is not None:
            self.commands = _Imported(later)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Find the command of the first argument; fail with the nearest one where there is none."""
        if ctx.resilient_parsing and args and args[0] not in self.commands:
            return None, None, []  # a shell asks what may follow
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            close = nearest(args[0], self.commands)
            guess = f" Did you mean {close!r}?" if close else ""
            also = "" if close else self._guess(args)
            ctx.fail(f"No such command {args[0]!r}.{guess} (Commands: {', '.join(self.commands)}){also}")
        return super().resolve_command(ctx, args)

    def _guess(self, args: list[str]) -> str:
        """Return the command that was left out in front of a config, or the option that it should be."""
        if args[0] in ("help", "version"):
            return f"\nDid you mean: {command_line(f'--{args[0]}')}"
        if "train" not in self.commands:
            return ""
        from mlpcli.config.shipped import shipped_configs

        is_config = args[0] in shipped_configs() or Path(args[0]).suffix in (".yaml", ".yml")
        return f"\nTo train a config: {command_line('train', *args)}" if is_config else ""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which one needs them."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short_help(name)) for name in self.list_commands(ctx)])

    def _short_help(self, name: str) -> str:
        later = self._later.get(name)
        return self.commands[name].get_short_help_str(limit=100) if later is None else later.short_help


class _Imported(MutableMapping[str, click.Command]):
    """Commands by name, each imported when it is first asked for."""

    def __init__(self, later: Mapping[str, Later]) -> None:
        self._known: dict[str, click.Command | Later] = dict(later)

    def __getitem__(self, name: str) -> click.Command:
        found = self._known[name]
        if isinstance(found, Later):
            module, _, attribute = found.place.partition(":")
            found = self._known[name] = getattr(import_module(module), attribute)
        return found

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._known[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
