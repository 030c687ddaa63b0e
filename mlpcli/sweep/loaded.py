"""The data of the runs that a process trains, each read once, and the baselines fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlpcli.build.readers import load_data
from mlpcli.build.splits import Splits, divide
from mlpcli.config.schema import Experiment
from mlpcli.data.dataset import Dataset
from mlpcli.data.large.source import LargeData
from mlpcli.data.toy import TOY_SETS
from mlpcli.training.baselines import Baselines
from mlpcli.training.memory import require_memory
from mlpcli.training.run import Run

__all__ = ["LoadedData"]


class LoadedData:
    """Data that several runs share: those of the last runs, which the next ones often have, too."""

    def __init__(self) -> None:
        self._splits: dict[str, Splits] = {}
        self._dataset: tuple[str, Dataset] | None = None
        self._baselines: dict[tuple[Any, ...], Baselines] = {}

    def keep_for(self, experiments: Sequence[Experiment]) -> None:
        """Forget what none of these needs."""
        needed = set(map(_name_of_splits, experiments))
        self._splits = {name: splits for name, splits in self._splits.items() if name in needed}
        ids = {id(splits) for splits in self._splits.values()}
        self._baselines = {key: value for key, value in self._baselines.items() if key[0] in ids}
        if self._dataset is not None and self._dataset[0] not in map(_name_of_dataset, experiments):
            self._dataset = None

    def splits(self, experiment: Experiment, *, force_memory: bool) -> Splits:
        """Return the data of a run; raises what reading them raises."""
        name = _name_of_splits(experiment)
        if name not in self._splits:
            self._splits[name] = self._load(experiment, force_memory=force_memory)
        return self._splits[name]

    def _load(self, experiment: Experiment, *, force_memory: bool) -> Splits:
        name = _name_of_dataset(experiment)
        if self._dataset is None or self._dataset[0] != name:
            self._dataset = None
            if not force_memory:
                require_memory(experiment)
            data = load_data(experiment)
            if isinstance(data, LargeData):  # divided as this experiment says
                return divide(experiment, data)
            self._dataset = name, data
        return divide(experiment, self._dataset[1])

    def share_baselines(self, run: Run) -> None:
        """Give a run the baselines of another one that has the same, which are long to fit."""
        if run.trainer.steps:
            return  # its checkpoint has them
        experiment = run.experiment
        key = (
            id(run.splits),
            experiment.training.seed,
            repr(experiment.loss),
            experiment.training.start_from,
        )
        if key in self._baselines:
            run.baselines = self._baselines[key]
        else:
            self._baselines[key] = run.baselines


def _name_of_dataset(experiment: Experiment) -> str:
    """Return a text that only runs share that read the same file alike, or draw the same points."""
    data = experiment.data.model_copy(update={"split_seed": None})
    seed = experiment.points_seed if data.name in TOY_SETS else None
    return repr((data, seed, experiment.classification))


def _name_of_splits(experiment: Experiment) -> str:
    """Return a text that only runs share whose splits are the same."""
    seed, loss = experiment.split_seed, experiment.loss
    return repr((_name_of_dataset(experiment), seed, experiment.training.validation, loss))
