"""Values that are written a little wrong, and how to write what they mean."""

from __future__ import annotations

from typing import Any

import pytest

from mlpcli.config.slips import rewrite

WHOLE = {"type": "integer", "minimum": 1, "maximum": 10_000_000}
RATE = {"type": "number", "exclusiveMinimum": 0}
SHARE = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
TRUTH = {"type": "boolean"}
SIZES = {"type": "array"}
MAYBE = {"type": "integer", "minimum": 1, "nullable": True}

# What is written, for which key, and what should be.
MEANT: list[tuple[Any, dict[str, Any], str | None]] = [
    ("1e-3", RATE, "0.001"),
    (" 0.1 ", RATE, "0.1"),
    ("0,1", RATE, "0.1"),
    ("1,000", RATE, "1000"),
    ("10,000", WHOLE, "10000"),
    ("10_000", WHOLE, "10000"),
    ("1e4", WHOLE, "10000"),
    (100.0, WHOLE, "100"),
    (100.5, WHOLE, None),
    ("20%", SHARE, "0.2"),
    ("20 %", WHOLE, None),
    ("2", SHARE, None),
    ("yes", TRUTH, "true"),
    ("Off", TRUTH, "false"),
    (1, TRUTH, "true"),
    (2, TRUTH, None),
    ("100, 50", SIZES, "[100, 50]"),
    ("100 50", SIZES, "[100, 50]"),
    ("(100,)", SIZES, "[100]"),
    ("64x32", SIZES, "[64, 32]"),
    ("100,50", SIZES, "[100, 50]"),
    ("100, 0", SIZES, None),
    ("wide", SIZES, None),
    ([5], WHOLE, "5"),
    ([5, 6], WHOLE, None),
    ("None", MAYBE, "null"),
    ("never", MAYBE, "null"),
    (False, MAYBE, "null"),
    ("None", WHOLE, None),
    ("-5", WHOLE, None),
    ("9" * 500, WHOLE, None),
    ("all", WHOLE, None),
    ("", WHOLE, None),
    (None, WHOLE, None),
    ({}, WHOLE, None),
]


@pytest.mark.parametrize(("written", "node", "meant"), MEANT)
def test_a_slip_is_rewritten_if_one_value_fits(written: Any, node: dict[str, Any], meant: str | None) -> None:
    assert rewrite(written, node) == meant
