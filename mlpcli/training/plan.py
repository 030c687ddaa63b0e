"""Finds the widths of the network that a config describes, from the data where the config does not tell."""

from __future__ import annotations

from typing import NamedTuple

from mlpcli.config.schema import Experiment
from mlpcli.training.memory import DataSize, loaded_data, require_room_for_data

__all__ = ["RunPlan", "plan_run"]


class RunPlan(NamedTuple):
    """The widths of a run's network; ``data`` is the size of the data set if it has been read."""

    widths: tuple[int, ...]
    data: DataSize | None


def plan_run(experiment: Experiment) -> RunPlan:
    """Return what training would begin with; the data are read only if the config does not tell the widths.

    Raises DataError, or ConfigError, also if the data do not fit into memory.
    """
    widths = experiment.widths()
    if widths is not None:
        return RunPlan(widths, None)
    from mlpcli.build import fit_transform, load_splits, network_widths  # which import NumPy

    require_room_for_data(experiment)
    splits = load_splits(experiment)
    widths = network_widths(experiment, fit_transform(experiment, splits), splits.targets)
    return RunPlan(widths, loaded_data(splits))
