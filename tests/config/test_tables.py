"""A file of data that is given as a config: the error has the config that trains on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.config.loader import load_experiment, parse_experiment
from mlpcli.config.tables import describe_table, section_for
from mlpcli.errors import ConfigError

HEADERS = {
    "commas": ("a,b,quality", "quality"),
    "semicolons, and blanks in names": ("fixed acidity;b;the quality", '"the quality"'),
    "tabs": ("a\tb\tquality", "quality"),
    "a name that YAML reads as something else": ("a,true", '"true"'),
    "quotes": ('"a","b,c"', '"b,c"'),
    "a byte order mark": ("\ufeffquality", "quality"),
}


@pytest.mark.parametrize("header", HEADERS)
def test_the_config_in_the_error_is_one(tmp_path: Path, header: str) -> None:
    text, target = HEADERS[header]
    table = tmp_path / "my wine.csv"
    table.write_text(f"{text}\n1,2\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_experiment(table)
    said, config, columns = str(caught.value).split("\n\n")
    assert said.endswith("The smallest is a file such as my wine.yaml:")
    assert f"  target: {target}   # the column to predict" in config
    assert columns.startswith("Its columns are ")
    experiment = parse_experiment(config, "c.yaml", tmp_path)
    assert getattr(experiment.data, "path", "") == str(table.resolve())


UNREADABLE = {
    "nothing": b"",
    "bytes": b"\xff\xfe\n",
    "a header without names": b",,\n",
    "an open quotation mark": b'"a\n',
    "long": b"a," * 100_000,
}


@pytest.mark.parametrize("content", UNREADABLE)
def test_a_header_that_cannot_be_read_leaves_the_name_open(tmp_path: Path, content: str) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes(UNREADABLE[content])
    text = describe_table(table)
    assert text is not None
    assert "  target: COLUMN   # the column to predict" in text
    assert "Its columns" not in text


def test_an_archive_may_hold_arrays(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK")
    with pytest.raises(ConfigError, match=r"write data: \{name: npz, path: a\.npz\}"):
        load_experiment(tmp_path / "a.npz")


def test_an_array_of_features_has_its_targets_beside_it() -> None:
    assert section_for("a/X.npy") == "{name: npy, X: a/X.npy, y: a/y.npy}"
    assert section_for("X.npy.gz") is None


def test_other_files_are_read_as_configs(tmp_path: Path) -> None:
    assert section_for("c.yaml") is None
    assert describe_table(tmp_path / "c.yaml") is None


def test_a_file_in_place_of_a_name(tmp_path: Path) -> None:
    for text in ("data: wine.csv", "data: {name: wine.csv}"):
        with pytest.raises(ConfigError, match=r"write data: {name: csv, path: wine\.csv, target: COLUMN}"):
            parse_experiment(text, "c.yaml", tmp_path)
    with pytest.raises(ConfigError, match=r'unknown name "wine\.xls"'):
        parse_experiment("data: wine.xls", "c.yaml", tmp_path)
