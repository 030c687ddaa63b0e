"""The command line: a file for each command, which parses, calls a plain function and prints."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from mlpcli import __version__
from mlpcli.cli.check import check
from mlpcli.cli.completion import completion
from mlpcli.cli.count_params import count_params
from mlpcli.cli.data import data
from mlpcli.cli.eval import evaluate
from mlpcli.cli.explain import explain_row
from mlpcli.cli.export import export
from mlpcli.cli.groups import Commands
from mlpcli.cli.hints import with_hint
from mlpcli.cli.importance import importance
from mlpcli.cli.init import init
from mlpcli.cli.output import tell
from mlpcli.cli.play import play
from mlpcli.cli.plot import plot
from mlpcli.cli.predict import predict
from mlpcli.cli.report import report
from mlpcli.cli.schema import schema
from mlpcli.cli.train import train
from mlpcli.cli.usage import explain
from mlpcli.errors import ConfigWarning, MlpError, RunWarning
from mlpcli.text import printable

__all__ = ["cli", "run"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mlp", message="%(prog)s %(version)s")
def cli() -> None:
    """Train multilayer perceptrons from one YAML file, and see what they learned.

    Begin with: mlp train spiral
    """


for command in (
    init,
    train,
    check,
    evaluate,
    predict,
    explain_row,
    importance,
    plot,
    report,
    export,
    play,
    count_params,
    data,
    schema,
    completion,
):
    cli.add_command(command)


def run(args: list[str]) -> int:
    """Carry out a command line and return its exit code; errors become one block on stderr."""
    for stream in (sys.stdout, sys.stderr):  # do not fail on characters that the terminal cannot show
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _notes():
            code = cli.main(args, prog_name="mlp", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return _fail(_refusal(error, args), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _fail("Interrupted.", 130)
    except MlpError as error:
        return _fail(f"Error: {with_hint(error)}", error.exit_code)
    except MemoryError:
        return _fail("Error: out of memory; use a smaller network, batch or data set", 1)
    except SystemExit:  # from click, when the reader of a pipe closes it, as head does: the work is done
        return 0
    except OSError as error:
        return _fail(f"Error: {error.filename or 'the output'}: {error.strerror or error}", 1)
    except Exception as error:
        if os.environ.get("MLP_TRACEBACK"):
            traceback.print_exc()
        return _fail(
            f"Error: a bug in mlp ({type(error).__name__}: {error}).\n"
            "Please report it with the command and the config; MLP_TRACEBACK=1 shows where it happened.",
            1,
        )
    return code if isinstance(code, int) else 0


@contextmanager
def _notes() -> Iterator[None]:
    """Show the warnings of mlp itself as notes on stderr, and other warnings as Python does."""
    own = (ConfigWarning, RunWarning)
    with warnings.catch_warnings():
        for category in own:
            warnings.simplefilter("always", category)
        show = warnings.showwarning

        def note(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
            if issubclass(category, own):
                tell(f"Note: {message}")
            else:
                show(printable(str(message)), category, *args, **kwargs)

        warnings.showwarning = note
        yield


def _refusal(error: click.ClickException, args: list[str]) -> str:
    """Return what is said of a command line that click refuses: what was meant, or how it is used."""
    if not isinstance(error, click.UsageError):
        return f"Error: {error.format_message()}"
    meant = explain(error, args)
    if meant is not None:
        return f"Error: {meant}"
    if error.ctx is None:
        return f"Error: {error.format_message()}"
    usage = f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help' for help."
    return f"{usage}\n\nError: {error.format_message()}"


def _fail(message: str, code: int) -> int:
    tell(message)
    return code
