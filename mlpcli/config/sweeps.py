"""Reads what a sweep varies, from a config and from options, and makes the experiments of its runs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path as FilePath
from typing import Any

from mlpcli.config.changes import Change, read_option, shorten
from mlpcli.config.loader import VariedConfig
from mlpcli.config.problems import show
from mlpcli.config.schema import Experiment, Range, Sweep
from mlpcli.config.schema.sweep import MOST_RUNS
from mlpcli.config.yaml12 import YamlError, write_yaml
from mlpcli.errors import ConfigError, UsageError

__all__ = ["SweepConfig", "SweepOptions"]

_SEED = "training.seed"
_MOST_TOLD = 20
_MOST_TRIED = MOST_RUNS  # combinations that are all looked at before a sweep begins
# What cannot be swept, with the reason.
_FIXED = {
    "sweep": "a sweep does not vary itself",
    "training.monitor": "runs are compared by it, so that it is the same for all",
}


@dataclass(frozen=True)
class SweepOptions:
    """What a command line says of a sweep; what it leaves open, the config says.

    ``grid`` and ``sample`` are texts like ``model.hidden=[[3], [20]]``.
    """

    grid: Sequence[str] = ()
    sample: Sequence[str] = ()
    seeds: int | None = None
    trials: int | None = None
    sampler: str | None = None
    prune: bool = False

    def changes(self) -> list[Change]:
        """Return the changes of the section ``sweep``; raises ConfigError."""
        found = []
        for part, options in (("grid", self.grid), ("sample", self.sample)):
            for option in options:
                flag = f"--{part} {shorten(option)}"
                try:
                    read = read_option(option)
                except YamlError as error:
                    example = "write it as key=value, as in optimizer.learning_rate=1e-2"
                    better = {
                        "grid": "write it as key=[...], as in regularization.l2='[1e-3, 1e-2]'",
                        "sample": "write it as key=range, as in optimizer.learning_rate='log(1e-4, 1e-1)'",
                    }[part]
                    raise ConfigError(f"{flag}: {error.message.replace(example, better)}") from None
                path = ("sweep", part, read.key)
                found.append(Change(read.key, read.value, explained=partial(_after, flag), path=path))
        for name in ("seeds", "trials", "sampler", "prune"):
            value = getattr(self, name)
            if value is not None and value is not False:
                said = partial(_after, f"--{name}" if value is True else f"--{name} {value}")
                found.append(Change(f"sweep.{name}", value, explained=said))
        return found


class SweepConfig:
    """A config with what a sweep varies; every value has been tried out, as far as there are few enough.

    ``experiment`` is that of the config itself, and ``sweep`` what is varied. Raises ConfigError with what is
    wrong; UsageError if nothing is varied.
    """

    def __init__(
        self, file: FilePath, overrides: Sequence[str] = (), options: SweepOptions | None = None
    ) -> None:
        asked = [] if options is None else options.changes()
        self._options = {change.path: change for change in asked}
        self._varied = VariedConfig(file, [*overrides, *asked])
        self.experiment = self._varied.experiment
        self.sweep: Sweep = self.experiment.sweep
        self._space = self.sweep.space
        self._first: Experiment | None = None
        self._wrong: set[str] = set()  # keys of which a value does not fit
        self._require_fitting()
        self._try_out()

    @property
    def example(self) -> Experiment:
        """The experiment of some run."""
        assert self._first is not None
        return self._first

    @property
    def keys(self) -> tuple[str, ...]:
        """The dotted keys that are swept, besides the seed."""
        return tuple(key for key in self._space if key != _SEED)

    @property
    def runs(self) -> int:
        """The number of runs."""
        return self.sweep.settings * self.sweep.seeds

    def seed(self, number: int) -> int:
        """Return the ``training.seed`` of the runs with the seed of this number, the first of which is 0."""
        return self.experiment.training.seed + number

    def make(self, values: Mapping[str, Any], seed: int | None = None) -> Experiment:
        """Return the experiment of a run: the config with these values, and with this ``training.seed``.

        Raises ConfigError if they do not fit each other.
        """
        changes = [Change.of(key, values[key], f"{key}={_text(values[key])}") for key in self._space]
        if seed is not None and _SEED not in self._space:
            changes.append(Change(_SEED, seed))
        return self._made(changes)

    def plain(self) -> dict[str, Any]:
        """Return the config, with what is swept, as plain values that make the same sweep again."""
        return self._varied.plain()

    def text(self) -> str:
        """Return the config as YAML, in which relative paths are absolute."""
        return write_yaml(self.plain())

    def _made(self, changes: Sequence[Change]) -> Experiment:
        changes = sorted(changes, key=lambda change: change.key.count("."))  # a section before its keys
        return self._varied.changed(changes).model_copy(update={"sweep": Sweep()})

    def _require_fitting(self) -> None:
        """Raise an error if the sweep as a whole makes no sense."""
        sweep, experiment = self.sweep, self.experiment
        if not self._space and sweep.seeds == 1:
            raise UsageError("nothing is swept", topic="nothing swept")
        for key in self._space:
            whole = key if key in _FIXED else key.partition(".")[0]
            if whole in _FIXED:
                raise ConfigError(self._said(key, None, f"{key} cannot be swept: {_FIXED[whole]}"))
        if _SEED in self._space and sweep.seeds > 1:
            raise ConfigError(
                self._said(_SEED, None, f"{_SEED} is what sweep.seeds varies; give one of the two")
            )
        if self.runs > MOST_RUNS:
            seeds = f" with {sweep.seeds:,} seeds" if sweep.seeds > 1 else ""
            raise ConfigError(
                f"{sweep.settings:,} settings{seeds} are {self.runs:,} runs; a sweep has up to "
                f"{MOST_RUNS:,}. Give fewer values, or draw some of them: set sweep.sampler to random"
            )
        if self.seed(sweep.seeds) > 2**32:
            raise ConfigError(
                f"{_SEED} {experiment.training.seed} leaves no seeds for {sweep.seeds:,} runs; "
                "use a lower one"
            )

    def _try_out(self) -> None:
        """Raise ConfigError with everything that is wrong with keys and values."""
        found: dict[
            str, str
        ] = {}  # what is wrong, with its place: of several values that have it, of the first
        for combination in self._combinations():
            known = len(found)
            told: list[str] = []
            try:
                made = self._made(
                    [self._change(key, *place, found, told) for key, place in combination.items()]
                )
                self._require_comparable(made, {key: value for key, (value, _) in combination.items()})
            except ConfigError as error:
                if not told:  # of the values together, or of the config
                    found.setdefault(str(error), str(error))
                if len(found) > known and len(found) >= _MOST_TOLD:
                    break
        if found:
            head = f"{len(found):,} problems in what is swept:\n\n" if len(found) > 1 else ""
            raise ConfigError(head + "\n\n".join(found.values()))

    def _require_comparable(self, made: Experiment, values: Mapping[str, Any]) -> None:
        """Raise ConfigError if a run cannot be compared with the others by one score."""
        if self._first is None:
            self._first = made
        if made.monitor != self._first.monitor:
            shown = ", ".join(f"{key}={_text(value)}" for key, value in values.items())
            raise ConfigError(
                f"with {shown} a run is judged by its {made.monitor}, and others by their "
                f"{self._first.monitor}; set training.monitor to one that suits all"
            )
        if made.monitor == "loss" and made.loss != self._first.loss:
            raise ConfigError(
                "runs are judged by their loss, and losses of other kinds cannot be compared; set "
                "training.monitor to another score, as mse or accuracy"
            )

    def _combinations(self) -> Iterator[dict[str, tuple[Any, int | None]]]:
        """Yield combinations of values, each with its place in its list: all of them, or each value once."""
        places: dict[str, list[tuple[Any, int | None]]] = {}
        for key, values in self._space.items():
            if isinstance(values, Range):
                places[key] = [(value, None) for value in _ends(values)]
            else:
                places[key] = [(value, i) for i, value in enumerate(values)]
        n = 1
        for listed in places.values():
            n *= len(listed)
        if n <= _MOST_TRIED:
            yield from (dict(zip(places, one, strict=True)) for one in itertools.product(*places.values()))
            return
        for i in range(max(map(len, places.values()))):
            yield {key: listed[min(i, len(listed) - 1)] for key, listed in places.items()}

    def _change(
        self, key: str, value: Any, index: int | None, found: dict[str, str], told: list[str]
    ) -> Change:
        """Return the change that gives a key this value; what is wrong with it goes to ``found``."""

        def explained(text: str) -> str:
            told.append(text)
            numbers = self._space[key]
            if isinstance(numbers, Range) and not numbers.whole and "is not a whole number" in text:
                kind = "log_int" if numbers.log else "int"
                text = f"{key} is a whole number; write {kind}({numbers.low:g}, {numbers.high:g})"
            elif (
                isinstance(numbers, Range) and key in self._wrong and value not in (numbers.low, numbers.high)
            ):
                return text  # an end is wrong already, and this number nobody wrote
            self._wrong.add(key)
            return found.setdefault(text, self._said(key, index, text))

        return replace(Change.of(key, value), explained=explained)

    def _said(self, key: str, index: int | None, text: str) -> str:
        """Return what is said about a value of a swept key, with the option or the place that has it."""
        part = "grid" if key in self.sweep.grid else "sample"
        option = self._options.get(("sweep", part, key))
        if option is not None:
            return option.explain(text)
        place = ("sweep", part, key) if index is None else ("sweep", part, key, index)
        return self._varied.source.at(self._varied.place(place), text)


def _after(flag: str, text: str) -> str:
    return f"{flag}: {text}"


def _ends(numbers: Range) -> Iterator[float]:
    """Yield the ends of a range, and then a number between them."""
    low, high = numbers.low, numbers.high
    between = (low * high) ** 0.5 if numbers.log else (low + high) / 2
    for number in (low, high, between):
        yield round(number) if numbers.whole else number


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else show(value)
