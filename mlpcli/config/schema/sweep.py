"""The section ``sweep``: the values of other keys that a sweep tries."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from mlpcli.config.schema.section import Section, other_names, problem
from mlpcli.text import repeated, shortened

__all__ = ["MOST_RUNS", "Range", "Sweep", "range_of"]

MOST_RUNS = 10_000
_DRAWN = 20  # settings, if the config does not say how many

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = rf"\s*(\w+)\s*\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)\s*"
_KINDS = ("uniform", "log", "int", "log_int")
_ALLOWED = (
    "a list of values, or a range: uniform(0, 0.5), log(1e-4, 1e-1), and for whole numbers int(1, 9) "
    "or log_int(16, 256)"
)


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; with ``log`` each factor is as likely as another."""

    low: float
    high: float
    log: bool
    whole: bool


def range_of(text: str) -> Range:
    """Return the range that a text such as ``log(1e-4, 1e-1)`` stands for; raises ValueError."""
    match = re.fullmatch(_RANGE, text) if len(text) <= 200 else None
    if match is None or match[1] not in _KINDS:
        if re.fullmatch(rf"\s*({'|'.join(_KINDS)})\s*\([^)]*", text[:200]):  # YAML took the comma for its own
            raise problem(
                f'{shortened(text)} has no end; within braces, write "log(1e-4, 1e-1)" with its quotes'
            )
        raise ValueError
    kind, low, high = match[1], float(match[2]), float(match[3])
    whole = kind.endswith("int")
    if whole and not (low.is_integer() and high.is_integer()):
        raise problem(f"{text.strip()}: the ends of {kind} are whole numbers; for others: uniform, log")
    if not (math.isfinite(low) and low < high < math.inf):
        raise problem(f"{text.strip()}: the first number must be lower than the second")
    if kind.startswith("log") and low <= 0:
        raise problem(f"{text.strip()}: a range of factors begins above 0")
    return Range(low, high, kind.startswith("log"), whole)


def _sampled(value: Any) -> Any:
    if isinstance(value, list) and value:
        return _each_once(value)
    if not isinstance(value, str):
        raise ValueError
    range_of(value)
    return value


_OFFERED = _RANGE.replace(r"(\w+)", f"({'|'.join(_KINDS)})")
_WRITTEN = {"anyOf": [{"type": "array", "minItems": 1}, {"type": "string", "pattern": f"^{_OFFERED}$"}]}


def _each_once(values: list[Any]) -> list[Any]:
    twice = repeated([json.dumps(value) for value in values])
    if twice is not None:
        raise problem(f"{shortened(twice)} is listed twice; list each value once")
    return values


Values = Annotated[list[Any], Field(min_length=1), AfterValidator(_each_once)]
Sampled = Annotated[
    Any,
    PlainValidator(_sampled),
    WithJsonSchema({"type": "string", "allowed": _ALLOWED, "written": _WRITTEN}),
]
OTHER_SAMPLERS = {
    **dict.fromkeys(("bayes", "bayesian", "optuna", "tpesampler"), "tpe"),
    **dict.fromkeys(("randomsearch", "random_search"), "random"),
    **dict.fromkeys(("gridsearch", "grid_search", "all", "product"), "grid"),
}


class Sweep(Section):
    """What `mlp sweep` varies; nothing else reads it."""

    grid: dict[str, Values] = Field(
        {},
        description="lists of values by dotted keys, as model.hidden: [[3], [20]]; each combination is "
        "trained",
    )
    sample: dict[str, Sampled] = Field(
        {},
        description="ranges by dotted keys, from which values are drawn, as optimizer.learning_rate: "
        "log(1e-4, 1e-1); what grid has is drawn from, too, then",
    )
    seeds: int = Field(
        1,
        ge=1,
        le=1000,
        description="runs of each setting: with training.seed as it is, with one more, and so on, so with "
        "other points, splits and weights; data.split_seed and data.points_seed keep the first two",
    )
    trials: int | None = Field(
        None,
        ge=1,
        le=MOST_RUNS,
        description="number of settings to draw, each of them once, so fewer if there are no more; null "
        f"draws {_DRAWN}, or takes the grid as a whole",
    )
    sampler: Annotated[Literal["grid", "random", "tpe"], other_names(OTHER_SAMPLERS)] | None = Field(
        None,
        validate_default=True,
        description="where settings come from: grid (each combination), random, or tpe, which learns from "
        "the runs before (Bergstra et al., 2011); null takes grid, or random if there is a sample",
    )
    prune: bool = Field(
        False,
        description="end runs early that are not among the best third after 1/27, 1/9 and 1/3 of their "
        "epochs (successive halving; Li et al., 2020)",
    )

    @field_validator("sample")
    @classmethod
    def _each_key_once(cls, sample: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        both = [key for key in sample if key in info.data.get("grid", {})]
        if both:
            raise problem(f"{shortened(both[0])} is in grid, too; name each key once", ("sweep", "sample"))
        return sample

    @field_validator("sampler")
    @classmethod
    def _sampler_fits(cls, sampler: str | None, info: ValidationInfo) -> str | None:
        if not {"grid", "sample", "trials"} <= info.data.keys():  # one of them is wrong, and reported
            return sampler
        sample, trials = info.data["sample"], info.data["trials"]
        if sampler == "grid" and sample:
            key = shortened(next(iter(sample)))
            raise problem(
                f"a grid has lists of values, and {key} is sampled; use random or tpe, or no sample"
            )
        if trials is not None and not sample and not info.data["grid"]:
            raise problem("nothing is swept; name keys in sample, or in grid", ("sweep", "trials"))
        if (sampler or ("random" if sample else "grid")) == "grid" and trials is not None:
            raise problem(
                "a grid is trained as a whole; set sampler to random or tpe to draw from it, "
                "or delete trials",
                ("sweep", "trials"),
            )
        if sampler in ("random", "tpe") and not sample and not info.data["grid"]:
            raise problem(f"{sampler} has nothing to draw; name keys in sample, or in grid")
        return sampler

    @property
    def drawn(self) -> Literal["grid", "random", "tpe"]:
        """Where the settings come from."""
        return self.sampler or ("random" if self.sample else "grid")

    @property
    def space(self) -> dict[str, list[Any] | Range]:
        """What each key may be."""
        ranges = {
            key: range_of(value) if isinstance(value, str) else value for key, value in self.sample.items()
        }
        return {**self.grid, **ranges}

    @property
    def settings(self) -> int:
        """The number of settings, each of which is trained with every seed; none is drawn twice."""
        if self.drawn == "grid":
            return math.prod(map(len, self.grid.values()))
        asked = _DRAWN if self.trials is None else self.trials
        lists = self.lists
        return asked if lists is None else min(asked, math.prod(map(len, lists)))

    @property
    def lists(self) -> list[Sequence[Any]] | None:
        """All that each key may be; None if a key may be any number of a range."""
        found: list[Sequence[Any]] = []
        for values in self.space.values():
            if not isinstance(values, Range):
                found.append(values)
            elif values.whole:
                found.append(range(int(values.low), int(values.high) + 1))
            else:
                return None
        return found
