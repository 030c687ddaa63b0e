"""Settles what a config leaves open until the data have been read: its loss, and what fits their number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlpcli.build.splits import Splits
from mlpcli.config.loader import validate_experiment
from mlpcli.config.recipes import fit_to_data
from mlpcli.config.schema import DEFAULT_LOSSES, Experiment, to_plain
from mlpcli.data.task import are_numbers, why_classes, why_values
from mlpcli.errors import ConfigError
from mlpcli.text import shortened

__all__ = ["settle", "with_open", "with_task"]


def settle(experiment: Experiment, splits: Splits) -> tuple[Experiment, str | None]:
    """Return the experiment with the loss that follows from the target, and a sentence on why.

    Where the config names a loss, there is no sentence. What a recipe fits to the data is settled too, and
    how the numbers of the file are written, so that rows to predict are read in the same way. Raises
    ConfigError if the loss has settings that are for classes and the target holds numbers.
    """
    if experiment.recipe == "table":
        fitting = fit_to_data(splits.train.size, regression=splits.classes is None)
        experiment = with_open(experiment, fitting)
    if splits.numerals:
        data: Any = experiment.data.model_copy(update=splits.numerals)
        experiment = experiment.model_copy(update={"data": data})
    if experiment.loss.task is not None:
        _require_fitting(experiment, splits)
        return experiment, None
    data = experiment.data
    named = getattr(data, "target", "y")
    target = named if isinstance(named, str) else ", ".join(named)
    said = getattr(data, "columns", {}).get(target)
    change = ""
    if said is not None:
        why = (
            f"data.columns says that {shortened(target)} holds {'numbers' if said == 'number' else 'classes'}"
        )
    elif getattr(data, "target_transform", "none") != "none":
        why = "data.target_transform is for numbers"
    elif splits.classes is None:
        why = why_values(target, splits.train.y)
        if splits.targets == 1:
            change = " To take each number as a class: loss: cross_entropy."
    else:
        why = why_classes(target, splits.classes, _rows(splits))
        if are_numbers(splits.classes):
            change = " To predict it as a number: loss: mse."
    settled = with_task(experiment, splits.classes is not None, why)
    return settled, f"loss: {settled.loss.name}, since {why}.{change}"


def _rows(splits: Splits) -> int:
    """Return the number of rows of the data."""
    whole = splits.train.whole
    return len(splits.train.y) if whole is None else len(whole.data.X)


def _require_fitting(experiment: Experiment, splits: Splits) -> None:
    """Raise ConfigError if the target was read as the other of classes and numbers.

    So it may be if arrays go on with a run whose config named a loss, and the config given now does not.
    """
    loss, is_class = experiment.loss, splits.classes is not None
    if is_class != (loss.task == "classification"):
        held, needed = ("classes", "numbers") if is_class else ("numbers", "classes")
        raise ConfigError(
            f"the target was taken for {held}, and {loss.name} is for {needed}; set loss: {loss.name}"
        )


def with_open(experiment: Experiment, values: Mapping[str, Mapping[str, Any]]) -> Experiment:
    """Return the experiment with values of its sections, but for those keys that the config gives."""
    sections = {}
    for name, keys in values.items():
        section = getattr(experiment, name)
        left_open = {key: value for key, value in keys.items() if key not in section.model_fields_set}
        sections[name] = section.model_copy(update=left_open)
    return experiment.model_copy(update=sections)


def with_task(
    experiment: Experiment, classification: bool, why: str = "the target holds numbers"
) -> Experiment:
    """Return the experiment with the default loss for classes or for numbers, if its loss is open.

    Raises ConfigError if the loss has settings that are for classes alone; ``why`` says why it is no such.
    """
    if experiment.loss.task is not None:
        return experiment
    name = DEFAULT_LOSSES["classification" if classification else "regression"]
    settings: dict[str, Any] = experiment.loss.model_dump(exclude={"name"})
    given = {key: value for key, value in settings.items() if value}
    if given and not classification:
        raise ConfigError(
            f"loss.{next(iter(given))} is for classes, but {why}; delete it, or set loss.name: cross_entropy"
        )
    return validate_experiment({**to_plain(experiment), "loss": {"name": name, **given}}, Path())
