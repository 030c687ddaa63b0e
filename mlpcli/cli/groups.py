"""A group of commands that knows what an unknown command was probably meant to be."""

from __future__ import annotations

from typing import Any

import click

from mlpcli.errors import nearest

__all__ = ["Commands"]


class Commands(click.Group):
    """Lists its commands in the order in which they were added, and suggests the nearest one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Find the command of the first argument; fail with the nearest one where there is none."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            close = nearest(args[0], self.commands)
            guess = f" Did you mean {close!r}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{guess} (Commands: {', '.join(self.commands)})")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order in which one needs them."""
        return list(self.commands)
