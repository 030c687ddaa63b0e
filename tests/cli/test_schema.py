"""``mlp schema`` prints the schema, as a file has it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlpcli.config.editor_schema import schema_text


def test_it_prints_the_schema(mlp: Callable[..., Any]) -> None:
    assert mlp("schema") == (0, schema_text(), "")


def test_it_needs_no_numpy(tmp_path: Path) -> None:
    code = "import sys; from mlpcli.cli import run; run(['schema']); assert 'numpy' not in sys.modules"
    with (tmp_path / "schema.json").open("w") as file:
        subprocess.run([sys.executable, "-c", code], check=True, stdout=file, timeout=60)
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == schema_text()
