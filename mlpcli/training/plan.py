"""Finds what a config alone may not tell of a run: the widths of its network, and its loss."""

from __future__ import annotations

from typing import NamedTuple

from mlpcli.config.schema import Experiment
from mlpcli.training.memory import DataSize, loaded_data, require_room_for_data

__all__ = ["RunPlan", "plan_run"]


class RunPlan(NamedTuple):
    """The complete config of a run, and the widths of its network.

    ``data`` is the size of the data set if it has been read. ``note`` says how a loss was chosen, and
    ``start`` which trained network the run begins with.
    """

    experiment: Experiment
    widths: tuple[int, ...]
    data: DataSize | None = None
    note: str | None = None
    start: str | None = None


def plan_run(experiment: Experiment) -> RunPlan:
    """Return what training would begin with; the data are read only if the config does not tell all of it.

    Raises DataError, or ConfigError, also if the data do not fit into memory, or the network to begin with
    does not fit the run; CheckpointError if that cannot be read.
    """
    widths = experiment.widths()
    begins_anew = experiment.training.start_from is None
    if (
        begins_anew
        and widths is not None
        and experiment.loss.task is not None
        and experiment.recipe == "plain"
    ):
        return RunPlan(experiment, widths)
    from mlpcli.build.fitted import fit_transform, network_widths  # which import NumPy
    from mlpcli.build.splits import load_splits
    from mlpcli.training.going_on import describe_start, load_start
    from mlpcli.training.settled import settle

    require_room_for_data(experiment)
    splits = load_splits(experiment)
    experiment, note = settle(experiment, splits)
    if begins_anew:
        transform, begun = fit_transform(experiment, splits), None
    else:
        start = load_start(experiment, splits)
        transform, begun = start.transform, describe_start(experiment, splits, start)
    widths = network_widths(experiment, transform, splits.targets)
    return RunPlan(experiment, widths, loaded_data(splits, transform), note, begun)
