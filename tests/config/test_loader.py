"""Reading a config: every mistake is named where it stands, in one pass; --set changes what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from usual import examples

from mlpcli.config.loader import MAX_BYTES, load_experiment, parse_experiment, validate_experiment
from mlpcli.config.schema import Experiment, data_sections, to_plain
from mlpcli.config.yaml12 import read_yaml, write_yaml
from mlpcli.errors import ConfigError
from mlpcli.nn import losses
from mlpcli.optim.rules import RULES

DATA_SETS = ", ".join(sorted(data_sections()))
SECTIONS = "data, recipe, model, loss, optimizer, regularization, training, sweep"
LOSSES = ", ".join(sorted(("auto", *losses.LOSSES)))
OPTIMIZERS = ", ".join(sorted(RULES))
LAYER = "a number of units, or a mapping with units, window, stride, activation, init"
SIZE = "a fraction from 0 to below 1, or a whole number of examples"
SPIRAL = "data: spiral\n"
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
    assert all(line.isprintable() and len(line) < 320 for line in message.splitlines())
    assert not re.search("pydantic|https?:|type=|Input should|union|Value error", message)
    return message


# What is refused. Of the large ones: the file, line:column, and what the message has to say.

LARGE_TEXTS: dict[str, tuple[str, str, str]] = {
    "deep block": ("".join(" " * i + "a:\n" for i in range(70)), "64:64", "nested deeper than 64 levels"),
    "many values": ("data: [" + "1,\n" * 20_000, "19998:1", "more than 20,000 values"),
    "endless version": (f"%YAML 1.{'9' * 5000}\n---\n", "1:9", "a malformed escape or directive"),
}
LARGE_VALUES: dict[str, tuple[str, str, str]] = {
    "long path": (
        CSV.replace("table.csv", "a/" * 2049),
        "3:9",
        "data.path: a path of 4,098 characters; at most 4,096 are allowed",
    ),
    "many layers": (
        SPIRAL + f"model:\n  hidden: [{'1,' * 1001}]\n",
        "3:11",
        "model.hidden: 1,001 entries; at most 1,000 are allowed",
    ),
}


@cache
def read_data(file: str) -> Any:
    """Return what is in a data file, with the words that stand for lists filled in."""
    text = (Path(__file__).parent / file).read_text(encoding="utf-8")
    for word in ("DATA_SETS", "SECTIONS", "LOSSES", "OPTIMIZERS", "LAYER", "SIZE"):
        text = text.replace(f"{{{word}}}", globals()[word])
    return yaml.safe_load(text)


def read_cases(file: str, section: str) -> list[Any]:
    """Return the cases of a section of a data file."""
    return [pytest.param(case, id=case["case"]) for case in read_data(file)[section]]


def large(table: dict[str, tuple[str, str, str]]) -> list[Any]:
    return [
        pytest.param({"config": config, "at": place, "says": says}, id=name)
        for name, (config, place, says) in table.items()
    ]


def shown_at_carets(message: str) -> list[str]:
    """Return the rest of each source line that is shown, from its caret on."""
    return [line[len(space) :] for line, space in re.findall(r"^  (.*)\n  ( *)\^$", message, re.MULTILINE)]


@pytest.mark.parametrize("case", [*read_cases("problems.yaml", "texts"), *large(LARGE_TEXTS)])
def test_refuses_what_is_no_plain_yaml(tmp_path: Path, case: dict[str, Any]) -> None:
    content = case["bytes"].encode("latin-1") if "bytes" in case else case["config"]
    message = refusal(tmp_path, content)
    assert message.startswith(f"my.yaml:{case['at']}: ")
    assert case["says"] in message.splitlines()[0]
    if not case.get("shown", True):
        assert len(message.splitlines()) == 1
    else:
        line, column = map(int, case["at"].split(":"))
        rest = content.splitlines()[line - 1][column - 1 :].replace("\t", " ")
        assert [rest[:40]] == [shown[:40] for shown in shown_at_carets(message)]


@pytest.mark.parametrize("case", [*read_cases("problems.yaml", "values"), *large(LARGE_VALUES)])
def test_refuses_bad_values(tmp_path: Path, case: dict[str, Any]) -> None:
    content, place = case["config"], case["at"]
    message = refusal(tmp_path, content)
    assert message.startswith(f"my.yaml:{place}: ")
    assert case["says"] in message.splitlines()[0]
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
    first, *blocks, end = message.split("\n\n")
    assert first == "12 problems in my.yaml:"
    assert end == "12 problems in all; the first is at --set regularization.l2=high"
    assert [re.match(r"my.yaml:\d+:\d+|--set [^:]*", block)[0] for block in blocks] == [
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
    first, *blocks, end = refusal(tmp_path, text).split("\n\n")
    assert first == "4 problems in my.yaml:"
    assert end == "4 problems in all; the first is at my.yaml:1:29"
    assert [block.split(": ")[0] for block in blocks] == [
        "my.yaml:1:29",
        "my.yaml:2:28",
        "my.yaml:2:34",
        "my.yaml:3:20",
    ]
    assert ".nan is not a finite number" in blocks[0]
    assert 'key "learning_rate" is repeated' in blocks[2]
    assert 'training.epochs: "1_000" is not a whole number' in blocks[3]
    assert ".inf is not a finite number" in refusal(tmp_path, ".inf\n")


def test_another_name_by_an_option_says_how_to_get_rid_of_the_old_keys(tmp_path: Path) -> None:
    text = SPIRAL + "optimizer: {name: sgd, momentum: 0.9}\n"
    message = refusal(tmp_path, text, "optimizer.name=adam")
    assert message.startswith('--set optimizer.name=adam: optimizer.momentum: unknown key "momentum"')
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
    assert message.count("my.yaml:2:") == 50 + 1
    assert message.endswith("\n\n... and 949 more\n\n999 problems in all; the first is at my.yaml:2:18")


def test_a_name_that_yaml_refuses_is_one_problem(tmp_path: Path) -> None:
    message = refusal(tmp_path, "data: {name: .nan}\n")
    assert message.startswith("my.yaml:1:14: .nan is not a finite number")


def test_thousands_of_problems_are_counted_and_the_first_ones_told(tmp_path: Path) -> None:
    message = refusal(tmp_path, "data: spiral\n" + "".join(f"k{i}: .nan\n" for i in range(3000)))
    assert message.startswith("3,000 problems in my.yaml:\n\nmy.yaml:2:")
    assert message.endswith("\n\n... and 2,950 more\n\n3,000 problems in all; the first is at my.yaml:2:5")


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


@pytest.mark.parametrize("case", read_cases("options.yaml", "good"))
def test_overrides(tmp_path: Path, case: dict[str, Any]) -> None:
    value: Any = to_plain(load(tmp_path, case["config"], *case["set"]))
    for part in case["key"].split("."):
        value = value[int(part) if isinstance(value, list) else part]
    assert value == case["value"]


@pytest.mark.parametrize("case", read_cases("options.yaml", "bad"))
def test_bad_overrides(tmp_path: Path, case: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, case["config"], *case["set"])
    assert caught.value.exit_code == 2
    message = str(caught.value).replace(f"{tmp_path}{os.sep}", "")
    assert message.startswith(case["says"].replace("SET", f"--set {case['set'][-1]}"))
    assert "problems" not in message


@pytest.mark.parametrize("option", ["a" * 5000, "loss=" + "[" * 5000, "model.hidden." + "9" * 5000 + "=1"])
def test_a_long_option_is_not_repeated_in_full(tmp_path: Path, option: str) -> None:
    assert len(refusal(tmp_path, SGD, option)) < 600


def test_all_broken_options_are_reported(tmp_path: Path) -> None:
    message = refusal(tmp_path, SPIRAL, "training.seed", "loss=[", "model.init=he")
    assert message.startswith(
        "2 problems in my.yaml:\n\n"
        "--set training.seed: write it as key=value, as in optimizer.learning_rate=1e-2\n\n"
        "--set loss=[: not readable"
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
@settings(max_examples=examples(100), deadline=None, derandomize=True)
def test_anything_is_a_config_or_refused(data: dict[str, Any], overrides: list[str]) -> None:
    with suppress(ConfigError):
        parse_experiment(write_yaml(data), "config.yaml", Path("/configs"), overrides)
    with suppress(ConfigError):
        config = validate_experiment(data, Path("/configs"))
        assert validate_experiment(to_plain(config), Path("/elsewhere")) == config


def test_a_config_is_read_without_numpy() -> None:
    code = "import sys, mlpcli.config.loader; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


MEANT = {
    "lr: 0.1": "optimizer.learning_rate",
    "optimizer: {lr: 0.1}": "learning_rate",
    "training: {max_iter: 5}": "epochs",
    "training: {lr: 5}": "optimizer.learning_rate",
    "model: {hidden_layer_sizes: [5]}": "hidden",
    "model: {batch_size: 5}": "training.batch_size",
    "epochs: 5": "training.epochs",
    "random-state: 5": "training.seed",
}


@pytest.mark.parametrize("line", MEANT)
def test_keys_of_other_libraries_and_other_sections_are_understood(tmp_path: Path, line: str) -> None:
    assert f'did you mean "{MEANT[line]}"?' in refusal(tmp_path, f"{SPIRAL}{line}\n")
