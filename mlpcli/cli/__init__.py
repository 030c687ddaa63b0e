"""The command line: a file for each command, which parses, calls a plain function and prints."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from mlpcli import __version__
from mlpcli.cli.groups import Commands, Later
from mlpcli.cli.output import mute, tell
from mlpcli.errors import ConfigWarning, DataWarning, MlpError, RunWarning
from mlpcli.machine import address_limit
from mlpcli.mpi.job import launched
from mlpcli.text import memory, printable

__all__ = ["COMMANDS", "cli", "run"]

# In the order in which one needs them.
COMMANDS = {
    "init": Later("mlpcli.cli.init:init", "Write a commented config to begin with."),
    "train": Later("mlpcli.cli.train:train", "Train a network from a config."),
    "sweep": Later("mlpcli.cli.sweep:sweep", "Train a config with other values of its keys, in parallel."),
    "check": Later("mlpcli.cli.check:check", "Check a config, its data and its network before a long run."),
    "eval": Later("mlpcli.cli.eval:evaluate", "Evaluate a checkpoint on labelled examples."),
    "predict": Later("mlpcli.cli.predict:predict", "Predict new rows."),
    "explain": Later("mlpcli.cli.explain:explain_row", "Write out the forward pass of one example."),
    "importance": Later("mlpcli.cli.importance:importance", "Measure how much a network needs each column."),
    "plot": Later("mlpcli.cli.plot:plot", "Draw curves, boundaries, weights and more of runs."),
    "compare": Later("mlpcli.cli.compare:compare", "Compare runs: what differs, and whether it matters."),
    "report": Later("mlpcli.cli.report:report", "Write a report on a run as one HTML page."),
    "export": Later(
        "mlpcli.cli.export:export", "Write a trained network for other programs: ONNX and others."
    ),
    "play": Later("mlpcli.cli.play:play", "Watch a 2-D network train in the browser."),
    "count-params": Later(
        "mlpcli.cli.count_params:count_params", "Count neurons, weights, biases and parameters."
    ),
    "data": Later("mlpcli.cli.data:data", "List, describe, draw and fetch data sets."),
    "schema": Later("mlpcli.cli.schema:schema", "Print the JSON Schema of a config, for editors."),
    "completion": Later("mlpcli.cli.completion:completion", "Print how to install completion in a shell."),
}


@click.group(
    cls=Commands,
    later=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="mlp", message="%(prog)s %(version)s")
def cli() -> None:
    """Train multilayer perceptrons from one YAML file, and see what they learned.

    Begin with: mlp train spiral
    """


def run(args: list[str]) -> int:
    """Carry out a command line and return its exit code; errors become one block on stderr."""
    for stream in (sys.stdout, sys.stderr):  # do not fail on characters that the terminal cannot show
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if args[:1] in (["train"], ["sweep"]) and (started := launched()) is not None and started.local_rank:
        mute()  # what is wrong with the command line is said once on each machine
    if "_MLP_COMPLETE" in os.environ:  # a shell asks what may follow
        import_module("mlpcli.cli.completion")  # which makes bash and zsh known
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
        from mlpcli.cli.hints import with_hint

        return _fail(f"Error: {with_hint(error)}", error.exit_code)
    except MemoryError:
        limit = address_limit()
        of = "" if limit is None else f": the process may have {memory(limit)} of addresses (ulimit -v)"
        return _fail(f"Error: out of memory{of}; use a smaller network, batch or data set", 1)
    except SystemExit:  # from click, when the reader of a pipe closes it, as head does: the work is done
        return 0
    except OSError as error:
        return _fail(f"Error: {error.filename or 'the output'}: {error.strerror or error}", 1)
    except Exception as error:
        if os.environ.get("MLP_TRACEBACK"):
            import traceback

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
    own = (ConfigWarning, DataWarning, RunWarning)
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
    from mlpcli.cli.usage import explain

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
