"""``mlp schema``: prints the JSON Schema of a config, for editors."""

from __future__ import annotations

import click

from mlpcli.cli.output import write_data

__all__ = ["schema"]


@click.command()
def schema() -> None:
    """Print what a config may hold as JSON Schema (2020-12): every key with its help, range and default.

    Editors complete keys with it, and mark mistakes while you type. Write it beside your configs with
    mlp schema > schema.json, and begin each of them with the line
    # yaml-language-server: $schema=schema.json
    """
    from mlpcli.config.editor_schema import schema_text

    write_data(schema_text())
