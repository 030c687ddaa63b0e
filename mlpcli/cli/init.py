"""``mlp init``: writes a commented config for a table, or one that comes with mlp, to begin with."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.commands import command_line
from mlpcli.cli.completing import complete_table
from mlpcli.cli.output import show, tell
from mlpcli.errors import DataError, UsageError, nearest
from mlpcli.text import clip, printable

__all__ = ["init"]

_EDITOR = "# yaml-language-server: $schema="  # the line by which an editor finds the schema


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option(
    "--data",
    metavar="FILE|NAME",
    shell_complete=complete_table,
    help="A table (.csv, .tsv, .parquet or .npz) to train on, or a data set such as spiral.",
)
@click.option("--target", metavar="COLUMN", help="The column of the table to predict.")
@click.option("--force", is_flag=True, help="Replace CONFIG if it is there.")
def init(config: Path | None, data: str | None, target: str | None, force: bool) -> None:
    """Write CONFIG, a file with comments that trains well as it is, and can be changed then.

    In a terminal, mlp init asks what is not said. Elsewhere it needs --data, and takes the likeliest column:
    one with a name such as target or class, or else the last. CONFIG is by default named after the data.
    """
    asks = _in_terminal()
    names = _data_sets()
    if data is None:
        if not asks:
            raise UsageError(f"name the data: {command_line('init', '--data', 'my.csv')}, or --data spiral")
        data = click.prompt(f"Data, a file or one of {', '.join(names)}", default="spiral", err=True)
    file = Path(str(data))
    place = config or Path(f"{file.name.split('.')[0] or 'config'}.yaml")
    if place.exists() and not force:
        raise UsageError(f"{place} is there already; --force replaces it, or give another name")
    problem: DataError | None = None
    if str(data) in names and not file.is_file():
        if target is not None:
            raise UsageError(f"--target names a column of a table, and {data} is none")
        text = names[str(data)].read_text(encoding="utf-8")
    elif not file.is_file():
        close = nearest(str(data), names)
        guess = f"; did you mean {close}?" if close else ""
        raise UsageError(
            f"{clip(str(data), 60)} is no file, and no data set of mlp{guess} ({', '.join(names)})"
        )
    else:
        if target is None and asks:
            target = _ask_for_target(file)
        prepare_blas()
        from mlpcli.training.draft import draft_config

        draft = draft_config(file, target, place)
        first, _, rest = draft.text.partition("\n")
        text, problem = f"{first}\n{_commands(place)}\n{rest}", draft.problem
        if target is None and draft.target is not None:
            chosen = clip(draft.target, 60)
            tell(f"{chosen!r} is taken as the column to predict; name another one with --target.")
        if draft.accented is not None:
            tell(
                f"{clip(file.name, 60)} is not UTF-8, and is read as cp1252: that is right if "
                f"{clip(draft.accented, 40)} is a word of it. Otherwise change data.encoding in {place}."
            )
    _write(place, text)
    if problem is not None:
        raise DataError(
            f"{problem}\n{place} is written. Say it there, or change the data; then train: "
            f"{command_line('train', place)}"
        )
    show(f"{place} is written.\nnext  {command_line('train', place)}")


def _commands(place: Path) -> str:
    """Return as comments which commands a new config is for."""
    described, trained = (
        command_line(*words, Path(place.name)) for words in (("data", "describe"), ("train",))
    )
    width = len(described)
    return f"#\n#   {described}   tells more of the data\n#   {trained:{width}}   trains on them"


def _in_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _data_sets() -> dict[str, Path]:
    """Return the data sets that need no file, each with the config for it that comes with mlp."""
    from mlpcli.config.completions import names_of_data
    from mlpcli.config.shipped import shipped_configs

    configs = shipped_configs()
    return {name: configs[name] for name in names_of_data() if name in configs}


def _ask_for_target(file: Path) -> str | None:
    """Ask which column of a table is to be predicted; None if its columns cannot be told."""
    from mlpcli.config.tables import columns_of, guess_target, kind_of

    names, _ = columns_of(file) if kind_of(file) == "csv" else ([], "")
    if not names:
        return None
    shown = ", ".join(clip(name, 30) for name in names[:20]) + (", ..." if len(names) > 20 else "")
    question = f"Columns: {shown}\nWhich of them is to be predicted"

    def known(text: str) -> str:
        if text not in names:
            close = nearest(text, names)
            guess = f"; did you mean {close!r}?" if close else ""
            raise click.UsageError(printable(f"there is no column {text!r}{guess}"))
        return text

    return str(click.prompt(question, default=guess_target(names), value_proc=known, err=True))


def _write(place: Path, text: str) -> None:
    """Write a config whole or not at all, with the line for editors where the schema stands beside it."""
    from mlpcli.files import replace_file

    lines = [line for line in text.splitlines() if not line.startswith(_EDITOR)]
    if (place.parent / "schema.json").is_file():
        lines.insert(0, f"{_EDITOR}schema.json")
    place.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(place) as stream:
        stream.write(("\n".join(lines) + "\n").encode())
