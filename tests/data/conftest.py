"""Tables and arrays in files, and the message of a refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.errors import DataError


@pytest.fixture(scope="session")
def write() -> Callable[[Path, str | bytes], Path]:
    """Return a function that writes a CSV file in a folder."""

    def write(folder: Path, content: str | bytes) -> Path:
        path = folder / "table.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture(scope="session")
def saved() -> Callable[..., Path]:
    """Return a function that saves arrays as an .npz file in a folder."""

    def save(folder: Path, **arrays: Any) -> Path:
        path = folder / "table.npz"
        np.savez(path, **arrays)
        return path

    return save


@pytest.fixture(scope="session")
def refusal() -> Callable[..., str]:
    """Return a function that gives the message of a refused call: a few lines that can be shown."""

    def refuse(read: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
        with pytest.raises(DataError) as caught:
            read(*args, **kwargs)
        message = str(caught.value)
        assert len(message.splitlines()) <= 11
        assert all(len(line) < 300 and line.isprintable() for line in message.splitlines())
        return message

    return refuse
