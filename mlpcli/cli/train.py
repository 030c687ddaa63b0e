"""``mlp train``: trains a network from a config, shows how it goes, and says how it went."""

from __future__ import annotations

import os
import shlex
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.count_params import describe_network
from mlpcli.cli.text import columns, number, percent

if TYPE_CHECKING:
    from mlpcli.config.schema import Experiment
    from mlpcli.training.directory import RunDirectory
    from mlpcli.training.run import Run

__all__ = ["train"]


@click.command(short_help="Train a network from a config.")
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a key of the config, as in --set optimizer.learning_rate=1e-2. Repeatable.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where to keep the run. Without it: runs/NAME, runs/NAME-2, ... after the config's name.",
)
@click.option("--force", is_flag=True, help="Replace the run that --out already holds.")
@click.option("--force-memory", is_flag=True, help="Start even where the memory does not seem to suffice.")
@click.option("--dry-run", is_flag=True, help="Print the complete config and the network's size, and stop.")
@click.option("--quiet", is_flag=True, help="No progress, only the summary at the end.")
@click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Threads for the arithmetic. Without it: one for each core, or what OMP_NUM_THREADS says.",
)
def train(
    config: Path,
    overrides: tuple[str, ...],
    out: Path | None,
    force: bool,
    force_memory: bool,
    dry_run: bool,
    quiet: bool,
    threads: int | None,
) -> None:
    """Train the network that CONFIG describes, and keep the run in a directory.

    The weights of the best epoch, by validation accuracy (or loss, in a regression), are kept in best.npz,
    those of the last in last.npz, the scores of each epoch in metrics.jsonl.
    """
    prepare_blas(threads)
    from mlpcli.config.loader import load_experiment

    experiment = load_experiment(config, overrides)
    if dry_run:
        click.echo(_plan(experiment))
        return

    from mlpcli.training.directory import RunDirectory, choose_directory
    from mlpcli.training.run import Run

    chosen = choose_directory(out, force)
    run = Run(experiment, force_memory=force_memory)
    directory = RunDirectory.create(config.stem, chosen, experiment)
    if not quiet:
        click.echo(run.describe_data(), err=True)
        click.echo(run.describe_network(), err=True)
        click.echo(f"-> {directory.path}", err=True)
    try:
        rates, metrics = _follow(run, directory, quiet)
    except KeyboardInterrupt:
        done = run.trainer.progress.epoch
        kept = f"what came before is kept in {directory.path}" if done else "nothing was trained yet"
        click.echo(f"\nInterrupted in epoch {done + 1}; {kept}.", err=True)
        click.get_current_context().exit(130)
    click.echo(_summary(run, directory, rates, metrics))


def _plan(experiment: Experiment) -> str:
    """Return the resolved config, then the network's size as comments: the whole is a config again."""
    from mlpcli.config.schema import to_plain
    from mlpcli.config.yaml12 import write_yaml

    widths, data = experiment.widths(), None
    if widths is None:  # only the data can tell
        from mlpcli.build import load_splits
        from mlpcli.training.memory import loaded_data

        splits = load_splits(experiment)
        widths, data = experiment.widths(len(splits.features), splits.targets), loaded_data(splits)
        assert widths is not None
    size = describe_network(widths, experiment, data)
    return (
        write_yaml(to_plain(experiment))
        + "\n"
        + "\n".join(f"# {line}".rstrip() for line in size.splitlines())
    )


def _follow(run: Run, directory: RunDirectory, quiet: bool) -> tuple[list[float], dict[str, Any]]:
    """Train to the end with a bar in a terminal, else a line an epoch.

    Return the examples per second of each epoch, and the metrics of the last.
    """
    from tqdm import tqdm

    from mlpcli.training.run import describe_epoch

    rates = []
    in_terminal = sys.stderr.isatty()
    bar = tqdm(
        run.epochs(directory),
        total=run.experiment.training.epochs,
        disable=quiet or not in_terminal,
        dynamic_ncols=True,
        bar_format="epoch {n_fmt}/{total_fmt} {bar} {elapsed}<{remaining}{postfix}",
    )
    for epoch in bar:
        rates.append(epoch.metrics["examples_per_second"])
        bar.set_postfix_str(_postfix(epoch.metrics), refresh=False)
        if not quiet and not in_terminal:
            click.echo(describe_epoch(epoch.metrics), err=True)
    if not quiet and in_terminal:
        click.echo(err=True)  # sets the summary off from the bar
    return rates, epoch.metrics


def _postfix(metrics: dict[str, Any]) -> str:
    words = [f"loss {metrics['train_loss']:.4f}"]
    if "val_accuracy" in metrics:
        words.append(f"val {metrics['val_accuracy']:.2%}")
    elif "val_r2" in metrics:
        words.append(f"val R2 {number(metrics['val_r2'])}")
    return ", ".join(words)


def _summary(run: Run, directory: RunDirectory, rates: list[float], metrics: dict[str, Any]) -> str:
    scores = run.score_best(directory)
    names = list(scores["train"])
    rows = [[part, *(_score(name, row[name]) for name in names)] for part, row in scores.items()]
    best = shlex.quote(str(directory.best))
    file = getattr(run.experiment.data, "path", None)
    then = f"predict {best} {shlex.quote(os.path.relpath(file))}" if file else f"count-params {best}"
    facts = [
        ["time", f"{run.seconds:.1f} s, {statistics.median(rates):,.0f} examples/s"],
        ["files", f"{directory.path}: best.npz, last.npz, metrics.jsonl, config.yaml, run.log"],
        ["next", f"mlp eval {best}"],
        ["", f"mlp {then}"],
    ]
    header = ["", *("R2" if name == "r2" else name for name in names)]
    table = columns([header, *rows], "<" + ">" * len(names))
    return "\n\n".join([_verdict(run), table, _health(metrics), columns(facts, "<<")])


def _health(metrics: dict[str, Any]) -> str:
    """Return a table of the layers in the last epoch, and advice where something is wrong."""
    from mlpcli.training.health import advise

    shares = [key for key in ("dead", "saturated") if any(value is not None for value in metrics[key])]
    rows = [["layer", *shares, "gradient norm", "update ratio"]]
    for i, norm in enumerate(metrics["gradient_norms"]):
        of_hidden = [metrics[key][i] if i < len(metrics[key]) else None for key in shares]
        rows.append([str(i + 1), *map(percent, of_hidden), f"{norm:.3g}", _ratio(metrics["update_ratio"][i])])
    return "\n".join([columns(rows, "<" + ">" * (len(rows[0]) - 1)), *advise(metrics)])


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def _verdict(run: Run) -> str:
    progress = run.trainer.progress
    part = "training" if run.splits.val is None else "validation"
    by = f"lowest {part} loss" if run.splits.classes is None else f"highest {part} accuracy"
    verdict = f"Best epoch: {progress.best_epoch} of {progress.epoch} ({by})."
    if progress.epoch < run.experiment.training.epochs:
        verdict += f"\nStopped early: {progress.stale} epochs without a better one."
    elif progress.best_epoch == progress.epoch:
        verdict += "\nThe last epoch was the best: with more training.epochs it may get better."
    return verdict


def _score(name: str, value: float | None) -> str:
    return percent(value) if name == "accuracy" else number(value)
