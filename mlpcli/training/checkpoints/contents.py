"""What stands in a checkpoint, once it is read and before it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from mlpcli.config.schema import Experiment
from mlpcli.data.kinds import Kinds
from mlpcli.data.target_transform import TargetTransform
from mlpcli.data.transform import Transform
from mlpcli.nn.network import Network
from mlpcli.nn.products import NUMPY
from mlpcli.training.baselines import Baselines
from mlpcli.training.loop import MidEpoch, Progress

__all__ = ["Checkpoint", "Member", "Resume"]


@dataclass(frozen=True)
class Resume:
    """The state, besides the weights, that resuming needs: progress, step count and the optimizer's slots.

    ``mid_epoch`` is set if the checkpoint was written within an epoch.
    """

    progress: Progress
    steps: int
    slots: dict[str, NDArray[Any]]
    mid_epoch: MidEpoch | None = None


@dataclass(frozen=True)
class Member:
    """One of the networks of a checkpoint, after ``epoch``, with what was fitted to its training split."""

    network: Network
    transform: Transform
    target_transform: TargetTransform | None
    epoch: int
    baselines: Baselines | None = None  # older checkpoints have none


@dataclass(frozen=True)
class Checkpoint:
    """A network, with a description of its training data and its scores.

    Where there are ``others``, its predictions are the mean of theirs and that of the first network.
    """

    experiment: Experiment
    network: Network
    transform: Transform
    target_transform: TargetTransform | None  # None for a classifier
    columns: tuple[str, ...]
    kinds: Kinds
    classes: tuple[str, ...] | None
    targets: int
    fingerprint: int | None
    class_counts: Sequence[float] | None  # of the training split, by weights
    epoch: int
    scores: dict[str, float]
    resume: Resume | None = None
    data_from_run: str | None = None  # the path of the data from the run's folder
    baselines: Baselines | None = None  # older checkpoints have none
    others: tuple[Member, ...] = ()
    may_have_seen: bool = False  # whether the network that it began with may have learned rows held out here
    engine: str = NUMPY  # what multiplied its matrices

    @property
    def members(self) -> tuple[Member, ...]:
        """All its networks, the first one included."""
        first = Member(self.network, self.transform, self.target_transform, self.epoch, self.baselines)
        return (first, *self.others)

    @property
    def target_names(self) -> list[str]:
        """The names of the targets of a regression."""
        names = getattr(self.experiment.data, "target", None) or [f"y{i}" for i in range(1, self.targets + 1)]
        return [names] if isinstance(names, str) else list(names)
