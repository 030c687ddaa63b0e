"""Trained networks as files of other programs: one file for each kind, and the table of the kinds."""

from __future__ import annotations

__all__ = ["FORMATS"]

# The endings of the files, for parsing the command line without loading NumPy. A test ensures that the table
# in `mlpcli.export.formats` has the same names.
FORMATS = {
    "onnx": ".onnx",
    "python": ".py",
    "torch": ".pt",
    "npz": ".npz",
    "safetensors": ".safetensors",
}
