"""Finds what a config alone may not tell of a run: the widths of its network, and its loss."""

from __future__ import annotations

from typing import NamedTuple

from mlpcli.config.schema import Experiment
from mlpcli.training.memory import DataSize, loaded_data, require_room_for_data

__all__ = ["RunPlan", "plan_run"]


class RunPlan(NamedTuple):
    """The complete config of a run, and the widths of its network.

    ``data`` is the size of the data set if it has been read, and ``note`` says how a loss was chosen.
    """

    experiment: Experiment
    widths: tuple[int, ...]
    data: DataSize | None = None
    note: str | None = None


def plan_run(experiment: Experiment) -> RunPlan:
    """Return what training would begin with; the data are read only if the config does not tell all of it.

    Raises DataError, or ConfigError, also if the data do not fit into memory.
    """
    widths = experiment.widths()
    if widths is not None and experiment.loss.task is not None and experiment.recipe == "plain":
        return RunPlan(experiment, widths)
    from mlpcli.build import fit_transform, load_splits, network_widths  # which import NumPy
    from mlpcli.training.settled import settle

    require_room_for_data(experiment)
    splits = load_splits(experiment)
    experiment, note = settle(experiment, splits)
    transform = fit_transform(experiment, splits)
    widths = network_widths(experiment, transform, splits.targets)
    return RunPlan(experiment, widths, loaded_data(splits, transform), note)
