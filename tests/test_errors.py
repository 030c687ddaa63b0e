"""Errors: one tree that a caller can catch, exit codes, and suggestions for wrong spellings."""

from __future__ import annotations

import pytest

from mlpcli import errors
from mlpcli.errors import ConfigError, MlpError, NoCheckpointError, UsageError, did_you_mean, nearest

ERRORS = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_an_mlp_error_with_its_message(error: type[MlpError]) -> None:
    with pytest.raises(MlpError, match=r"^data\.csv: no such file$"):
        raise error("data.csv: no such file")
    assert error.exit_code == (2 if error in (ConfigError, NoCheckpointError, UsageError) else 1)


def test_facts_are_kept_for_hints() -> None:
    error = MlpError("x", topic="data moved", path="a.csv")
    assert (error.topic, error.facts) == ("data moved", {"path": "a.csv"})
    assert (MlpError("x").topic, MlpError("x").facts) == (None, {})


@pytest.mark.parametrize(
    ("word", "expected"), [("spirals", "spiral"), ("Adam", "adam"), ("qqq", None), ("x" * 10_000, None)]
)
def test_nearest(word: str, expected: str | None) -> None:
    assert nearest(word, ["spiral", "moons", "adam"]) == expected


def test_a_suggestion_is_a_line_or_nothing() -> None:
    assert did_you_mean("spirals", ["spiral", "moons"]) == "\nDid you mean 'spiral'?"
    assert did_you_mean("qqq", ["spiral", "moons"]) == ""
