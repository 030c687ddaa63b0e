"""What the config reader warns of is a note on stderr."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpcli.config.loader import load_experiment
from mlpcli.errors import ConfigWarning


def test_an_old_spelling_is_a_note(mlp: Callable[..., Any]) -> None:
    line = "data: {name: xor, points: 40, standardize: scale}"
    Path("old.yaml").write_text(f"{line}\n")
    code, out, err = mlp("train", "old.yaml", "--dry-run")
    assert code == 0
    assert "scaling: range" in out
    assert err == (
        "Note: old.yaml:1:31: data.standardize: scale is now written data.scaling: range\n"
        f"  {line}\n{' ' * 32}^\n"
    )
    with pytest.warns(ConfigWarning):  # afterwards the process warns as it did before
        load_experiment(Path("old.yaml"))


def test_other_warnings_stay_what_they_are(mlp: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("new.yaml").write_text("data: xor\n")
    monkeypatch.setattr(
        "mlpcli.config.loader.load_experiment", lambda *_: warnings.warn("odd", UserWarning, stacklevel=1)
    )
    with pytest.warns(UserWarning, match="odd"):
        mlp("train", "new.yaml", "--dry-run")
