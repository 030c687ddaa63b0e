"""What the parameters of an estimator say, as a config of mlp."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from mlpcli.config.loader import make_experiment
from mlpcli.config.schema import Experiment
from mlpcli.config.yaml12 import YamlError, read_yaml
from mlpcli.errors import ConfigError
from mlpcli.text import shortened
from mlpcli.training.checkpoints import Checkpoint

__all__ = ["experiment_of", "in_parameters"]

# The key of the config that each parameter sets.
_KEYS = {
    "recipe": "recipe",
    "hidden_layer_sizes": "model.hidden",
    "activation": "model.activation",
    "dropout": "model.dropout",
    "norm": "model.norm",
    "residual": "model.residual",
    "members": "model.members",
    "loss": "loss",
    "class_weight": "loss.class_weights",
    "solver": "optimizer.name",  # before its settings
    "learning_rate_init": "optimizer.learning_rate",
    "momentum": "optimizer.momentum",
    "schedule": "optimizer.schedule",
    "alpha": "regularization.l2",
    "batch_size": "training.batch_size",
    "max_iter": "training.epochs",
    "n_iter_no_change": "training.patience",
    "validation_fraction": "data.val_size",
}
# What scikit-learn calls otherwise.
_WORDS: dict[str, dict[str, str | None]] = {
    "activation": {"logistic": "sigmoid"},
    "loss": {"log_loss": "cross_entropy", "squared_error": "mse", "absolute_error": "mae"},
    "batch_size": {"auto": None},
}
_SEEDS = 2**31 - 1


def experiment_of(
    parameters: Mapping[str, Any], class_weights: Any, start: Checkpoint | None, *, partial: bool
) -> Experiment:
    """Return the experiment of an estimator's parameters; that of a ``partial`` fit is one epoch of all rows.

    ``class_weights`` are in the order of the classes. ``start`` is what the fit goes on from. Raises
    ConfigError, which calls keys by the parameters that set them.
    """
    for name in ("early_stopping", "nesterovs_momentum", "warm_start"):
        if not isinstance(parameters[name], (bool, np.bool_)):
            raise ConfigError(f"{name}: {shortened(str(parameters[name]))} is not True or False")
    said = {name: _translated(name, parameters.get(name)) for name in _KEYS}
    said |= {"class_weight": class_weights, "validation_fraction": None}
    said |= _momentum(parameters)
    if start is not None and said["recipe"] is None:
        said["recipe"] = start.experiment.recipe
    stops_early = parameters["early_stopping"] and not partial
    if not stops_early:
        said["n_iter_no_change"] = None
    more: dict[str, Any] = {}
    if partial:  # a schedule goes over all epochs, and nobody knows how many there will be
        said |= {"max_iter": 1, "schedule": "constant", "validation_fraction": 0}
        more["training.validation"] = "split"
    experiment = _make(parameters["config"], said, more, partial=partial)
    data, training = experiment.data, experiment.training
    if training.validation == "split":
        held_out = data.val_size
        if "val_size" not in data.model_fields_set:
            held_out = said["validation_fraction"] = parameters["validation_fraction"] if stops_early else 0
        if not held_out and training.monitor is None:
            more["training.monitor"] = "loss"
    if start is not None:
        more["training.seed"] = start.experiment.training.seed
    elif parameters["random_state"] is not None or "seed" not in training.model_fields_set:
        more["training.seed"] = int(check_random_state(parameters["random_state"]).randint(_SEEDS))
    return _make(parameters["config"], said, more, partial=partial)


def _translated(name: str, value: Any) -> Any:
    return _WORDS.get(name, {}).get(value, value) if isinstance(value, str) else value


def _momentum(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the momentum, which only some solvers have; ``sgd`` is the solver that scikit-learn calls so."""
    solver, momentum = parameters["solver"], parameters["momentum"]
    if solver == "sgd" and momentum:
        solver = "nesterov" if parameters["nesterovs_momentum"] else "momentum"
    return {"solver": solver, "momentum": momentum if solver in ("momentum", "nesterov") else None}


def _make(config: Any, said: Mapping[str, Any], more: Mapping[str, Any], *, partial: bool) -> Experiment:
    given = {name: value for name, value in said.items() if value is not None}
    changes: dict[str, Any] = {"optimizer": {}}
    for name, value in given.items():
        section, _, key = _KEYS[name].partition(".")
        if section == "optimizer":  # in one mapping: the settings of another optimizer in the config then go
            changes[section][key] = value
        else:
            changes[_KEYS[name]] = value
    try:
        # The recipe for tables fits bins and a linear model to all rows, and a partial fit has some of them:
        # there it is not the default.
        return make_experiment(
            {} if config is None else config, {**changes, **more}, arrays=True, is_frame=not partial
        )
    except ConfigError as error:
        raise ConfigError(in_parameters(str(error), given)) from None


def in_parameters(text: str, names: Collection[str] = _KEYS.keys()) -> str:
    """Return a text that calls keys of the config by the ``names`` of the parameters that set them.

    What is to be written in the section data goes into the parameter ``config``.
    """
    text = re.sub(r"`(data\.\w+: [^`]+)`", _in_config, text)
    for name in names:
        text = re.sub(rf"(?<![\w.]){re.escape(_KEYS[name])}(?!\w)", name, text)
    return text


def _in_config(found: re.Match[str]) -> str:
    """Return a key of the config with its value as the parameter ``config`` has it."""
    try:
        ((key, value),) = read_yaml(found[1]).data.items()
    except (YamlError, AttributeError, ValueError):
        return found[0]
    if isinstance(value, dict) and "..." in value:  # there are more columns than are named
        del value["..."]
    return f"`config={{'data': {{{key.removeprefix('data.')!r}: {value!r}}}}}`"
