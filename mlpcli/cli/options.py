"""Options that several commands share."""

from __future__ import annotations

import click

from mlpcli.cli.completing import complete_change

__all__ = ["set_option"]

set_option = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    shell_complete=complete_change,
    help="Change a key of the config, as in --set optimizer.learning_rate=1e-2. May be repeated.",
)
