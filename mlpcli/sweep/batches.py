"""Which runs of a sweep a process trains side by side, and how many of them."""

from __future__ import annotations

import math
import re

from mlpcli.config.plan import plan_network
from mlpcli.config.schema import Experiment, flatten, to_plain

__all__ = ["kind_of", "most_at_once", "share"]

# Keys by which runs of one shape may differ, as they may in a cohort.
_MAY_DIFFER = re.compile(
    r"training\.(seed|epochs|patience|checkpoint_every|snapshots)|data\.(split_seed|points_seed|noise)"
    r"|optimizer\.(?!name$).*|regularization\..*|model\.(init\..*|output_gain)"
)
# Larger networks gain nothing: their steps consist of products, not of calls.
_LARGE = 1 << 18  # multiplications of a forward pass of a batch
_MOST = 32  # networks, of which the last one still gains a little


def kind_of(experiment: Experiment) -> str:
    """Return a text that only runs share which are worth training side by side."""
    plain = flatten(to_plain(experiment))
    return repr({key: value for key, value in plain.items() if not _MAY_DIFFER.fullmatch(key)})


def most_at_once(experiment: Experiment, inputs: int, targets: int) -> int:
    """Return how many runs like this one may be trained side by side; ``targets`` are classes or values."""
    widths = experiment.widths(inputs, targets)
    assert widths is not None
    products = experiment.training.batch_size * plan_network(experiment.model, widths).count("weights")
    is_cut = experiment.training.shards not in (None, 1)  # whose parts are computed one by one
    return 1 if products >= _LARGE or is_cut else _MOST


def share(waiting: int, remaining: float, workers: int) -> int:
    """Return how many of the runs that wait a worker takes, so that all workers end together.

    ``remaining`` is what the others have to do yet: a run of which half is done counts for a half.
    """
    return max(1, math.ceil((waiting + math.floor(remaining)) / workers))
