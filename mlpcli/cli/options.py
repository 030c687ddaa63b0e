"""Options that several commands share."""

from __future__ import annotations

import click

__all__ = ["set_option"]

set_option = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a key of the config, as in --set optimizer.learning_rate=1e-2. May be repeated.",
)
