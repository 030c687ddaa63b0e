"""Reads the config that a command names; if it is that of a run which was moved, finds its data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlpcli.cli.interrupt import tell

if TYPE_CHECKING:
    from mlpcli.config.schema import Experiment

__all__ = ["read_config"]


def read_config(config: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Return the experiment of a config with its ``--set`` options; raises ConfigError, CheckpointError."""
    from mlpcli.config.loader import load_experiment

    experiment = load_experiment(config, overrides)
    if config.name != "config.yaml" or not config.with_name("run.log").exists():
        return experiment
    from mlpcli.training.moved import found_from_config, what_moved  # which import NumPy

    found = found_from_config(config, experiment)
    if found is not experiment:
        tell(f"Note: {what_moved(experiment, found)}")
    return found
