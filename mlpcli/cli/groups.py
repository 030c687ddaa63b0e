"""A group of commands that knows what an unknown command was probably meant to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mlpcli.cli.commands import command_line
from mlpcli.errors import nearest

__all__ = ["Commands"]


class Commands(click.Group):
    """Lists its commands in the order in which they were added, and suggests the nearest one."""

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
