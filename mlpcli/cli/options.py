"""Options that several commands share."""

from __future__ import annotations

import click

from mlpcli.cli.completing import complete_change

__all__ = ["set_option", "tta_option"]

set_option = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    shell_complete=complete_change,
    help="Change a key of the config, as in --set optimizer.learning_rate=1e-2. May be repeated.",
)
tta_option = click.option(
    "--tta",
    is_flag=True,
    help="Predict from each image and its mirror image: the mean of both. For a network trained with "
    "data.augment.flip; takes twice as long.",
)
