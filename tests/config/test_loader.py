"""Reading a config: every mistake is named where it stands, in one pass; --set changes what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli.config.loader import MAX_BYTES, load_experiment, parse_experiment, validate_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.config.yaml12 import read_yaml, write_yaml
from mlpcli.errors import ConfigError

DATA_SETS = "blobs, cifar10, circles, csv, moons, npz, sine, spiral, xor"
SECTIONS = "data, model, loss, optimizer, regularization, training"
LOSSES = "binary_cross_entropy, binary_hinge, cross_entropy, hinge, huber, mae, mse"
LAYER = "a number of units, or a mapping with units, activation, init"
SIZE = "a fraction from 0 to below 1, or a whole number of examples"
SPIRAL = "data: spiral\n"
HE = {"name": "he", "gain": 1.0, "bias": 0.0, "distribution": "normal"}
CSV = "data:\n  name: csv\n  path: table.csv\n  target: kind\n"


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "my.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load(tmp_path: Path, content: str | bytes, *overrides: str) -> Experiment:
    return load_experiment(write(tmp_path, content), overrides)


def refusal(tmp_path: Path, content: str | bytes, *overrides: str) -> str:
    """Return the message of a refusal, the folder of the config left out."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, content, *overrides)
    assert caught.value.exit_code == 2
    message = str(caught.value).replace(f"{tmp_path}{os.sep}", "")
    assert all(line.isprintable() and len(line) < 300 for line in message.splitlines())
    assert not re.search("pydantic|https?:|type=|Input should|union|Value error", message)
    return message


# What is refused. Each entry: the file, line:column, and what the message has to say.

BAD_TEXTS: dict[str, tuple[str | bytes, str, str]] = {
    "duplicate key": (
        SPIRAL + "training:\n  epochs: 1\n  seed: 2\n  epochs: 3\n",
        "5:3",
        'key "epochs" stands here a second time; the first is on line 3',
    ),
    "duplicate section": (SPIRAL + '"data": moons\n', "2:1", 'key "data" stands here a second time'),
    "duplicate in a flow": ("data: {name: xor, name: xor}\n", "1:19", 'key "name" stands here a second time'),
    "duplicate odd key": (SPIRAL + '"a\\n": 1\n"a\\n": 2\n', "3:1", r'key "a\n" stands here a second time'),
    "anchor": ("data: &d spiral\n", "1:7", "anchor &d: anchors and aliases are not used here; delete it"),
    "alias": (
        SPIRAL + "loss: *l\n",
        "2:7",
        "alias *l: anchors and aliases are not used here; repeat the value",
    ),
    "tag": ("data: !!str spiral\n", "1:7", "tag !!str: explicit tags are not used here; delete it"),
    "tag of Python": (
        "data: !!python/object/apply:os.system [ls]\n",
        "1:7",
        "tag !!python/object/apply:os.system: explicit tags",
    ),
    "tag of control characters": ("data: !%C2%9B31m x\n", "1:7", r"tag !\x9b31m: explicit tags"),
    "number as a key": (SPIRAL + "1: 2\n", "2:1", "key 1 is no string; if it is meant, quote it"),
    "truth as a key": (SPIRAL + "true: 2\n", "2:1", "key true is no string; if it is meant, quote it"),
    "null as a key": (SPIRAL + "~: 2\n", "2:1", "key ~ is no string; if it is meant, quote it"),
    "nothing as a key": (SPIRAL + "?\n: 1\n", "2:2", "key (nothing) is no string"),
    "list as a key": (SPIRAL + "[a]: 1\n", "2:1", "a key has to be a plain word, not a list or a mapping"),
    "NaN as a key": (SPIRAL + ".nan: 1\n", "2:1", ".nan is not a finite number"),
    "deep flow": ("data: " + "[" * 65, "1:70", "nested deeper than 64 levels"),
    "deep block": ("".join(" " * i + "a:\n" for i in range(70)), "64:64", "nested deeper than 64 levels"),
    "many values": ("data: [" + "1,\n" * 20_000, "19998:1", "more than 20,000 values"),
    "NaN": ("data: {name: spiral, noise: .nan}\n", "1:29", ".nan is not a finite number"),
    "infinity": ("data: {name: spiral, noise: -.inf}\n", "1:29", "-.inf is not a finite number"),
    "past float64": ("data: {name: spiral, noise: 1e999}\n", "1:29", "1e999 is too large for a number"),
    "endless number": (SPIRAL + f"a: {'9' * 101}\n", "2:4", "a number of 101 characters (9999999999...)"),
    "tab": (SPIRAL + "model:\n\tinit: he\n", "3:1", "a tab: YAML indents with spaces only"),
    "tab after spaces": (SPIRAL + "model:\n  init: he\n  \thidden: []\n", "4:3", "a tab: YAML indents with"),
    "tab after a colon": ("data:\tspiral\n", "1:6", "a tab: YAML indents with spaces only"),
    "two documents": (
        SPIRAL + "---\n" + SPIRAL,
        "2:1",
        "a second document starts here; a config is one document",
    ),
    "text after the end": (SPIRAL + "...\nmodel: {}\n", "3:1", "this does not continue the lines above"),
    "escape of no number": ('data: "\\xZZ"\n', "1:10", "expected escape sequence of 2 hexadecimal numbers"),
    "escape past Unicode": ('data: "\\U00110000"\n', "1:10", "a malformed escape or directive"),
    "escape past 32 bits": ('data: "\\UFFFFFFFF"\n', "1:10", "a malformed escape or directive"),
    "unknown escape": ('data: "C:\\data"\n', "1:11", "unknown escape character 'd'"),
    "surrogate": (
        'data: "\\ud800"\n',
        "1:7",
        "half a surrogate pair, which is no character; write the character",
    ),
    "surrogate in a key": (SPIRAL + '"\\udfff": 1\n', "2:1", "half a surrogate pair, which is no character"),
    "version of no number": ("%YAML x\n---\n" + SPIRAL, "1:7", "expected a digit, but found 'x'"),
    "version of another YAML": ("%YAML 2.0\n---\n" + SPIRAL, "1:1", "found incompatible YAML document"),
    "endless version": (f"%YAML 1.{'9' * 5000}\n---\n", "1:9", "a malformed escape or directive"),
    "two versions": ("%YAML 1.2\n%YAML 1.2\n---\n", "2:1", "found duplicate YAML directive"),
    "directive and no document": ("%YAML 1.2\n" + SPIRAL, "2:1", "this does not continue the lines above"),
    "Latin-1": ("# größe\ndata: ü".encode() + b"\xe9\n", "2:8", "byte 0xe9 is not UTF-8; save it as UTF-8"),
    "Latin-1 after a byte order mark": (b"\xef\xbb\xbfdata: \xe9\n", "1:7", "byte 0xe9 is not UTF-8"),
    "UTF-16": (SPIRAL.encode("utf-16"), "1:1", " is not UTF-8; save it as UTF-8"),
    "UTF-8 of a surrogate": (b"data: \xed\xa0\x80\n", "1:7", "byte 0xed is not UTF-8; save it as UTF-8"),
    "NUL": (SPIRAL + "model: \0\n", "2:8", "a character that YAML does not allow: U+0000"),
    "escape sequence": ("data: \x1b[31m\n", "1:7", "a character that YAML does not allow: U+001B"),
    "C1 control": ("data: \x9b31m\n", "1:7", "a character that YAML does not allow: U+009B"),
    "open quote": (
        SPIRAL + 'loss: "mse\n\n',
        "4:1",
        "a quoted scalar that starts on line 2, found unexpected end",
    ),
    "open bracket": (SPIRAL + "model: {hidden: [1, 2}\n", "2:22", "expected ',' or ']', but got '}'"),
    "open bracket at the end": (
        SPIRAL + "model: {hidden: [1,2\n",
        "3:1",
        "a flow sequence that starts on line 2",
    ),
    "two colons": (SPIRAL + "loss: a: b\n", "2:8", "no key can stand here; check the indentation, or quote"),
    "indented too far": (SPIRAL + "  model: {}\n", "2:8", "no key can stand here; check the indentation"),
    "indented too little": (
        "data:\n  name: xor\n noise: 0\n",
        "3:2",
        "that starts on line 1, this does not continue the lines above; check the indentation",
    ),
    "no colon": (
        SPIRAL + "training\n",
        "3:1",
        "a simple key that starts on line 2, could not find expected ':'",
    ),
    "list": ("- data: spiral\n", "1:1", 'a config is a mapping of sections; the smallest is "data: spiral"'),
    "text": ("# data\nspiral\n", "2:1", "a config is a mapping of sections"),
    "number": ("3\n", "1:1", "a config is a mapping of sections"),
}
NOT_SHOWN = {  # nothing stands there, or nothing that a terminal should be sent
    *("Latin-1", "Latin-1 after a byte order mark", "UTF-16", "UTF-8 of a surrogate"),
    *("NUL", "escape sequence", "C1 control", "open quote", "open bracket at the end", "no colon"),
}

BAD_VALUES: dict[str, tuple[str, str, str]] = {
    # data
    "no data": ("model: {}\n", "1:1", f'key "data" is missing; it has to be one of {DATA_SETS}'),
    "nothing": ("{}\n", "1:1", f'key "data" is missing; it has to be one of {DATA_SETS}'),
    "empty data": ("data:\nloss: mse\n", "1:6", f"data: null is not one of {DATA_SETS}"),
    "data number": ("data: 3\n", "1:7", f"data: 3 is not one of {DATA_SETS}"),
    "data list": ("data: [spiral]\n", "1:7", f"data: a list is not one of {DATA_SETS}"),
    "data without a name": (
        "data:\n  points: 30\n",
        "1:1",
        f'data: key "name" is missing; it has to be one of {DATA_SETS}',
    ),
    "unknown data": (
        "data: spirla\n",
        "1:7",
        f'data: unknown name "spirla"; did you mean "spiral"? (allowed: {DATA_SETS})',
    ),
    "unknown name": (
        "data:\n  points: 30\n  name: Moon\n",
        "3:9",
        f'data.name: unknown name "Moon"; did you mean "moons"? (allowed: {DATA_SETS})',
    ),
    "name list": ("data: {name: [spiral]}\n", "1:14", f"data.name: a list is not one of {DATA_SETS}"),
    "name null": ("data: {name: }\n", "1:13", f"data.name: null is not one of {DATA_SETS}"),
    "name true": ("data: {name: true}\n", "1:14", f"data.name: true is not one of {DATA_SETS}"),
    "key of another data set": (
        "data: {name: moons, classes: 2}\n",
        "1:21",
        'data.classes: unknown key "classes" (allowed: name, train_size, val_size, scaling, test_size, '
        "points, noise)",
    ),
    "points": (
        "data: {name: xor, points: 9}\n",
        "1:27",
        "data.points: 9 is not a whole number from 10 to 10,000,000",
    ),
    "classes": (
        "data: {name: blobs, classes: 101}\n",
        "1:30",
        "data.classes: 101 is not a whole number from 2 to 100",
    ),
    "noise": ("data: {name: xor, noise: -0.1}\n", "1:26", "data.noise: -0.1 is not a number from 0 to 1,000"),
    "noise list": (
        "data: {name: xor, noise: []}\n",
        "1:26",
        "data.noise: an empty list is not a number from 0 to 1,000",
    ),
    "standardize": (
        "data: {name: xor, standardize: centre}\n",
        "1:32",
        'data.scaling: "centre" is not one of standardize, center, range, none; did you mean "center"?',
    ),
    "missing target": (
        "data:\n  name: csv\n  path: table.csv\n",
        "1:1",
        'data: key "target" is missing; it has to be a text of one character or more',
    ),
    "empty target": (
        CSV.replace("kind", '""'),
        "4:11",
        'data.target: "" is not a text of one character or more',
    ),
    "path number": (CSV.replace("table.csv", "3"), "3:9", "data.path: 3 is not a text"),
    "path mapping": (CSV.replace("table.csv", "{}"), "3:9", "data.path: an empty mapping is not a text"),
    "empty path": (CSV.replace("table.csv", "''"), "3:9", "data.path: a path has to name something"),
    "long path": (
        CSV.replace("table.csv", "a/" * 2049),
        "3:9",
        "data.path: a path of 4,098 characters; at most 4,096 can be opened",
    ),
    "path with a NUL": (CSV.replace("table.csv", r'"a\0"'), "3:9", "data.path: a path has to name something"),
    "path of a stranger": (
        CSV.replace("table.csv", "~no body/table.csv"),
        "3:9",
        "data.path: '~no body/table.csv' names a home folder that this machine does not have",
    ),
    "no features": (
        CSV + "  features: []\n",
        "5:13",
        "data.features: an empty list is not a list, as in [a, b], with one entry or more, or null",
    ),
    "one feature": (CSV + "  features: a\n", "5:13", 'data.features: "a" is not a list, as in [a, b]'),
    "feature number": (CSV + "  features: [a, 1]\n", "5:17", "data.features.1: 1 is not a text"),
    "delimiter": (CSV + '  delimiter: ";;"\n', "5:14", 'data.delimiter: ";;" is not a single character'),
    # sizes of the splits
    "size 1.0": ("data: {name: xor, val_size: 1.0}\n", "1:29", f"data.val_size: 1.0 is not {SIZE}"),
    "negative size": ("data: {name: xor, test_size: -1}\n", "1:30", f"data.test_size: -1 is not {SIZE}"),
    "size true": ("data: {name: xor, val_size: true}\n", "1:29", f"data.val_size: true is not {SIZE}"),
    "size text": (
        "data: {name: xor, train_size: 80%}\n",
        "1:31",
        f'data.train_size: "80%" is not {SIZE}, or null',
    ),
    "no training examples": (
        "data: {name: xor, train_size: 0}\n",
        "1:31",
        "data.train_size: 0 leaves nothing to train on; give a size, or null for all that is left",
    ),
    "fractions of everything": (
        "data: {name: xor, val_size: 0.7, test_size: 0.3}\n",
        "1:45",
        "data.test_size: val_size 0.7 + test_size 0.3 is 1 of the examples; they have to fit, and",
    ),
    "fractions and defaults": (
        "data:\n  name: xor\n  train_size: 0.9\n",
        "2:3",
        "data.test_size: train_size 0.9 + val_size 0.2 + test_size 0.2 is 1.3 of the examples",
    ),
    "fractions of CIFAR-10": (
        "data:\n  name: cifar10\n  train_size: 0.9\n  val_size: 0.2\n",
        "4:13",
        "data.val_size: train_size 0.9 + val_size 0.2 is 1.1 of the examples",
    ),
    # model
    "model number": (
        SPIRAL + "model: 100\n",
        "2:8",
        "model: 100 is not a mapping with hidden, activation, init, batch_norm, dropout, input_dropout",
    ),
    "hidden number": (
        SPIRAL + "model: {hidden: 3}\n",
        "2:17",
        "model.hidden: 3 is not a list, as in [100, 50]",
    ),
    "hidden null": (
        SPIRAL + "model:\n  hidden:\n",
        "3:10",
        "model.hidden: null is not a list, as in [100, 50]",
    ),
    "many layers": (
        SPIRAL + f"model:\n  hidden: [{'1,' * 1001}]\n",
        "3:11",
        "model.hidden: 1,001 entries; at most 1,000 are allowed",
    ),
    "layer true": (SPIRAL + "model: {hidden: [true]}\n", "2:18", f"model.hidden.0: true is not {LAYER}"),
    "layer 1.5": (SPIRAL + "model: {hidden: [1, 1.5]}\n", "2:21", f"model.hidden.1: 1.5 is not {LAYER}"),
    "layer null": (SPIRAL + "model: {hidden: [~]}\n", "2:18", f"model.hidden.0: null is not {LAYER}"),
    "layer of no units": (
        SPIRAL + "model:\n  hidden:\n    - 5\n    - 0\n",
        "5:7",
        "model.hidden.1.units: 0 is not a whole number from 1 to 1,000,000",
    ),
    "layer without units": (
        SPIRAL + "model:\n  hidden:\n    - activation: relu\n",
        "4:7",
        'model.hidden.0: key "units" is missing; it has to be a whole number from 1 to 1,000,000',
    ),
    "unknown key of a layer": (
        SPIRAL + "model: {hidden: [{units: 3, activaton: relu}]}\n",
        "2:29",
        'model.hidden.0.activaton: unknown key "activaton"; did you mean "activation"? '
        "(allowed: units, activation, init, batch_norm, dropout)",
    ),
    "init of a layer": (
        SPIRAL + "model: {hidden: [{units: 3, init: xaver}]}\n",
        "2:35",
        'model.hidden.0.init: unknown name "xaver"; did you mean "xavier"? '
        "(allowed: auto, he, lecun, orthogonal, xavier)",
    ),
    "activation": (
        SPIRAL + "model: {activation: rleu}\n",
        "2:21",
        'model.activation: unknown name "rleu"; did you mean "relu"? (allowed: elu, gelu, identity,',
    ),
    "activation of a layer": (
        SPIRAL + "model: {hidden: [{units: 3, activation: {name: gelo}}]}\n",
        "2:48",
        'model.hidden.0.activation.name: unknown name "gelo"; did you mean "gelu"? (allowed: elu,',
    ),
    "activation null": (
        SPIRAL + "model: {activation: ~}\n",
        "2:21",
        "model.activation: null is not one of elu, gelu, identity, leaky_relu,",
    ),
    "alpha of relu": (
        SPIRAL + "model: {activation: {name: relu, alpha: 0.2}}\n",
        "2:34",
        'model.activation.alpha: unknown key "alpha" (allowed: name)',
    ),
    "alpha": (
        SPIRAL + "model: {activation: {alpha: 1}}\n",
        "2:29",
        "model.activation.alpha: 1 is not a number, 0 or more and below 1",
    ),
    "inputs": (
        SPIRAL + "model: {inputs: 0}\n",
        "2:17",
        "model.inputs: 0 is not a whole number, 1 or more, or null",
    ),
    "inputs that do not fit": (
        SPIRAL + "model:\n  hidden: []\n  inputs: 4\n",
        "4:11",
        "model.inputs: 4 does not fit spiral, which has 2 to an example; delete it",
    ),
    "outputs that do not fit": (
        SPIRAL + "model:\n  hidden: []\n  outputs: 4\n",
        "4:12",
        "model.outputs: 4 does not fit cross_entropy on spiral, which takes 3; delete it",
    ),
    "outputs of a binary loss": (
        CSV + "model: {outputs: 2}\nloss: binary_hinge\n",
        "5:18",
        "model.outputs: 2 does not fit binary_hinge on csv, which takes 1; delete it",
    ),
    # loss
    "unknown loss": (
        SPIRAL + "loss: crossentropy\n",
        "2:7",
        f'loss: unknown name "crossentropy"; did you mean "cross_entropy"? (allowed: {LOSSES})',
    ),
    "loss number": (SPIRAL + "loss: 1\n", "2:7", f"loss: 1 is not one of {LOSSES}"),
    "loss without a name": (
        SPIRAL + "loss: {delta: 1}\n",
        "2:1",
        'loss: key "name" is missing; it has to be one of',
    ),
    "delta": (SPIRAL + "loss: {name: hinge, delta: 0}\n", "2:28", "loss.delta: 0 is not a number above 0"),
    "mse on classes": (
        SPIRAL + "loss: mse\n",
        "2:7",
        "loss: mse does not fit spiral, which has classes to predict; use cross_entropy",
    ),
    "hinge on numbers": (
        "data: sine\nloss: {name: hinge}\n",
        "2:7",
        "loss: hinge does not fit sine, which has numbers to predict; use mse",
    ),
    "two classes of three": (
        SPIRAL + "loss: binary_hinge\n",
        "2:7",
        "loss: binary_hinge has one output for two classes, and spiral has 3; use cross_entropy or hinge",
    ),
    "weights of classes": (
        SPIRAL + "loss: {name: cross_entropy, class_weights: [1, -1]}\n",
        "2:44",
        "loss.class_weights: a list is not balanced, null, or a list of weights of 0 or more, one a class",
    ),
    "too few weights": (
        SPIRAL + "loss: {name: cross_entropy, class_weights: [1, 2]}\n",
        "2:7",
        "loss: class_weights has 2 weights, and spiral has 3 classes; give one for each",
    ),
    "word for weights": (
        SPIRAL + "loss: {name: cross_entropy, class_weights: equal}\n",
        "2:44",
        'loss.class_weights: "equal" is not balanced, null, or a list',
    ),
    # optimizer, regularization, training, the rest
    "unknown optimizer": (
        SPIRAL + "optimizer: adma\n",
        "2:12",
        'optimizer: unknown name "adma"; did you mean "adam"? (allowed: adagrad, adam, adamw, lion, '
        "momentum, nesterov, rmsprop, sgd)",
    ),
    "optimizer number": (
        SPIRAL + "optimizer: 0.1\n",
        "2:12",
        "optimizer: 0.1 is not one of adagrad, adam, adamw, lion, momentum, nesterov, rmsprop",
    ),
    "key of another optimizer": (
        SPIRAL + "optimizer:\n  name: sgd\n  beta1: 0.9\n",
        "4:3",
        'optimizer.beta1: unknown key "beta1" (allowed: name, schedule, clip_norm, learning_rate,',
    ),
    "learning rate true": (
        SPIRAL + "optimizer: {learning_rate: true}\n",
        "2:28",
        "optimizer.learning_rate: true is not a number above 0",
    ),
    "learning rate text": (
        SPIRAL + "optimizer: {learning_rate: 1_000}\n",
        "2:28",
        'optimizer.learning_rate: "1_000" is not a number above 0',
    ),
    "momentum": (
        SPIRAL + "optimizer: {name: sgd, momentum: 1}\n",
        "2:34",
        "optimizer.momentum: 1 is not a number, 0 or more and below 1",
    ),
    "regularization number": (
        SPIRAL + "regularization: 0.5\n",
        "2:17",
        "regularization: 0.5 is not a mapping with l1, l2, weight_decay",
    ),
    "l2": (SPIRAL + "regularization: {l2: -1}\n", "2:22", "regularization.l2: -1 is not a number, 0 or more"),
    "training list": (
        SPIRAL + "training: [1]\n",
        "2:11",
        "training: a list is not a mapping with epochs, batch_size, patience, seed, checkpoint_every, "
        "snapshots",
    ),
    "training mapping": (
        SPIRAL + "training: {epochs: {a: 1}}\n",
        "2:20",
        "training.epochs: a mapping is not a whole number from 1 to 10,000,000",
    ),
    "epochs true": (
        SPIRAL + "training: {epochs: true}\n",
        "2:20",
        "training.epochs: true is not a whole number from 1 to 10,000,000",
    ),
    "epochs 3.0": (
        SPIRAL + "training: {epochs: 3.0}\n",
        "2:20",
        "training.epochs: 3.0 is not a whole number",
    ),
    "epochs text": (
        SPIRAL + 'training: {epochs: "3"}\n',
        "2:20",
        'training.epochs: "3" is not a whole number',
    ),
    "epochs huge": (
        SPIRAL + f"training: {{epochs: {'9' * 99}}}\n",
        "2:20",
        "9...9 is not a whole number from 1 to",
    ),
    "batch size": (
        SPIRAL + "training: {batch_size: 0}\n",
        "2:24",
        "0 is not a whole number from 1 to 1,000,000",
    ),
    "patience": (
        SPIRAL + "training: {patience: 0}\n",
        "2:22",
        "training.patience: 0 is not a whole number, 1 or more, or null",
    ),
    "seed": (
        SPIRAL + "training: {seed: 4294967296}\n",
        "2:18",
        "training.seed: 4294967296 is not a whole number, 0 or more and below 4,294,967,296",
    ),
    "unknown section": (
        SPIRAL + "modle:\n  hidden: []\n",
        "2:1",
        f'modle: unknown key "modle"; did you mean "model"? (allowed: {SECTIONS})',
    ),
    "dotted key": (SPIRAL + "model.init: he\n", "2:1", 'unknown key "model.init"'),
    "merge key": (SPIRAL + "<<: {loss: mse}\n", "2:1", 'unknown key "<<"'),
    "empty key": (SPIRAL + '"": 1\n', "2:1", f'"": unknown key "" (allowed: {SECTIONS})'),
    "key of two lines": (SPIRAL + '"a\\nb": 1\n', "2:1", r'"a\nb": unknown key "a\nb" (allowed:'),
    "long key": (SPIRAL + f"{'k' * 200}: 1\n", "2:1", 'kkk...": unknown key "kkk'),
    "key of control characters": (SPIRAL + '"\\x9b31m": 1\n', "2:1", r'unknown key "\u009b31m"'),
    "long name": (f"data: {'x' * 200}\n", "1:7", 'xxx..." (allowed:'),
    "far to the right": (f"data: {{name: xor,{' ' * 200}points: 1}}\n", "1:226", "data.points: 1 is not"),
}


def shown_at_carets(message: str) -> list[str]:
    """Return the rest of each source line that is shown, from its caret on."""
    return [line[len(space) :] for line, space in re.findall(r"^  (.*)\n  ( *)\^$", message, re.MULTILINE)]


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_refuses_what_is_no_plain_yaml(tmp_path: Path, name: str) -> None:
    content, place, expected = BAD_TEXTS[name]
    message = refusal(tmp_path, content)
    assert message.startswith(f"my.yaml:{place}: ")
    assert expected in message.splitlines()[0]
    if name in NOT_SHOWN:
        assert len(message.splitlines()) == 1
    else:
        assert isinstance(content, str)
        line, column = map(int, place.split(":"))
        rest = content.splitlines()[line - 1][column - 1 :].replace("\t", " ")
        assert [rest[:40]] == [shown[:40] for shown in shown_at_carets(message)]


@pytest.mark.parametrize(("content", "place", "expected"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_refuses_bad_values(tmp_path: Path, content: str, place: str, expected: str) -> None:
    message = refusal(tmp_path, content)
    assert message.startswith(f"my.yaml:{place}: ")
    assert expected in message.splitlines()[0]
    line, column = map(int, place.split(":"))
    rest = content.splitlines()[line - 1][column - 1 :]
    assert [rest[:16]] == [shown[:16] for shown in shown_at_carets(message)]
    assert " tag" not in message
    with pytest.raises(ConfigError) as caught:  # a checkpoint keeps the config as plain data
        validate_experiment(read_yaml(content).data, tmp_path)
    assert message.startswith(f"my.yaml:{place}: {caught.value}\n")


def test_all_mistakes_are_reported_in_one_pass(tmp_path: Path) -> None:
    text = (
        "data: {name: csv, path: 3, noise: 1}\n"
        "model:\n  hidden: [a, 0]\n  activation: rleu\n"
        "optimizer: adma\n"
        "training: {epochs: true, seed: -1}\n"
        "lose: hinge\n"
    )
    message = refusal(tmp_path, text, "regularization.l2=high", "training.patience=0")
    first, *blocks = message.split("\n\n")
    assert first == "12 problems in my.yaml:"
    assert [re.match(r"my.yaml:\d+:\d+|--set .*", block)[0] for block in blocks] == [
        *("--set regularization.l2=high", "--set training.patience=0"),
        *("my.yaml:1:1", "my.yaml:1:25", "my.yaml:1:28"),
        *("my.yaml:3:12", "my.yaml:3:15", "my.yaml:4:15", "my.yaml:5:12"),
        *("my.yaml:6:20", "my.yaml:6:32", "my.yaml:7:1"),
    ]
    with pytest.raises(ConfigError) as caught:
        validate_experiment(read_yaml(text).data, tmp_path)
    assert len(str(caught.value).splitlines()) == 10


def test_what_yaml_refuses_is_reported_along_with_the_rest(tmp_path: Path) -> None:
    text = (
        "data: {name: spiral, noise: .nan}\n"
        "optimizer: {learning_rate: .inf, learning_rate: 3}\n"
        "training: {epochs: 1_000}\n"
    )
    first, *blocks = refusal(tmp_path, text).split("\n\n")
    assert first == "4 problems in my.yaml:"
    assert [block.split(": ")[0] for block in blocks] == [
        "my.yaml:1:29",
        "my.yaml:2:28",
        "my.yaml:2:34",
        "my.yaml:3:20",
    ]
    assert ".nan is not a finite number" in blocks[0]
    assert 'key "learning_rate" stands here a second time' in blocks[2]
    assert 'training.epochs: "1_000" is not a whole number' in blocks[3]
    assert ".inf is not a finite number" in refusal(tmp_path, ".inf\n")


def test_another_name_by_an_option_says_how_to_get_rid_of_the_old_keys(tmp_path: Path) -> None:
    text = SPIRAL + "optimizer: {name: sgd, momentum: 0.9}\n"
    message = refusal(tmp_path, text, "optimizer.name=adam")
    assert message.startswith('--set optimizer.name=adam\n  optimizer.momentum: unknown key "momentum"')
    assert message.endswith("replace the whole section: --set optimizer=adam")


def test_a_key_that_belongs_into_a_section_is_shown_its_place(tmp_path: Path) -> None:
    assert 'did you mean "training.epochs"?' in refusal(tmp_path, SPIRAL, "epochs=5")
    assert 'did you mean "optimizer.momentum"?' in refusal(tmp_path, SPIRAL + "momentum: 0.9\n")


def test_a_checkpoint_is_no_config(tmp_path: Path) -> None:
    path = tmp_path / "best.npz"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(ConfigError, match="is a checkpoint, or another archive; a config is a text file"):
        load_experiment(path)


def test_there_is_an_end_to_a_message(tmp_path: Path) -> None:
    message = refusal(tmp_path, SPIRAL + f"model: {{hidden: [{'a,' * 999}]}}\n")
    assert message.startswith("999 problems in my.yaml:\n\nmy.yaml:2:18: model.hidden.0: ")
    assert message.count("my.yaml:2:") == 50
    assert message.endswith("\n\n... and 949 more")


def test_a_name_that_yaml_refuses_is_one_problem(tmp_path: Path) -> None:
    message = refusal(tmp_path, "data: {name: .nan}\n")
    assert message.startswith("my.yaml:1:14: .nan is not a finite number")


def test_thousands_of_problems_are_counted_and_the_first_ones_told(tmp_path: Path) -> None:
    message = refusal(tmp_path, "data: spiral\n" + "".join(f"k{i}: .nan\n" for i in range(3000)))
    assert message.startswith("3,000 problems in my.yaml:\n\nmy.yaml:2:")
    assert message.endswith("\n\n... and 2,950 more")


@pytest.mark.parametrize("data", [None, 3, [], "spiral", {}], ids=str)
def test_plain_data_that_is_no_config(data: Any) -> None:
    with pytest.raises(
        ConfigError, match=rf"is not a mapping with {SECTIONS}|key \"data\" is missing"
    ) as caught:
        validate_experiment(data, Path())
    assert not str(caught.value).startswith(":")


# Files


@pytest.mark.parametrize(
    "content", [b"", b"\xef\xbb\xbf", b"\n\n", b"# later\n", b"---\n", b"null\n"], ids=str
)
def test_an_empty_file_shows_the_smallest_config(tmp_path: Path, content: bytes) -> None:
    message = refusal(tmp_path, content)
    assert message == "my.yaml is empty; the smallest config is:\ndata: spiral"
    assert load(tmp_path, message.splitlines()[1]).data.name == "spiral"


@pytest.mark.parametrize(
    "content",
    [
        SPIRAL.encode(),
        b"\xef\xbb\xbf" + SPIRAL.encode(),
        b"data: spiral\r\n",
        b"%YAML 1.2\n---\ndata: spiral\n...",
    ],
    ids=["plain", "byte order mark", "windows", "directive"],
)
def test_ways_to_write_the_same_file(tmp_path: Path, content: bytes) -> None:
    assert load(tmp_path, content) == validate_experiment({"data": "spiral"}, tmp_path)


def test_a_config_has_a_largest_size(tmp_path: Path) -> None:
    assert load(tmp_path, SPIRAL + "#" * (MAX_BYTES - len(SPIRAL)))
    message = refusal(tmp_path, SPIRAL + "#" * (MAX_BYTES - len(SPIRAL) + 1))
    assert message == "my.yaml is larger than 1 MB; is it a config?"


def unreadable(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    assert caught.value.exit_code == 2
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, SPIRAL)
    (tmp_path / "my.txt").touch()
    assert (
        unreadable(tmp_path / "mi.yaml") == f": there is no such file; did you mean {tmp_path / 'my.yaml'}?"
    )
    assert unreadable(tmp_path / "quite-another.yaml") == ": there is no such file"
    assert unreadable(tmp_path / "no such folder" / "my.yaml") == ": there is no such file"
    assert unreadable(Path("a\0b")).startswith(" cannot be read: embedded null")


def test_a_config_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    write(tmp_path / "configs", SPIRAL)
    said = f": there is no such file; did you mean {Path('configs', 'my.yaml')}?"
    assert (
        unreadable(Path("my")) == unreadable(Path("my.yaml")) == unreadable(Path("elsewhere/my.yml")) == said
    )
    write(tmp_path, SPIRAL)
    assert unreadable(Path("my")) == ": there is no such file; did you mean my.yaml?"


@pytest.mark.skipif(os.name == "nt", reason="Windows words it otherwise")
def test_what_is_no_file(tmp_path: Path) -> None:
    assert unreadable(tmp_path) == (" is a directory; name the config file in it")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    assert unreadable(tmp_path / "loop.yaml").startswith(" cannot be read: Too many levels of symbolic links")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who is root may read everything")
def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    path = write(tmp_path, SPIRAL)
    path.chmod(0)
    assert unreadable(path) == " cannot be read: Permission denied"


# --set

SGD = SPIRAL + "optimizer: {name: sgd, momentum: 0.5}\nmodel: {hidden: [8, {units: 4, init: he}]}\n"

OVERRIDES: dict[str, tuple[str, list[str], str, Any]] = {
    "a value": (SGD, ["optimizer.momentum=0.25"], "optimizer.momentum", 0.25),
    "the other keys stay": (SGD, ["optimizer.learning_rate=1e-2"], "optimizer.momentum", 0.5),
    "a number as YAML 1.2 reads it": (SGD, ["optimizer.learning_rate=1e-2"], "optimizer.learning_rate", 0.01),
    "the last one counts": (SPIRAL, ["training.seed=1", "training.seed=2"], "training.seed", 2),
    "spaces": (SPIRAL, [" training.seed = 3 "], "training.seed", 3),
    "a new section": (SPIRAL, ["training.epochs=7"], "training.epochs", 7),
    "a new section in two steps": (SPIRAL, ["training.epochs=7", "training.seed=3"], "training.epochs", 7),
    "a section with nothing under it": (SPIRAL + "training:\n", ["training.epochs=7"], "training.epochs", 7),
    "a whole section": (SGD, ["optimizer={name: momentum}"], "optimizer.momentum", 0.9),
    "a section by name": (SGD, ["loss=hinge"], "loss", {"name": "hinge", "delta": 1.0, "squared": False}),
    "a short form is spelled out": (SPIRAL, ["data.points=50"], "data.points", 50),
    "the name of a short form": (SPIRAL, ["data.name=xor"], "data.name", "xor"),
    "a section without a name": (SPIRAL, ["optimizer.learning_rate=0.5"], "optimizer.name", "adam"),
    "a list": (SGD, ["model.hidden=[1, 2]"], "model.hidden", [1, 2]),
    "an empty list": (SGD, ["model.hidden=[]"], "model.hidden", []),
    "an entry": (SGD, ["model.hidden.0=16"], "model.hidden.0", 16),
    "a key of an entry": (SGD, ["model.hidden.1.units=2"], "model.hidden.1", {"units": 2, "init": HE}),
    "an entry is spelled out": (
        SGD,
        ["model.hidden.0.init=he"],
        "model.hidden.0",
        {"units": 8, "init": HE},
    ),
    "deeper than the file": (
        SGD,
        ["model.hidden.1.activation.name=leaky_relu", "model.hidden.1.activation.alpha=0.5"],
        "model.hidden.1.activation",
        {"name": "leaky_relu", "alpha": 0.5},
    ),
    "null": (SPIRAL + "training: {patience: 3}\n", ["training.patience=null"], "training.patience", None),
    "nothing": (SPIRAL + "training: {patience: 3}\n", ["training.patience="], "training.patience", None),
    "nothing for a section": (SGD, ["optimizer="], "optimizer.name", "adam"),
    "a quoted text": (CSV, ['data.target="1e-3"'], "data.target", "1e-3"),
    "a text with an equals sign": (CSV, ["data.target=a=b"], "data.target", "a=b"),
    "a text that YAML 1.1 takes for a truth": (CSV, ["data.target=on"], "data.target", "on"),
    "what the file lacks": (CSV.replace("path: ", "# "), ["data.path=/x.csv"], "data.target", "kind"),
    "another data set": ("data: {name: spirla}\n", ["data=moons"], "data.name", "moons"),
}


@pytest.mark.parametrize(("text", "overrides", "key", "expected"), OVERRIDES.values(), ids=OVERRIDES)
def test_overrides(tmp_path: Path, text: str, overrides: list[str], key: str, expected: Any) -> None:
    value: Any = to_plain(load(tmp_path, text, *overrides))
    for part in key.split("."):
        value = value[int(part) if isinstance(value, list) else part]
    assert value == expected


HOW = "write it as key=value, as in optimizer.learning_rate=1e-2"
ENTRY = "model.hidden is a list of 2; name an entry by its number from 0, not"

# The file, the options, and the whole message; "SET" stands for "--set " and the last option.
BAD_OVERRIDES: dict[str, tuple[str, list[str], str]] = {
    "too deep": (SPIRAL, ["a." * 64 + "a=1"], "--set " + "a." * 48 + "a...: nested deeper than 64 levels"),
    "no equals sign": (SPIRAL, ["training.seed"], f"SET: {HOW}"),
    "no key": (SPIRAL, ["=3"], f"SET: {HOW}"),
    "half a key": (SPIRAL, ["training.=3"], f"SET: {HOW}"),
    "open bracket": (
        SPIRAL,
        ["model.hidden=[1"],
        "SET: not readable as YAML: while parsing a flow sequence, expected ',' or ']', "
        "but got '<stream end>' (column 3 of the value)",
    ),
    "anchor": (SPIRAL, ["loss=&a b"], "SET: anchor &a: anchors and aliases are not used here; delete it"),
    "infinity": (SPIRAL, ["optimizer.learning_rate=.inf"], "SET: .inf is not a finite number"),
    "bytes": (
        SPIRAL,
        ["loss=a\udcff"],
        "--set loss=a\\udcff: a character that YAML does not allow: U+DCFF (column 2 of the value)",
    ),
    "index too large": (SGD, ["model.hidden.2=3"], f"SET: {ENTRY} '2'"),
    "negative index": (SGD, ["model.hidden.-1.units=3"], f"SET: {ENTRY} '-1'"),
    "word as an index": (SGD, ["model.hidden.units=3"], f"SET: {ENTRY} 'units'"),
    "digit that is no number": (SGD, ["model.hidden.²=3"], f"SET: {ENTRY} '²'"),
    "entry of a default": (
        SPIRAL,
        ["model.hidden.0=3"],
        "SET\n  model.hidden: a mapping is not a list, as in [100, 50]",
    ),
    "key of a number": (
        SPIRAL + "training: {epochs: 3}\n",
        ["training.epochs.units=3"],
        "SET: training.epochs is 3, which has no keys",
    ),
    "key of a missing number": (
        SPIRAL,
        ["training.epochs.units=3"],
        "SET\n  training.epochs: a mapping is not a whole number from 1 to 10,000,000",
    ),
    "key of a name": (SPIRAL, ["data.name.x=1"], f"SET\n  data.name: a mapping is not one of {DATA_SETS}"),
    "unknown section": (
        SPIRAL,
        ["trainng.epochs=3"],
        f'SET\n  trainng: unknown key "trainng"; did you mean "training"? (allowed: {SECTIONS})',
    ),
    "unknown key": (
        SPIRAL,
        ["training.epoch=3"],
        'SET\n  training.epoch: unknown key "epoch"; did you mean "epochs"? '
        "(allowed: epochs, batch_size, patience, seed, checkpoint_every, snapshots)",
    ),
    "bad value": (
        SPIRAL,
        ["training.seed=on"],
        'SET\n  training.seed: "on" is not a whole number, 0 or more and ',
    ),
    "bad value for a good one": (
        SPIRAL + "training: {seed: 3}\n",
        ["training.seed=1", "training.seed=-1"],
        "SET\n  training.seed: -1 is not a whole number, 0 or more",
    ),
    "bad value in a section that was set": (
        SPIRAL,
        ["optimizer={name: sgd, learning_rate: 3}", "optimizer.learning_rate=-1"],
        "SET\n  optimizer.learning_rate: -1 is not a number above 0",
    ),
    "bad value in a list": (
        SPIRAL,
        ["model.hidden=[3, true]"],
        "SET\n  model.hidden.1: true is not a number of units",
    ),
    "name that needs another key": (
        SPIRAL,
        ["data={name: npz}"],
        'SET\n  data: key "path" is missing; it has to be a text',
    ),
    "another name that needs another key": (
        SPIRAL,
        ["data.name=npz"],
        'SET\n  data: key "path" is missing; it has to be a text',
    ),
    "section without a name": (
        SPIRAL,
        ["loss.delta=2"],
        'SET\n  loss: key "name" is missing; it has to be one of',
    ),
    "loss that does not fit": (SPIRAL, ["loss=mse"], "SET\n  loss: mse does not fit spiral"),
    "no data": (SPIRAL, ["data="], f"SET\n  data: null is not one of {DATA_SETS}"),
    "fractions": (
        "data: {name: xor, val_size: 0.9}\n",
        ["data.test_size=0.5"],
        "SET\n  data.test_size: val_size 0.9 + test_size 0.5 is 1.4 of the examples",
    ),
    # the file is at fault, not the option
    "key that the file lacks": (
        "data: {name: npz}\n",
        ["data.val_size=0.1"],
        'my.yaml:1:1: data: key "path" is missing',
    ),
    "key that the file has": (SPIRAL + "foo: {a: 1}\n", ["foo.b=2"], 'my.yaml:2:1: foo: unknown key "foo"'),
    "neighbour of the option": (
        SPIRAL + "training: {seed: -1}\n",
        ["training.epochs=3"],
        "my.yaml:2:18: training.seed: -1 is not a whole number",
    ),
    "loss of the file": (
        "data: moons\nloss: binary_hinge\n",
        ["data=spiral"],
        "my.yaml:2:7: loss: binary_hinge has one output for two classes, and spiral has 3",
    ),
}


@pytest.mark.parametrize(("text", "overrides", "expected"), BAD_OVERRIDES.values(), ids=BAD_OVERRIDES)
def test_bad_overrides(tmp_path: Path, text: str, overrides: list[str], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, *overrides)
    assert caught.value.exit_code == 2
    message = str(caught.value).replace(f"{tmp_path}{os.sep}", "")
    assert message.startswith(expected.replace("SET", f"--set {overrides[-1]}"))
    assert "problems" not in message


@pytest.mark.parametrize("option", ["a" * 5000, "loss=" + "[" * 5000, "model.hidden." + "9" * 5000 + "=1"])
def test_a_long_option_is_not_repeated_in_full(tmp_path: Path, option: str) -> None:
    assert len(refusal(tmp_path, SGD, option)) < 600


def test_all_broken_options_are_reported(tmp_path: Path) -> None:
    message = refusal(tmp_path, SPIRAL, "training.seed", "loss=[", "model.init=he")
    assert message.startswith(
        f"2 problems in my.yaml:\n\n--set training.seed: {HOW}\n\n--set loss=[: not readable"
    )
    assert "init" not in message


# Anything at all

KEYS = [
    "data",
    "model",
    "loss",
    "optimizer",
    "training",
    "name",
    "hidden",
    "units",
    "activation",
    "alpha",
    "init",
]
KEYS += [
    "path",
    "target",
    "features",
    "root",
    "learning_rate",
    "val_size",
    "test_size",
    "epochs",
    "outputs",
    "x",
]
WORDS = [
    "spiral",
    "csv",
    "cifar10",
    "sine",
    "moons",
    "relu",
    "leaky_relu",
    "hinge",
    "mse",
    "binary_hinge",
    "adam",
]

leaves = st.none() | st.booleans() | st.integers(-1, 10**9) | st.floats() | st.sampled_from(WORDS) | st.text()
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
)
section = st.dictionaries(st.sampled_from(KEYS), anything, max_size=4)
options = st.builds("{}={}".format, st.lists(st.sampled_from([*KEYS, "0", "1", ""])).map(".".join), anything)


@given(st.dictionaries(st.sampled_from(KEYS[:6]), leaves | section), st.lists(options, max_size=2))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_anything_is_a_config_or_refused(data: dict[str, Any], overrides: list[str]) -> None:
    with suppress(ConfigError):
        parse_experiment(write_yaml(data), "config.yaml", Path("/configs"), overrides)
    with suppress(ConfigError):
        config = validate_experiment(data, Path("/configs"))
        assert validate_experiment(to_plain(config), Path("/elsewhere")) == config


def test_a_config_is_read_without_numpy() -> None:
    code = "import sys, mlpcli.config.loader; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
