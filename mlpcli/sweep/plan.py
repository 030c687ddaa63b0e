"""The settings of a sweep, by number: each is the same on every machine, and whenever it is asked for."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Callable, Set
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from mlpcli.config.schema import Experiment, Range, flatten, to_plain
from mlpcli.config.sweeps import SweepConfig
from mlpcli.training.resume import PLACES

__all__ = ["SweepPlan", "setting_text"]

_DIGITS = 4  # of numbers that are drawn
_DRAWS = 50  # of values that are known, before the next combination is taken


class SweepPlan:
    """The runs of a sweep, numbered from 1: those of the first setting, a run a seed, then of the second."""

    def __init__(self, config: SweepConfig) -> None:
        self.config, self.sweep = config, config.sweep
        self._space = self.sweep.space
        self._seed = config.experiment.training.seed
        lists = [values for values in self._space.values() if not isinstance(values, Range)]
        self._grid = list(itertools.product(*lists)) if self.sweep.drawn == "grid" else None
        self._drawn: list[dict[str, Any]] = []  # at random, by the number of the setting
        self._taken: set[str] = set()  # their texts

    @property
    def runs(self) -> int:
        """The number of runs."""
        return self.config.runs

    @property
    def learns(self) -> bool:
        """Whether settings depend on what the runs before have found."""
        return self.sweep.drawn == "tpe"

    def setting(self, run: int) -> int:
        """Return the number of the setting of a run; the first is 0."""
        return (run - 1) // self.sweep.seeds

    def first_run(self, run: int) -> int:
        """Return the first run that has the setting of this one."""
        return self.setting(run) * self.sweep.seeds + 1

    def seed(self, run: int) -> int:
        """Return the seed for what is drawn for a run by a sampler that learns."""
        return random.Random(f"{self._seed}, tpe, {self.setting(run)}").getrandbits(32)

    def fingerprint(self) -> dict[str, Any]:
        """Return what all machines must have alike: the config without the places of files, and the sweep."""
        experiment = self.config.experiment
        # Sweeps that were begun when l2 had one default hold that.
        config = flatten(to_plain(experiment)) | {"regularization.l2": experiment.l2}
        same = {key: value for key, value in config.items() if not PLACES.fullmatch(key)}
        same.pop("training.start_from", None)
        return {**same, **flatten(self.sweep.model_dump(), "sweep")}

    def values(self, run: int) -> dict[str, Any] | None:
        """Return the value of each key in a run; None if a sampler that learns is to choose them."""
        if self.learns:
            return None
        if self._grid is not None:
            return dict(zip(self._space, self._grid[self.setting(run)], strict=True))
        for setting in range(len(self._drawn), self.setting(run) + 1):
            drawn = random.Random(f"{self._seed}, random, {setting}")

            def draw(drawn: random.Random = drawn) -> dict[str, Any]:
                return {key: _draw(drawn, values) for key, values in self._space.items()}

            self._drawn.append(self.draw_new(draw, self._taken))
            self._taken.add(setting_text(self._drawn[-1]))
        return dict(self._drawn[self.setting(run)])

    def draw_new(self, draw: Callable[[], dict[str, Any]], taken: Set[str]) -> dict[str, Any]:
        """Return the first values that ``draw`` gives whose `setting_text` is not in ``taken``.

        If it gives those again and again, the first combination that is not taken is returned. Of ranges that
        are not of whole numbers, any values are returned.
        """
        values, lists = draw(), self.sweep.lists
        if lists is None:
            return values
        for _ in range(_DRAWS):
            if setting_text(values) not in taken:
                return values
            values = draw()
        every = (dict(zip(self._space, each, strict=True)) for each in itertools.product(*lists))
        return next((each for each in every if setting_text(each) not in taken), values)

    def experiment(self, run: int, values: dict[str, Any]) -> Experiment:
        """Return the experiment of a run with these values; raises ConfigError if they do not fit."""
        return self.config.make(values, self.training_seed(run))

    def training_seed(self, run: int) -> int:
        """Return the ``training.seed`` of a run, if that is not swept itself."""
        return self.config.seed((run - 1) % self.sweep.seeds)

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return what Optuna knows of each key; entries of a list are texts in JSON there."""
        return {key: _distribution(values) for key, values in self._space.items()}

    def parameters(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the value of each key as Optuna knows it."""
        ranges = {key for key, each in self._space.items() if isinstance(each, Range)}
        return {key: value if key in ranges else json.dumps(value) for key, value in values.items()}

    def from_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the value of each key from that which Optuna knows."""
        ranges = {key for key, each in self._space.items() if isinstance(each, Range)}
        return {key: parameters[key] if key in ranges else json.loads(parameters[key]) for key in self._space}


def setting_text(values: dict[str, Any]) -> str:
    """Return a text that only equal settings share."""
    return json.dumps(values)


def _draw(drawn: random.Random, values: list[Any] | Range) -> Any:
    if not isinstance(values, Range):
        return drawn.choice(values)
    low, high = values.low, values.high
    if values.whole and values.log:
        low, high = math.log(low), math.log(high + 1)
        return min(int(math.exp(drawn.uniform(low, high))), int(values.high))
    if values.whole:
        return drawn.randint(int(low), int(high))
    number = (
        math.exp(drawn.uniform(math.log(low), math.log(high))) if values.log else drawn.uniform(low, high)
    )
    return min(max(float(f"{number:.{_DIGITS}g}"), low), high)


def _distribution(values: list[Any] | Range) -> BaseDistribution:
    if not isinstance(values, Range):
        return CategoricalDistribution([json.dumps(value) for value in values])
    if values.whole:
        return IntDistribution(int(values.low), int(values.high), log=values.log)
    return FloatDistribution(values.low, values.high, log=values.log)
