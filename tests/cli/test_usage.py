"""Command lines that cannot be read: the option, the name or the key of the config that was meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import pytest

from mlpcli.cli import cli
from mlpcli.cli.usage import OTHER_OPTIONS

Mlp = Callable[..., Any]

# What is typed after ``mlp train``, and the command that the answer ends with.
SETS = {
    "spiral --lr 0.1": "spiral --set optimizer.learning_rate=0.1",
    "spiral --learning-rate=0.1": "spiral --set optimizer.learning_rate=0.1",
    "spiral --learning_rate 0.1": "spiral --set optimizer.learning_rate=0.1",
    "spiral -lr 0.1": "spiral --set optimizer.learning_rate=0.1",
    "spiral --epochs 5 -q": "spiral --set training.epochs=5 -q",
    "spiral --lr 1 --epochs 5 --out runs/a": (
        "spiral --set optimizer.learning_rate=1 --set training.epochs=5 --out runs/a"
    ),
    "spiral --hidden 100": "spiral --set 'model.hidden=[100]'",
    "spiral --hidden 100 50 --seed 1": "spiral --set 'model.hidden=[100, 50]' --set training.seed=1",
    "spiral --layers 100,50": "spiral --set 'model.hidden=[100,50]'",
    "spiral --optimizer.learning_rate 0.1": "spiral --set optimizer.learning_rate=0.1",
    "spiral --wd 1 --act tanh": "spiral --set regularization.weight_decay=1 --set model.activation=tanh",
    "spiral --early-stopping": "spiral --set training.patience=VALUE",
    "spiral epochs=5": "spiral --set training.epochs=5",
    "spiral training.epochs=5": "spiral --set training.epochs=5",
    "spiral --set training.epochs 5": "spiral --set training.epochs=5",
    "spiral --set optimizer={name: sgd}": "spiral --set 'optimizer={name: sgd}'",
    "spiral --set lr 5": "spiral --set optimizer.learning_rate=5",
}


@pytest.mark.parametrize("typed", SETS)
def test_the_answer_is_the_command_with_set(mlp: Mlp, typed: str) -> None:
    code, out, err = mlp("train", *typed.split(" "))
    assert (code, out) == (2, "")
    assert "--set" in err.splitlines()[0]
    assert err.splitlines()[1:] == [f"  mlp train {SETS[typed]}"]


def test_every_command_with_a_config_knows_the_keys(mlp: Mlp) -> None:
    commands = {f"{name}" for name, command in cli.commands.items() if takes_set(command)}
    assert commands >= {"train", "check", "play"}
    for name in commands:
        assert f"mlp {name} spiral --set training.epochs=5" in mlp(name, "spiral", "--epochs", "5").err
    assert "--set data.noise=1" in mlp("data", "describe", "spiral", "--noise", "1").err


def takes_set(command: click.Command) -> bool:
    return any("--set" in option.opts for option in command.params)


# What is typed, and what is answered.
SAID = {
    "train spiral --outt a": "--outt is no option of mlp train; did you mean --out?",
    "train spiral --output-dir a": "--output-dir is no option of mlp train; did you mean --out?",
    "train spiral -o a": "-o is no option of mlp train; did you mean --out?",
    "train --config a.yaml": "--config is no option of mlp train; the config is named without an option:",
    "train spiral --gpu": "--gpu is no option of mlp train (its options: --set,",
    "eval a.npz --batch-size 5": "is no option of mlp eval (its options: --split, --data, --tta, --json)",
    "train spiral --folds x": "--folds x: 'x' is not a whole number from 2 to 1,000",
    "train spiral --folds 1": "--folds 1: '1' is not a whole number from 2 to 1,000",
    "predict a.npz a.csv --top 0": "--top 0: '0' is not a whole number, 1 or more",
    "predict a.npz a.csv --threshold 2": "--threshold 2.0: '2.0' is not a number from 0 to 1",
    "plot a --kind boundry": "--kind boundry: unknown name 'boundry'; did you mean boundary? (allowed:",
    "plot --notes layer_size": "unknown name 'layer_size'; did you mean layer_sizes? (allowed: ",
    "eval a.npz --split vall": "unknown name 'vall'; did you mean val? (allowed: train, val, test)",
    "--train": "; did you mean mlp train?",  # after what click says of an unknown option
    "count-params 3 4 1": "the sizes of layers are named by --layers: mlp count-params --layers 3,4,1",
    "help": "Did you mean: mlp --help",
    "train a.yaml b.yaml": "Got unexpected extra argument (b.yaml)",
    "spiral": "To train a config: mlp train spiral",
    "my.yaml --set a=1": "To train a config: mlp train my.yaml --set a=1",
}


@pytest.mark.parametrize("typed", SAID)
def test_what_was_meant_is_said(mlp: Mlp, typed: str) -> None:
    code, out, err = mlp(*typed.split(" "))
    assert (code, out) == (2, "")
    assert SAID[typed] in err


def test_other_options_stand_for_options_that_there_are() -> None:
    known = {
        name.lstrip("-")
        for command in cli.commands.values()
        for param in command.params
        for name in param.opts
    }
    assert set(OTHER_OPTIONS.values()) <= known
