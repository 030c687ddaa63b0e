"""Checks before a long run: the data, and this very network's first loss, gradient, capacity and cost.

These are the checks that the CS231n notes ask for (Neural Networks 3, "Gradient checks" and "Before learning:
sanity checks Tips/Tricks"). Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlpcli.config.schema import Experiment
from mlpcli.streams import stream
from mlpcli.training.check.data import check_data
from mlpcli.training.check.network import check_first_loss, check_gradient, check_penalties
from mlpcli.training.check.samples import Finding, batch_of, different, fresh_network
from mlpcli.training.check.steps import check_first_steps, check_overfits
from mlpcli.training.run import Run

__all__ = ["Finding", "check_experiment"]

_GRADIENT_ROWS, _FEW, _MOST = 8, 20, 5000


def check_experiment(experiment: Experiment) -> Iterator[Finding]:
    """Yield the findings one by one; raises DataError or ConfigError if there is nothing to check."""
    run = Run(experiment)
    experiment = run.experiment
    choice = next((note for note in run.notes if note.startswith("loss: ")), None)
    if choice is not None:
        yield Finding("loss", "note", choice.removeprefix("loss: "))
    begun = next((note for note in run.notes if note.startswith("It begins with")), None)
    if begun is not None:
        yield Finding("start", "note", begun)
    yield from check_data(run)
    network = fresh_network(run, experiment, np.float64)
    train = run.trainer.train
    order = train.split.rows[stream(experiment.training.seed, "check").permutation(len(train.split))]
    sample = batch_of(run, order[:500], np.float64)
    yield check_first_loss(run, network, *sample)
    yield check_penalties(run, network, *sample)
    yield check_gradient(run, network, *batch_of(run, order[:_GRADIENT_ROWS], np.float64))
    del network, sample  # in float64, as large as all that training takes
    yield check_overfits(run, different(run, order[:_MOST], _FEW))
    yield from check_first_steps(run, order)
