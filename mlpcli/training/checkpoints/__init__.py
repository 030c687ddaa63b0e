"""Reads and writes checkpoints: .npz files with plain arrays, and ``meta``, JSON that describes them.

A checkpoint holds everything that evaluation and prediction need:

- the parameters W1, b1, W2, b2, ..., and with batch normalization gamma1, beta1, mean1 and var1 (running);
- the arrays of the transform of the columns, ``shift``, ``scale`` and ``fill``, and for a regression those
  of the transform of the targets, ``target_shift``, ``target_scale`` and, with data.target_transform, those
  of `Log` or `Quantiles`; all are float64;
- those of the `Baselines`, ``baseline_constant``, ``baseline_V`` and ``baseline_b``;
- in ``meta`` the format number, the whole config, the names of columns and classes, the kinds of columns and
  which features they become, shapes and scores.

A checkpoint may hold several networks, whose predictions are averaged. The arrays of the second one and of
its transforms begin with ``network2_``, and so on. In ``meta``, ``others`` has what differs between them.

A checkpoint that training can resume from also holds the optimizer's arrays (``optimizer_m``, ...) and, in
``meta``, the progress.
"""

from __future__ import annotations

from mlpcli.training.checkpoints.contents import Checkpoint, Member, Resume
from mlpcli.training.checkpoints.layouts import name_prefix
from mlpcli.training.checkpoints.meta import FORMAT
from mlpcli.training.checkpoints.reading import load_checkpoint, read_place, read_plan
from mlpcli.training.checkpoints.writing import pack_checkpoint, save_checkpoint, write_checkpoint

__all__ = [
    "FORMAT",
    "Checkpoint",
    "Member",
    "Resume",
    "load_checkpoint",
    "name_prefix",
    "pack_checkpoint",
    "read_place",
    "read_plan",
    "save_checkpoint",
    "write_checkpoint",
]
