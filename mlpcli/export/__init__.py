"""Trained networks as files of other programs: one file for each kind, and the table of the kinds."""

from __future__ import annotations

from pathlib import Path

from mlpcli.errors import UsageError, did_you_mean

__all__ = ["FORMATS", "format_of"]

# The endings of the files, for parsing the command line without loading NumPy. A test ensures that the table
# in `mlpcli.export.formats` has the same names.
FORMATS = {
    "onnx": ".onnx",
    "python": ".py",
    "torch": ".pt",
    "npz": ".npz",
    "safetensors": ".safetensors",
}


def format_of(file: Path, to: str | None) -> str:
    """Return the format of a file that is to be written: ``to``, or what the ending of its name says.

    Raises UsageError where neither says one, or the two do not agree.
    """
    if to is not None and to not in FORMATS:
        raise UsageError(f"{to!r} is no format; there are {', '.join(FORMATS)}{did_you_mean(to, FORMATS)}")
    suffix = file.suffix.lower()
    ending = next((name for name, own in FORMATS.items() if own == suffix), None)
    if to is None and ending is None:
        *others, last = FORMATS.values()
        raise UsageError(
            f"{file}: its ending says no format; let it end in {', '.join(others)} or {last}, or name the "
            "format",
            topic="no format",
        )
    if to is not None and ending not in (None, to):
        raise UsageError(f"{file} is to be {to}, and ends in {suffix}; let it end in {FORMATS[to]}")
    return to or ending or ""
