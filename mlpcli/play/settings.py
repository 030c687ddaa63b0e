"""The settings on the page, and how a change of one affects the config."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeAlias

from mlpcli.build.splits import Splits
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import UNITS
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.config.yaml12 import YamlError, parse_scalar
from mlpcli.data.toy import TOY_SETS
from mlpcli.errors import ConfigError
from mlpcli.nn.losses import LOSSES
from mlpcli.optim.rules import RULES
from mlpcli.terms import TERMS, name_terms
from mlpcli.text import clip

__all__ = [
    "KEYS",
    "OWN",
    "change_setting",
    "differences",
    "goes_on",
    "link_of",
    "list_controls",
    "scaled_names",
    "shown_value",
]

OWN = "own"  # the choice of data that means the config's own file
_MAX_LENGTH = 200  # characters of a value
_NAME = 30  # characters of a column

Group: TypeAlias = Literal["data", "network", "training"]
Kind: TypeAlias = Literal["text", "choice", "slider", "checks"]
Effect: TypeAlias = Literal["goes on", "restarts"]


@dataclass(frozen=True)
class Setting:
    """A setting of the page: its key in the config, its label, and how it is chosen.

    A slider runs from ``low`` to ``high`` by ``step``; where the ``scale`` is logarithmic, its lower end
    stands for 0. ``suggestions`` are values that one may want to type.
    """

    key: str
    label: str
    group: Group
    kind: Kind = "text"
    low: float = 0.0
    high: float = 1.0
    step: float = 0.05
    scale: Literal["linear", "log"] = "linear"
    suggestions: tuple[str, ...] = ()


_RATES = ("0.0001", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3", "10")
# In the order of the page. Keys that the config does not have are left out.
_SETTINGS = (
    Setting("data.name", "data set", "data", "choice"),
    Setting("data.points", "examples", "data", suggestions=("50", "100", "300", "1000")),
    Setting("data.noise", "noise", "data", "slider", 0, 1, 0.01),
    Setting("data.classes", "classes", "data"),
    Setting("data.angle", "turn, radians", "data", "slider", 0, 12.6, 0.1),
    Setting("data.val_size", "validation share", "data", "slider", 0, 0.8),
    Setting("data.test_size", "test share", "data", "slider", 0, 0.8),
    Setting("data.terms", "more inputs (z: scaled x)", "network", "checks"),
    Setting(
        "model.hidden", "hidden sizes", "network", suggestions=("3", "6", "20", "100", "8, 2", "8, 8, 8")
    ),
    Setting("model.activation", "activation", "network", "choice"),
    Setting("model.dropout", "dropout", "network", "slider", 0, 0.9),
    Setting("loss", "loss", "training", "choice"),
    Setting("optimizer.name", "optimizer", "training", "choice"),
    Setting("optimizer.learning_rate", "learning rate", "training", suggestions=_RATES),
    Setting("optimizer.momentum", "momentum", "training", suggestions=("0", "0.5", "0.9", "0.99")),
    Setting("regularization.l2", "L2", "training", "slider", 1e-6, 1, scale="log"),
    Setting("regularization.l1", "L1", "training", "slider", 1e-6, 1, scale="log"),
    Setting("training.batch_size", "batch size", "training", suggestions=("1", "8", "32", "64", "128")),
    Setting("training.seed", "seed", "training"),
)
_BY_KEY = {setting.key: setting for setting in _SETTINGS}
KEYS = tuple(_BY_KEY)
# Settings whose changes let training go on: they leave the data and the shape of the network as they are.
_GOES_ON = re.compile(r"(optimizer|regularization)\..*|model\.dropout|training\.batch_size")


@dataclass(frozen=True)
class Control:
    """A setting as the page shows it: with its value, and ``choices`` as pairs of value and label."""

    setting: Setting
    help: str
    value: str
    choices: list[tuple[str, str]] | None
    effect: Effect

    def to_json(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        plain: dict[str, Any] = asdict(self)
        setting: dict[str, Any] = plain.pop("setting")
        return setting | plain


def list_controls(experiment: Experiment, own: dict[str, Any] | None, splits: Splits) -> list[dict[str, Any]]:
    """Return the settings of an experiment, with the choices that suit its data.

    ``own`` is the data section of the config's own file, or None for a toy set.
    """
    choices = {
        "data.name": _data_choices(own),
        "model.activation": _same(UNITS),
        "data.terms": _term_choices(experiment, splits),
        "loss": _same(_fitting_losses(experiment, splits)),
        "optimizer.name": _same(RULES),
    }
    controls = []
    for key, setting in _BY_KEY.items():
        section, name = _section_of(experiment, key)
        field, value = type(section).model_fields.get(name), shown_value(experiment, key)
        if field is not None and value is not None:
            effect: Effect = "goes on" if goes_on(key) else "restarts"
            control = Control(setting, field.description or "", value, choices.get(key), effect)
            controls.append(control.to_json())
    return controls


def _section_of(experiment: Experiment, key: str) -> tuple[Any, str]:
    """Return the section that a key is in, and its name there."""
    *sections, name = key.split(".")
    section: Any = experiment
    for part in sections:
        section = getattr(section, part)
    return section, name


def goes_on(key: str) -> bool:
    """Return whether training goes on after a change of a setting, or starts again from the seed."""
    return _GOES_ON.fullmatch(key) is not None


def shown_value(experiment: Experiment, key: str) -> str | None:
    """Return the value of a setting as text; None if the config has no such key."""
    if key == "regularization.l2":  # which may be left to follow from the optimizer
        return _shown(key, experiment.l2)
    section, name = _section_of(experiment, key)
    return _shown(key, getattr(section, name)) if name in type(section).model_fields else None


def differences(before: Experiment, after: Experiment) -> list[tuple[str, str, str]]:
    """Return label, old and new value of the settings that differ, of those after which training goes on."""
    found = []
    for key, setting in _BY_KEY.items():
        old, new = (shown_value(one, key) for one in (before, after))
        if goes_on(key) and old != new and old is not None and new is not None:
            found.append((setting.label, old, new))
    return found


def link_of(begun: Experiment, now: Experiment, own: dict[str, Any] | None) -> dict[str, str]:
    """Return the changes, in their order, that turn the settings of one experiment into those of another."""
    changes: dict[str, str] = {}
    for key in _BY_KEY:
        text = shown_value(now, key)
        if text is None or text == shown_value(begun, key):
            continue
        try:
            begun = change_setting(begun, own, key, text)
        except ConfigError:
            continue
        changes[key] = text
    return changes


def _same(names: Any) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


def _data_choices(own: dict[str, Any] | None) -> list[tuple[str, str]]:
    sections = {name: validate_experiment({"data": name}, Path()).data for name in TOY_SETS}
    fitting = [name for name, data in sections.items() if data.n_columns in (1, 2)]
    mine = [(OWN, validate_experiment({"data": own}, Path()).data.title)] if own is not None else []
    return [*mine, *_same(fitting)]


def scaled_names(experiment: Experiment, columns: Sequence[str]) -> list[str]:
    """Return what columns are called once they are scaled: x1 becomes z1, another one z(another)."""
    if experiment.data.scaling == "none":
        return list(columns)
    return [f"z{name[1:]}" if re.fullmatch(r"x\d+", name) else f"z({name})" for name in columns]


def _term_choices(experiment: Experiment, splits: Splits) -> list[tuple[str, str]]:
    """Return the terms that there are of these columns, each with the names of the inputs that it adds."""
    columns = scaled_names(experiment, [clip(name, _NAME) for name in splits.columns])
    titles = {term: ", ".join(name_terms(columns, [term])) for term in TERMS}
    return [(term, title) for term, title in titles.items() if title]


def _fitting_losses(experiment: Experiment, splits: Splits) -> list[str]:
    data = to_plain(experiment)["data"]
    task = "regression" if splits.classes is None else "classification"
    names = []
    for name in LOSSES:
        try:
            loss = validate_experiment({"data": data, "loss": name}, Path()).loss
        except ConfigError:
            continue
        if loss.task == task and (splits.targets == 2 or not loss.binary):
            names.append(name)
    return names


def _shown(key: str, value: Any) -> str:
    if key == "data.name":
        return value if value in TOY_SETS else OWN
    if key == "model.hidden":
        return ", ".join(str(layer.units) for layer in value)
    if key == "data.terms":
        return ", ".join(value)
    return _written(value) if isinstance(value, float) else str(getattr(value, "name", value))


def _written(value: float) -> str:
    """Return a number as people write it: 0.001 and 1e6, not 1000000.0."""
    number = Decimal(repr(value)).normalize()
    if -5 < number.adjusted() < 6:
        return format(number, "f")
    return format(number, "e").replace("e+", "e")


def change_setting(
    experiment: Experiment,
    own: dict[str, Any] | None,
    key: str,
    text: str,
    momentum: float | None = None,
) -> Experiment:
    """Return the experiment with a new value, given as typed text; raises ConfigError with the schema's text.

    If the loss does not suit new data, the default loss replaces it. A new optimizer keeps the learning rate,
    and if it has a momentum, ``momentum``, the last one that there was.
    """
    if key not in _BY_KEY:
        raise ConfigError(f"{key[:60]!r} is not a setting of this page")
    if len(text) > _MAX_LENGTH:
        raise ConfigError(f"{key}: {len(text):,} characters; at most {_MAX_LENGTH} are allowed here")
    plain = to_plain(experiment)
    if key == "data.name":
        return _change_data(plain, own, text)
    *sections, name = key.split(".")
    section = plain
    for part in sections:
        section = section[part]
    if key == "optimizer.name":  # the other keys belong to the previous optimizer
        kept = ("schedule", "clip_norm", "learning_rate")
        plain["optimizer"] = {"name": text, **{key: section[key] for key in kept}}
        with_momentum = {**plain, "optimizer": {**plain["optimizer"], "momentum": momentum}}
        if momentum is not None:
            with contextlib.suppress(ConfigError):  # it has no momentum, or one above 0
                return validate_experiment(with_momentum, Path())
    elif key == "model.hidden":
        section[name] = _sizes(section[name], text)
    elif key == "data.terms":
        section[name] = re.findall(r"[^\s,]+", text)
    elif key in ("model.activation", "loss"):
        section[name] = text
    else:
        section[name] = _scalar(key, text)
    try:
        return validate_experiment(plain, Path())
    except ConfigError:
        if key != "data.classes":
            raise
    return validate_experiment(_with_default_loss(plain), Path())


def _change_data(plain: dict[str, Any], own: dict[str, Any] | None, name: str) -> Experiment:
    before = plain["data"]
    if name == OWN and own is not None:
        plain["data"] = own
    else:
        shared = ("points", "train_size", "val_size", "test_size", "scaling", "terms")
        plain["data"] = {"name": name, **{key: before[key] for key in shared if key in before}}
    plain["model"] |= {"inputs": None, "outputs": None}
    if name != OWN:
        try:
            return validate_experiment(plain, Path())
        except ConfigError:
            pass
    return validate_experiment(_with_default_loss(plain), Path())


def _with_default_loss(plain: dict[str, Any]) -> dict[str, Any]:
    """Return a config without its loss, and without what is for that loss alone."""
    changed = {
        "model": plain["model"] | {"outputs": None, "clip_outputs": False},
        "training": plain["training"] | {"monitor": None},
    }
    return {key: value for key, value in plain.items() if key != "loss"} | changed


def _scalar(key: str, text: str) -> Any:
    try:
        return parse_scalar(text.strip())
    except YamlError as error:
        raise ConfigError(f"{key}: {error.message}") from None


def _sizes(before: list[Any], text: str) -> list[Any]:
    """Read "8, 4"; a layer that has settings of its own keeps them."""
    words = re.findall(r"[^\s,;\[\]]+", text)
    sizes = [_scalar("model.hidden", word) for word in words]
    olds = before[: len(sizes)] + [None] * (len(sizes) - len(before))
    return [
        {**old, "units": size} if isinstance(old, dict) and isinstance(size, int) else size
        for old, size in zip(olds, sizes, strict=True)
    ]
