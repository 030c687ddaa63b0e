"""The JSON Schema for editors says what the loader says, and says it with help."""

from __future__ import annotations

import copy
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlpcli.config.allowed import dereference
from mlpcli.config.editor_schema import editor_schema, schema_text
from mlpcli.config.loader import parse_experiment
from mlpcli.config.schema import Experiment
from mlpcli.config.spellings import RENAMED
from mlpcli.config.yaml12 import read_yaml, write_yaml
from mlpcli.errors import ConfigError, ConfigWarning

jsonschema = pytest.importorskip("jsonschema")

CONFIGS = Path(__file__).parents[2] / "configs"
SCHEMA = Experiment.model_json_schema()
EDITOR = editor_schema()
CSV = {"name": "csv", "path": "a.csv", "target": "y"}
MOONS = {"name": "moons"}

# What a schema cannot say, or not in words that an editor shows: a config that only the loader refuses, and
# what it says then. Of numbers a schema knows no difference between 10 and 10.0.
ONLY_THE_LOADER: dict[str, tuple[dict[str, Any], str]] = {
    "fractions that leave nothing": (
        {"data": {**MOONS, "val_size": 0.6, "test_size": 0.6}},
        "of the examples; they must fit",
    ),
    "a fold beyond the last": (
        {"data": {**MOONS, "fold": {"number": 4, "of": 3}}},
        r"is more than the \d+ folds",
    ),
    "two ways to split": (
        {"data": {**CSV, "split": "a", "group": "b"}},
        "do not go together; delete all but one",
    ),
    "a time that is not used": ({"data": {**CSV, "time": "a"}}, "it is for split_by: time"),
    "files of splits, and a path": (
        {"data": {**CSV, "split": {"train": "b.csv"}}},
        "take the place of data.path",
    ),
    "names that are no encoding": ({"data": {**CSV, "encoding": "latin" * 9}}, "is no encoding of text"),
    "one mark for two things": (
        {"data": {**CSV, "decimal": ",", "thousands": ","}},
        "is the decimal point; set data.decimal",
    ),
    "letters of other scripts": ({"data": {**CSV, "thousands": "\u0663"}}, "is part of numbers itself"),
    "a user who is not there": (
        {"data": {**CSV, "path": "~nobody-here/a.csv"}},
        "a home folder that does not",
    ),
    "a path with a tab in it": ({"data": {**CSV, "path": "C:\table.csv"}}, "write the path in single quotes"),
    "members that share a norm": (
        {"data": MOONS, "model": {"members": 2, "norm": "batch"}},
        "members: .* does not go with",
    ),
    "folds without members": (
        {"data": MOONS, "training": {"validation": "folds"}},
        "folds needs several members",
    ),
    "more shards than examples": (
        {"data": MOONS, "training": {"shards": 33}},
        "are more than the examples of a batch",
    ),
    "shards of several members": (
        {"data": MOONS, "model": {"members": 3}, "training": {"shards": 2}},
        "do not go with model.members",
    ),
    "inputs of other data": ({"data": MOONS, "model": {"inputs": 5}}, "does not fit .*, which has"),
    "outputs of other data": ({"data": MOONS, "model": {"outputs": 5}}, "does not fit .*, which needs"),
    "a loss of other targets": ({"data": "sine", "loss": "hinge"}, "does not fit .*, whose targets are"),
    "keys of a loss that the data choose": (
        {"data": "sine", "loss": {"label_smoothing": 0.1}},
        "loss.label_smoothing: unknown key|loss.class_weights: unknown key",
    ),
    "a loss of two classes": ({"data": "spiral", "loss": "binary_hinge"}, "is for two classes, and"),
    "a loss of one target": (
        {"data": {**CSV, "target": ["a", "b"]}, "loss": "hinge"},
        "is for one target of classes",
    ),
    "weights of other classes": (
        {"data": MOONS, "loss": {"class_weights": [1, 1, 1]}},
        "give one weight for each class",
    ),
    "a bend of classes": (
        {"data": {**CSV, "target_transform": "log"}, "loss": "hinge"},
        "is for the numbers of a regression, and",
    ),
    "a score of another task": (
        {"data": MOONS, "training": {"monitor": "r2"}},
        "does not fit .*, which (is for|gives scores)",
    ),
    "a grid with trials": (
        {"data": MOONS, "sweep": {"grid": {"training.epochs": [1, 2]}, "trials": 3}},
        "a grid is trained as a whole",
    ),
    "trials alone": ({"data": MOONS, "sweep": {"trials": 3}}, "nothing is swept"),
    "a grid with a range": (
        {"data": MOONS, "sweep": {"sampler": "grid", "sample": {"model.dropout": "uniform(0, 1)"}}},
        "a grid has lists of values, and",
    ),
    "a sampler of nothing": ({"data": MOONS, "sweep": {"sampler": "tpe"}}, "has nothing to draw"),
    "a key swept twice": (
        {"data": MOONS, "sweep": {"grid": {"a": [1]}, "sample": {"a": [1]}}},
        "is in grid, too; name each key once",
    ),
    "a value swept twice": ({"data": MOONS, "sweep": {"grid": {"a": [1, 1]}}}, "is listed twice"),
    "a range the wrong way": (
        {"data": MOONS, "sweep": {"sample": {"a": "uniform(1, 0)"}}},
        "must be lower than the second|a range of factors begins above 0|the ends of .* are whole numbers",
    ),
    "a whole number with a point": (
        {"data": MOONS, "training": {"epochs": 10.0}},
        r"\b[\d.e+]+ is not a (whole number|fraction)|number of units",
    ),
}
# The other way round: what only an editor marks.
ONLY_THE_SCHEMA: dict[str, dict[str, Any]] = {
    "batch_norm that takes the place of an empty norm": {
        "data": MOONS,
        "model": {"batch_norm": True, "norm": None},
    },
}


@cache
def validator() -> Any:
    return jsonschema.Draft202012Validator(EDITOR)


def problems(config: Any) -> list[str]:
    """Return what the loader says about a config, a text for each problem."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConfigWarning)  # of old spellings
            parse_experiment(write_yaml(config), "x.yaml", Path("/"))
    except ConfigError as error:
        blocks = str(error).split("\n\n")
        return (
            blocks if len(blocks) == 1 else [block for block in blocks if re.match(r"\S+:\d+:\d+: ", block)]
        )
    return []


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(EDITOR)


@pytest.mark.parametrize("case", ONLY_THE_LOADER)
def test_what_only_the_loader_knows(case: str) -> None:
    config, said = ONLY_THE_LOADER[case]
    assert validator().is_valid(config)
    (problem,) = problems(config)
    assert re.search(said, problem)


@pytest.mark.parametrize("case", ONLY_THE_SCHEMA)
def test_what_only_an_editor_marks(case: str) -> None:
    assert not validator().is_valid(ONLY_THE_SCHEMA[case])
    assert not problems(ONLY_THE_SCHEMA[case])


# --------------------------------------------------------------------------- configs, from the models

TEXTS = {  # of keys whose text has to have a form
    "path": ["a.csv", ["a.csv", "b.csv"], "part-*.csv"],
    "target": ["y", ["y", "z"], ["y"]],
    "split": ["part", {"train": "a.csv", "test": "b.csv"}, None],
    "encoding": ["cp1252", None],
    "thousands": [" ", "'", None],
    "class_weights": ["balanced", [1, 2.5, 0], None],
    "delimiter": [";", "\t"],
}
KNOWN: dict[int, st.SearchStrategy[Any]] = {}  # by the nodes of SCHEMA
ODD = [None, True, False, 0, 1, -1, 7, 0.5, -0.5, 1e300, 10**12, "", "word", "none", "batch", "relu", "adam"]
ODD += ["https://example.org/a.csv", "a" * 5000, [], {}, [1], [0], ["word"], ["word", "word"], [None]]
ODD += [{"name": "relu"}, {"name": "word"}, {"units": 3}, {"train": "a.csv"}, {"test": "a.csv"}, {"word": 1}]


def value_of(key: str, node: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that a key may have, in long and in short forms."""
    if id(node) not in KNOWN:
        KNOWN[id(node)] = make_value(key, node)
    return KNOWN[id(node)]


def make_value(key: str, node: dict[str, Any]) -> st.SearchStrategy[Any]:
    if key in TEXTS:
        return st.sampled_from(TEXTS[key])
    if "anyOf" in node:
        return st.one_of([st.none() if o == {"type": "null"} else value_of("", o) for o in node["anyOf"]])
    if "discriminator" in node:
        return choice(node)
    if node.get("alone") == "units":
        return st.one_of(st.integers(1, 9), section(dereference(node, SCHEMA)))
    node = dereference(node, SCHEMA)
    if "properties" in node:
        return section(node)
    if "enum" in node or "const" in node:
        short = [True, False] if key == "linear_path" else []
        return st.sampled_from([*(node.get("enum") or [node["const"]]), *short])
    match node.get("type"):
        case "integer" | "number":
            low = node.get("minimum", node.get("exclusiveMinimum", 0))
            high = node.get("maximum", node.get("exclusiveMaximum", low + 10))
            inside = [low + share * (high - low) for share in (0.25, 0.5)]
            ends = [node[end] for end in ("minimum", "maximum") if end in node]
            if node["type"] == "integer":
                return st.sampled_from([*map(int, ends), *(int(value) + 1 for value in inside)])
            return st.sampled_from([*(value for value in inside if value % 1), *map(int, ends)] or [0.5])
        case "boolean":
            return st.booleans()
        case "array":
            entries = value_of("", node["items"])
            lists = st.lists(entries, min_size=node.get("minItems", 0), max_size=3)
            plain = entries.filter(lambda entry: not isinstance(entry, dict))
            return st.one_of(lists, plain) if node.get("single") else lists
        case "object":
            return st.dictionaries(st.sampled_from("abc"), value_of("", node["additionalProperties"]))
        case _:
            return st.sampled_from(["a", "b.c", "d e"])


@st.composite
def section(draw: st.DrawFn, node: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a section with what it needs, and a few of its other keys."""
    needed = [key for key in node.get("required", ()) if key != "name"]
    others = [key for key in node["properties"] if key not in (*needed, "name")]
    few = draw(st.lists(st.sampled_from(others), max_size=3, unique=True)) if others else []
    made = {key: draw(value_of(key, node["properties"][key])) for key in [*needed, *few]}
    if "norm" in node["properties"] and draw(st.integers(0, 3)) == 0:
        made["batch_norm"] = draw(st.sampled_from([True, False, None]))
    return made


@st.composite
def choice(draw: st.DrawFn, node: dict[str, Any]) -> Any:
    """Return a section that has a name: the name alone, with keys, or only keys where it may be left out."""
    name = draw(st.sampled_from(sorted(node["discriminator"]["mapping"])))
    body = dereference({"$ref": node["discriminator"]["mapping"][name]}, SCHEMA)
    form = draw(st.sampled_from(["alone", "with keys", "with keys", "unnamed"]))
    if form == "alone":
        return name
    keys = draw(section(body))
    return keys if form == "unnamed" and "unnamed" in node else {"name": name, **keys}


@st.composite
def config(draw: st.DrawFn) -> Any:
    """Return a config from the models, old spellings included; of every second, one place is odd."""
    top = SCHEMA["properties"]
    made = {
        key: draw(value_of(key, node)) for key, node in top.items() if key == "data" or draw(st.booleans())
    }
    for path, renamed in RENAMED.items():
        old = made.get(path[0])
        if isinstance(old, dict) and draw(st.booleans()):
            old[path[1]] = draw(st.sampled_from([*renamed.values, old.pop(renamed.key, "none")]))
    made = copy.deepcopy(made)  # what was drawn is drawn again
    if draw(st.booleans()):
        path = draw(st.sampled_from(list(places(made))))
        inner = made
        for part in path[:-1]:
            inner = inner[part]
        how = draw(st.sampled_from(["odd", "odd", "gone", "more"]))
        if how == "gone" and isinstance(inner, dict):
            del inner[path[-1]]
        elif how == "more" and isinstance(inner, dict):
            inner[
                draw(st.sampled_from(["word", "units", "alpha", "norm", "scaling", "name", "schedule"]))
            ] = draw(st.sampled_from(ODD))
        else:
            inner[path[-1]] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return made


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


@pytest.mark.exhaustive
def test_schema_and_loader_accept_and_refuse_alike() -> None:
    """Of 200 configs, each way often enough; without what only the loader knows, which is named above."""
    counts: Counter[str] = Counter()
    known = [said for _, said in ONLY_THE_LOADER.values()]

    @settings(
        max_examples=200,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(config())
    def check(made: Any) -> None:
        found = problems(made)
        errors = [error.message for error in validator().iter_errors(made)]
        counts["accepted" if not found else "refused by both" if errors else "by the loader"] += 1
        if not found:
            assert not errors or made.get("model", {}).get("norm", "") is None, made
        elif not errors:
            unknown = [text for text in found if not any(re.search(said, text) for said in known)]
            assert not unknown, made

    check()
    assert counts.total() >= 200
    assert min(counts["accepted"], counts["refused by both"]) >= 40, counts


# What may stand over a base, and what may not: there the keys that a section needs may be left out.
OVER_BASE: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing else": ({}, True),
    "keys without the name": ({"data": {"points": 50}, "optimizer": {"momentum": 0.9}}, True),
    "another name": ({"optimizer": "adam", "model": {"hidden": [5, {"units": 3}]}}, True),
    "a layer without units": ({"model": {"hidden": [{"norm": "batch"}]}}, False),
    "a key of no name": ({"optimizer": {"momentums": 0.9}}, False),
    "a key of another name": ({"optimizer": {"name": "adam", "momentum": 0.9}}, False),
    "a value out of range": ({"optimizer": {"momentum": 9}}, False),
    "no section": ({"training": 3}, False),
    "an unknown section": ({"train": {}}, False),
}


@pytest.mark.parametrize("case", OVER_BASE)
def test_schema_and_loader_agree_over_a_base(case: str) -> None:
    sections, right = OVER_BASE[case]
    extended = {"base": "spiral", **sections}
    assert validator().is_valid(extended) is right
    assert (not problems(extended)) is right


@pytest.mark.parametrize("base", [None, 3, "", ["spiral"]])
def test_schema_and_loader_want_a_base_with_a_name(base: Any) -> None:
    assert not validator().is_valid({"base": base, "data": "spiral"})
    assert problems({"base": base, "data": "spiral"})


# ---------------------------------------------------------------------------- what an editor shows


def test_the_shipped_schema_is_up_to_date() -> None:
    text = (CONFIGS / "schema.json").read_text(encoding="utf-8")
    assert text == schema_text(), "run: python -m mlpcli.config.editor_schema configs/schema.json"


@pytest.mark.parametrize("file", sorted(CONFIGS.rglob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_configs_name_the_schema_and_fit_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    comment, _, place = text.partition("\n")[0].partition("$schema=")
    assert comment == "# yaml-language-server: "
    assert (file.parent / place).resolve() == CONFIGS / "schema.json"
    validator().validate(read_yaml(text).data)


def test_every_key_has_its_help_and_every_name_too() -> None:
    assert set(SCHEMA["$defs"]) <= set(EDITOR["$defs"])
    for name, section in [("", SCHEMA), *SCHEMA["$defs"].items()]:
        written = EDITOR["$defs"][name] if name else EDITOR["else"]
        for key, node in section["properties"].items():
            assert written["properties"][key]["description"].startswith(node["description"])
    names = EDITOR["else"]["properties"]["optimizer"]["oneOf"][0]
    helps = dict(zip(names["enum"], names["enumDescriptions"], strict=True))
    assert helps["adagrad"] == "steps scaled by the sum of all squared gradients"


def test_help_says_what_is_allowed_and_the_default() -> None:
    rate = EDITOR["$defs"]["Adam"]["properties"]["learning_rate"]
    assert rate["description"] == "step size\n\na number above 0; default: 0.003"
    assert rate["default"] == 0.003
    assert EDITOR["$defs"]["Model"]["properties"]["hidden"]["default"] == [100]


def test_old_spellings_are_marked_as_such() -> None:
    assert EDITOR["$defs"]["Spiral"]["properties"]["standardize"]["deprecated"] is True
