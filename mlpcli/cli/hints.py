"""The hints of the command line: which option or command helps where something went wrong.

The rooms below speak of facts; an error's ``topic`` picks the sentence here, and its ``facts`` fill it in,
as the shell reads them.
"""

from __future__ import annotations

from mlpcli.cli.commands import quoted
from mlpcli.errors import MlpError

__all__ = ["HINTS", "with_hint"]

HINTS = {
    "data folder": "Name another folder with --root.",
    "mirror": "Try again later, or name another mirror of the official file with --url.",
    "no cifar10": "Download it with: mlp data fetch cifar10 --root {root}",
    "not trained": "To train it: mlp train {config}",
    "directory in use": "Wait for it, or name another directory with --out.",
    "directory holds a run": "--resume continues it, --force replaces it, --out names another directory.",
    "directory holds a sweep": "--resume continues it, --out names another directory.",
    "nothing swept": "As options: --grid regularization.l2='[1e-3, 1e-2]', or --seeds 5.",
    "another sweep": "--name gives it another name.",
    "storage to give": "As an option: --storage PATH|URL",
    "storage out of reach": "Once it can be used, the same command with --resume goes on.",
    "best is ahead": "Resume it with: mlp train --resume {run} --set training.epochs={epochs}",
    "run not written": "Once it can be written, resume with: mlp train --resume {run}",
    "run out of reach": "Once it can be reached again, resume with: mlp train --resume {run}",
    "nothing written": "Once it can be written, train again.",
    "run cannot go on": "--force trains a new run in its place.",
    "data for a config": "To write a config with comments: mlp init --data {file}",
    "slow precision": "As an option: mlp train --engine numpy",
    "memory": "To start it anyway: mlp train --force-memory",
    "data moved": "If the data have moved, name them with --data.",
    "data changed": "mlp eval --data scores other data, or these as a whole.",
    "data drawn": "To score a file of your own, leave out --split.",
    "no rows held out": "To score rows of your own, name them with --data, without --split.",
    "data not kept": "Name a file with the same columns with --data.",
    "no snapshots": "Train with them: mlp train {config} --set training.snapshots=30",
    "no target": "Name it with --target.",
    "no mirror images": "Leave out --tta.",
    "no matplotlib": "Without it, mlp plot RUN --text draws in characters.",
    "two columns": "As an option: --set {change}",
    "score to compare": "As an option: --score {score}",
    "no format": "--to names it, as in --to onnx.",
    "port in use": "Give another one with --port, or 0 for any free one.",
}


def with_hint(error: MlpError) -> str:
    """Return the error's message, followed by the hint for its topic where it has one."""
    if error.topic is None:
        return str(error)
    facts = {name: quoted(fact) for name, fact in error.facts.items()}
    return f"{error}\n{HINTS[error.topic].format(**facts)}"
