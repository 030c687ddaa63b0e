"""The hints of the command line: which option or command helps where something went wrong.

The rooms below speak of facts; an error's ``topic`` picks the sentence here, and its ``facts`` fill it in.
"""

from __future__ import annotations

from mlpcli.errors import MlpError

__all__ = ["HINTS", "with_hint"]

HINTS = {
    "directory in use": "Wait for it, or name another directory with --out.",
}


def with_hint(error: MlpError) -> str:
    """Return the error's message, followed by the hint for its topic where it has one."""
    if error.topic is None:
        return str(error)
    return f"{error}\n{HINTS[error.topic].format(**error.facts)}"
