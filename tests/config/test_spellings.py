"""Old spellings: they are read as the new ones, with a note that names those."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlpcli.config.loader import make_experiment, parse_experiment, validate_experiment
from mlpcli.errors import ConfigError, ConfigWarning

OLD = {"none": "none", "center": "center", "standardize": "standardize", "scale": "range"}


@pytest.mark.parametrize(("old", "new"), OLD.items())
def test_the_old_key_is_read_and_the_note_says_how_it_is_written_now(old: str, new: str) -> None:
    text = f"data:\n  name: xor\n  standardize: {old}\n"
    with pytest.warns(ConfigWarning) as caught:
        experiment = parse_experiment(text, "my.yaml", Path())
    assert experiment.data.scaling == new
    (note,) = caught
    assert note.filename == __file__
    assert str(note.message) == (
        f"my.yaml:3:3: data.standardize: {old} is now written data.scaling: {new}\n"
        f"    standardize: {old}\n    ^"
    )


NOTE = "data.standardize: scale is now written data.scaling: range"


@pytest.mark.parametrize(
    ("text", "option", "expected"),
    [
        ("data: xor", "data.standardize=scale", "range"),
        ("data: {name: xor, scaling: center}", "data.standardize=scale", "range"),
        ("data: moons", "data={name: xor, standardize: scale}", "range"),
    ],
)
def test_an_option_in_the_old_spelling(text: str, option: str, expected: str) -> None:
    with pytest.warns(ConfigWarning) as caught:
        experiment = parse_experiment(text, "my.yaml", Path(), [option])
    assert experiment.data.scaling == expected
    assert [str(note.message) for note in caught] == [f"--set {option}: {NOTE}"]


def test_a_new_option_changes_what_an_old_file_says() -> None:
    with pytest.warns(ConfigWarning, match=r"^my.yaml:1:19: data.standardize: center is now written "):
        experiment = parse_experiment(
            "data: {name: xor, standardize: center}", "my.yaml", Path(), ["data.scaling=none"]
        )
    assert experiment.data.scaling == "none"


@pytest.mark.parametrize(
    ("config", "overrides"),
    [
        ({"data": {"name": "xor", "standardize": "scale"}}, {}),
        ({"data": "xor"}, {"data.standardize": "scale"}),
        ({"data": "xor"}, {"data": {"standardize": "scale"}}),
        ({"data": "xor"}, {"data": {"name": "moons", "standardize": "scale"}}),
    ],
)
def test_the_old_key_from_python(config: dict[str, Any], overrides: dict[str, Any]) -> None:
    with pytest.warns(ConfigWarning) as caught:
        assert make_experiment(config, overrides).data.scaling == "range"
    assert [str(note.message).removeprefix("the config: ") for note in caught] == [NOTE]


def test_an_old_config_of_arrays_keeps_its_scaling() -> None:
    with pytest.warns(ConfigWarning):
        experiment = make_experiment({"data": {"name": "xor", "standardize": "scale"}}, arrays=True)
    assert experiment.data.scaling == "range"


def test_what_a_checkpoint_keeps_is_read_without_a_note() -> None:
    plain = {"data": {"name": "xor", "standardize": "scale"}}
    assert validate_experiment(plain, Path()).data.scaling == "range"
    assert plain == {"data": {"name": "xor", "standardize": "scale"}}


TWICE = 'data.standardize: this is the old name of "scaling", which is there too; delete it'
REFUSED = {
    "both": ("data: {name: xor, standardize: none, scaling: none}", [], f"my.yaml:1:19: {TWICE}"),
    "both in an option": (
        "data: moons",
        ["data={name: xor, standardize: none, scaling: none}"],
        f"--set data={{name: xor, standardize: none, scaling: none}}: {TWICE}",
    ),
    "a wrong value": (
        "data: {name: xor, standardize: centre}",
        [],
        'my.yaml:1:32: data.scaling: "centre" is not one of standardize, center, range, none; '
        'did you mean "center"?',
    ),
    "a wrong type": (
        "data: {name: xor, standardize: [a]}",
        [],
        "my.yaml:1:32: data.scaling: a list is not one of",
    ),
    "a value that YAML refuses": (
        "data: {name: xor, standardize: .nan}",
        [],
        "my.yaml:1:32: .nan is not a finite number",
    ),
    "the old value under the new key": (
        "data: {name: xor, scaling: scale}",
        [],
        'my.yaml:1:28: data.scaling: "scale" is not one of standardize, center, range, none',
    ),
    "an option with a wrong value": (
        "data: xor",
        ["data.standardize=centre"],
        '--set data.standardize=centre: data.scaling: "centre" is not one of',
    ),
    "nowhere else": (
        "data: xor\nmodel: {standardize: none}",
        [],
        "my.yaml:2:9: model.standardize: unknown key",
    ),
}


@pytest.mark.parametrize(("text", "options", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(text: str, options: list[str], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_experiment(text, "my.yaml", Path(), options)
    assert str(caught.value).startswith(expected)
