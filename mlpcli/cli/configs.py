"""Reads the config that a command names: that of a file, of a run, or of a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlpcli.cli.commands import command_line
from mlpcli.cli.output import tell
from mlpcli.errors import UsageError

if TYPE_CHECKING:
    from mlpcli.config.schema import Experiment

__all__ = ["RECORDS", "is_checkpoint", "read_config", "refuse_run"]

RECORDS = ("folds.json", "seeds.json")  # that have the config of several runs


def read_config(config: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Return the experiment of a config with its ``--set`` options; raises ConfigError, CheckpointError.

    ``config`` may also be the directory of a run or of several runs, or a checkpoint. If it is the
    config of a run that was moved, its data are found.
    """
    from mlpcli.config.loader import load_experiment, parse_experiment

    if (config / "config.yaml").is_file():
        config /= "config.yaml"
    else:
        config = next((config / name for name in RECORDS if (config / name).is_file()), config)
    if config.name in RECORDS or is_checkpoint(config):
        return parse_experiment(_kept_config(config), str(config), config.parent, overrides)
    experiment = load_experiment(config, overrides)
    if config.name != "config.yaml" or not config.with_name("run.log").exists():
        return experiment
    from mlpcli.training.moved import found_from_config, what_moved  # which import NumPy

    found = found_from_config(config, experiment)
    if found is not experiment:
        tell(f"Note: {what_moved(experiment, found)}")
    return found


def _kept_config(file: Path) -> str:
    """Return the config in folds.json or seeds.json, or in a checkpoint, as YAML."""
    from mlpcli.config.schema import to_plain
    from mlpcli.config.yaml12 import write_yaml

    if file.name == "folds.json":
        from mlpcli.training.validated import read_record

        return write_yaml(read_record(file).config)
    if file.name == "seeds.json":
        from mlpcli.cohort.seeds import read_seeds

        return write_yaml(read_seeds(file).config)
    from mlpcli.training.checkpoints import read_plan

    return write_yaml(to_plain(read_plan(file)[0]))


def is_checkpoint(path: Path) -> bool:
    """Return whether a file is an archive with the ``meta`` of a checkpoint; nothing else is looked at."""
    import zipfile

    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                return False
        with zipfile.ZipFile(path) as archive:
            return "meta.npy" in archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):  # who opens the file has the better message
        return False


def refuse_run(config: Path) -> None:
    """Raise UsageError if what is to be trained is a run, or a checkpoint of one.

    It may be meant to go on, or to begin anew.
    """
    from mlpcli.training.named import is_run

    run = config if config.is_dir() else config.parent
    if not is_run(run) or not (config.is_dir() or is_checkpoint(config)):
        return
    found = (run / "config.yaml", run / "fold-1/config.yaml", *sorted(run.glob("seed-*/config.yaml")))
    anew = next((config for config in found if config.is_file()), found[0])
    raise UsageError(
        f"{config} is {'a run' if config.is_dir() else 'a checkpoint'}, and a config is needed here.\n"
        f"To go on with the run: {command_line('train', '--resume', run)}\n"
        f"To train its config anew: {command_line('train', anew)}"
    )
