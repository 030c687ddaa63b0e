"""``mlp train``: trains a network from a config, shows its progress, and sums up the results."""

from __future__ import annotations

import os
import statistics
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.commands import quoted
from mlpcli.cli.completing import complete_config, complete_run
from mlpcli.cli.configs import RECORDS, is_checkpoint, read_config, refuse_run
from mlpcli.cli.count_params import describe_costs, describe_network
from mlpcli.cli.interrupt import Interrupt
from mlpcli.cli.options import set_option
from mlpcli.cli.output import mute, show, tell
from mlpcli.cli.progress import Teller, describe_place, follow
from mlpcli.errors import UsageError
from mlpcli.mpi.job import join_job
from mlpcli.text import clip, columns, count, install_command, percent, shell_path, some

if TYPE_CHECKING:
    from mlpcli.config.origins import Origins
    from mlpcli.config.schema import Experiment
    from mlpcli.mpi.job import Job
    from mlpcli.mpi.ranks import Ranks
    from mlpcli.training.directory import RunDirectory
    from mlpcli.training.run import Run

__all__ = ["train"]

_FOLDS, _SEEDS = RECORDS  # by which the directories of several runs are known


@click.command()
@click.argument("config", type=click.Path(path_type=Path), required=False, shell_complete=complete_config)
@set_option
@click.option(
    "--folds",
    metavar="N",
    type=click.IntRange(2, 1000),
    help="Cross-validate: cut the data into N folds and train a network for each, scored on that fold.",
)
@click.option(
    "--repeats",
    metavar="N",
    type=click.IntRange(1, 1000),
    help="With --folds: do it N times, with other folds and other seeds. Default: once.",
)
@click.option(
    "--seeds",
    metavar="N",
    type=click.IntRange(2, 1000),
    help="Train N networks, from training.seed on, and show the mean and the spread of their scores.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Directory for the run. Default: runs/NAME, runs/NAME-2, ... after the config's name.",
)
@click.option(
    "--resume",
    metavar="[RUN_DIR]",
    shell_complete=complete_run,
    is_flag=False,
    flag_value="",
    help="Resume a run that was stopped: the one in RUN_DIR, in --out, or the config's last one.",
)
@click.option(
    "--data",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="With --resume: where the run's data are now, if they have moved.",
)
@click.option("--force", is_flag=True, help="Replace the run that --out already holds.")
@click.option("--force-memory", is_flag=True, help="Start even if the memory does not seem to suffice.")
@click.option("--dry-run", is_flag=True, help="Print the complete config and the network's size, and stop.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, only the summary at the end.")
@click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Threads for the arithmetic. Default: one for each core, or what OMP_NUM_THREADS says.",
)
@click.option(
    "--engine",
    type=click.Choice(["numpy", "fast"]),
    help="What multiplies matrices: numpy, or fast, which needs mlpcli[fast]. Default: what MLP_ENGINE says, "
    "or fast where the processor gains from it.",
)
def train(
    config: Path | None,
    overrides: tuple[str, ...],
    folds: int | None,
    repeats: int | None,
    seeds: int | None,
    out: Path | None,
    resume: str | None,
    data: Path | None,
    force: bool,
    force_memory: bool,
    dry_run: bool,
    quiet: bool,
    threads: int | None,
    engine: str | None,
) -> None:
    """Train the network that CONFIG describes, and keep the run in a directory.

    The weights of the best epoch, by training.monitor (validation accuracy, or loss in a regression), are
    kept in best.npz, those of the last in last.npz, the scores of each epoch in metrics.jsonl. Ctrl-C ends
    after the batch at hand and saves; --resume goes on from there, to the very bytes that an unbroken run
    would have written.

    With --folds there is such a run for each fold, in fold-1 and so on. Beside them stand folds.json with the
    scores, out_of_fold.csv with a prediction for each row from a network that has not seen it, and folds.npz,
    a checkpoint that predicts the mean of all networks.

    With --seeds there is such a run for each seed, in seed-0 and so on, and seeds.json with their scores,
    their mean and their standard deviation. Each run has the bytes that it would have alone, but networks
    of one shape train together: many small ones in the time of a few.
    """
    job = join_job()
    prepare_blas(threads, engine, 1 if job is None else job.sharing)
    if job is not None and job.rank:
        _train_along(job, force_memory)
        return
    place = Path(resume) if resume else out
    cross_validates = folds is not None or (
        resume is not None and place is not None and (place / _FOLDS).is_file()
    )
    if repeats is not None and not cross_validates:
        raise UsageError("--repeats repeats a cross-validation; give --folds, too")
    if seeds is not None and cross_validates:
        raise UsageError(
            "give either --folds or --seeds; for other seeds of each fold: --folds with --repeats"
        )
    has_seeds = seeds is not None or (resume is not None and place is not None and (place / _SEEDS).is_file())
    if job is not None and (cross_validates or has_seeds):
        several = "a cross-validation" if cross_validates else "--seeds"
        raise UsageError(
            f"{several} trains several networks, and {job.size} processes share the training of one; "
            "start one process"
        )
    mark = _FOLDS if cross_validates else _SEEDS if has_seeds else "config.yaml"
    config, run_directory = _read_resume(config, out, resume, force, mark)
    experiment = _read_experiment(config, overrides, data, resume is not None)
    if dry_run:
        show(_plan(experiment, _read_origins(config, overrides), folds, repeats or 1, seeds))
        return

    from mlpcli.training.directory import FoldsDirectory, NotWrittenError, SeedsDirectory
    from mlpcli.training.names import run_name
    from mlpcli.training.start import start_run, take_directory, take_folder

    if force and out is None:
        raise UsageError("--force replaces the run in --out DIR; name that directory with --out")
    say, goes_on = Teller(quiet), resume is not None
    if cross_validates:
        from mlpcli.cli.folds import cross_validate

        def take() -> FoldsDirectory:
            return take_folder(FoldsDirectory, run_name(config), run_directory, resume=goes_on, force=force)

        cross_validate(experiment, folds, repeats, take, say, force_memory=force_memory)
        return
    if has_seeds:
        from mlpcli.cli.seeds import train_seeds

        def take_seeds() -> SeedsDirectory:
            return take_folder(SeedsDirectory, run_name(config), run_directory, resume=goes_on, force=force)

        train_seeds(experiment, seeds, take_seeds, say, force_memory=force_memory)
        return
    with Interrupt() as interrupt:
        directory = take_directory(run_name(config), run_directory, resume=goes_on, force=force)
        interrupt.last_words = lambda: _ended(directory)
        try:
            run = start_run(
                experiment, directory, force_memory=force_memory, processes=_processes(job, experiment)
            )
            interrupt.stop = run.stop
            _introduce(run, directory, say)
            rates = follow(run, say)
        except KeyboardInterrupt:  # before training began, or for the second time
            tell(interrupt.last_words())
            click.get_current_context().exit(interrupt.exit_code)
        except NotWrittenError as error:
            if error.topic is None and directory.saved:  # a run that is resumed, and has trained no batch
                error.topic, error.facts["run"] = "run not written", directory.path
            raise
        finally:
            directory.close(discard=True)
        if run.trainer.stopping:
            tell(_interrupted(run, directory))
            click.get_current_context().exit(interrupt.exit_code)
        show(_summary(run, directory, rates))


def _processes(job: Job | None, experiment: Experiment) -> Ranks | None:
    if job is None:
        return None
    from mlpcli.mpi.ranks import Ranks

    return Ranks(job, any_order=experiment.training.shard_sum == "any_order")


def _train_along(job: Job, force_memory: bool) -> None:
    """Train the run of process 0 along with it; that one reads the config, writes the files and prints."""
    from mlpcli.mpi.along import begin_along, train_along

    mute()
    with Interrupt() as interrupt:
        run = begin_along(job, force_memory=force_memory)
        if run is None:
            return
        interrupt.stop = run.stop
        train_along(run)
        if run.trainer.stopping:
            click.get_current_context().exit(interrupt.exit_code)


def _read_resume(
    config: Path | None, out: Path | None, resume: str | None, force: bool, mark: str
) -> tuple[Path, Path | None]:
    """Return the config to read, and the directory of the run to resume if one is named.

    Such a directory is known by the file ``mark``, which has the config.
    """
    if resume is not None and force:
        raise UsageError("--resume continues a run and --force replaces it; give one of them")
    if resume and out is not None:
        raise UsageError(f"--resume {resume} and --out {out} both name the run's directory; give one of them")
    if resume and config is None and Path(resume).is_file() and Path(resume).suffix in (".yaml", ".yml"):
        return Path(resume), None  # mlp train --resume CONFIG
    directory = Path(resume) if resume else out
    if directory is not None and resume and is_checkpoint(directory):
        directory = directory.parent
    if config is not None:
        return config, directory
    if resume is None or directory is None:
        goes_on = "" if resume is None else ", or the run to resume: mlp train --resume runs/spiral"
        raise UsageError(f"name a config, as in mlp train spiral{goes_on}")
    if not (directory / mark).is_file():
        from mlpcli.training.named import no_run

        raise no_run(directory, mark)
    return directory / mark, directory


def _read_experiment(
    config: Path, overrides: tuple[str, ...], data: Path | None, is_resumed: bool
) -> Experiment:
    """Return the experiment of a config; ``data`` is where those of a resumed run are now."""
    if data is not None and not is_resumed:
        raise UsageError(f"--data is for --resume; for a new run: --set {quoted(f'data.path={data}')}")
    if not is_resumed:
        refuse_run(config)
        return read_config(config, overrides)
    from mlpcli.config.loader import load_experiment

    experiment = (read_config if config.name in RECORDS else load_experiment)(config, overrides)
    if data is None:  # where they are is found with the help of last.npz
        return experiment
    from mlpcli.training.moved import redirected

    return redirected(experiment, data)


def _introduce(run: Run, directory: RunDirectory, say: Teller) -> None:
    """Show the data, the network, the directory and, for a resumed run, how far it had come."""
    say(run.describe_data())
    unseen = [
        name for name, n in zip(run.splits.classes or (), run.splits.class_counts or (), strict=True) if not n
    ]
    if unseen:
        say(
            f"No training example of {some([clip(name, 30) for name in unseen], 3)}: "
            "that cannot be learned; see mlp check."
        )
    say(run.describe_network())
    if run.processes is not None:
        say(run.describe_processes())
    resumed = bool(run.trainer.steps)
    say(f"-> {directory.path}{f', resumed {describe_place(run)}' if resumed else ''}")
    for note in run.notes:
        say.note(note)
    if run.trainer.progress.epoch >= run.experiment.training.epochs:
        done = count(run.trainer.progress.epoch, "epoch")
        say(f"{done} done; for more: --set training.epochs=...")


def _interrupted(run: Run, directory: RunDirectory) -> str:
    return f"\nInterrupted {describe_place(run)}; everything is saved.\n{_go_on(directory)}"


def _ended(directory: RunDirectory) -> str:
    if not directory.saved:
        return "\nInterrupted."
    return f"\nInterrupted; what was saved before is kept.\n{_go_on(directory)}"


def _go_on(directory: RunDirectory) -> str:
    return f"Resume with: mlp train --resume {shell_path(directory.path)}"


def _read_origins(config: Path, overrides: tuple[str, ...]) -> Origins | None:
    """Return where the keys of a config come from; None if it was kept, complete, and not written."""
    if config.name in RECORDS or is_checkpoint(config):
        return None
    from mlpcli.config.loader import read_origins

    return read_origins(config, overrides)


def _plan(
    experiment: Experiment, origins: Origins | None, folds: int | None, repeats: int, seeds: int | None
) -> str:
    """Return the resolved config and, as comments, the network's size; the whole is a config again."""
    from mlpcli.config.origins import write_with_origins
    from mlpcli.config.schema import flatten, to_plain
    from mlpcli.config.yaml12 import write_yaml
    from mlpcli.training.plan import plan_run

    plan = plan_run(experiment)
    network = describe_network(plan.widths, plan.experiment)
    lines = [*network.splitlines(), "", *describe_costs(plan.widths, plan.experiment, plan.data).splitlines()]
    if folds is not None:
        words = f"{folds} folds" + (f" x {repeats} repeats" if repeats > 1 else "")
        lines = [f"{words}: {folds * repeats:,} networks of this kind, side by side", "", *lines]
    if seeds is not None:
        lines = [f"{seeds:,} seeds: {seeds:,} networks of this kind, side by side", "", *lines]
    for note in (plan.start, plan.note):
        if note is not None:
            lines = [*textwrap.wrap(note, 80), "", *lines]
    plain = to_plain(plan.experiment)
    if origins is None:
        config = write_yaml(plain)
    else:
        before = flatten(to_plain(experiment))
        settled = {key for key, value in flatten(plain).items() if key not in before or before[key] != value}
        config = write_with_origins(plain, origins, settled, "--set")
    return config + "\n" + "\n".join(f"# {line}".rstrip() for line in lines)


def _summary(run: Run, directory: RunDirectory, rates: list[float]) -> str:
    from mlpcli.nn.measures import MEASURES
    from mlpcli.training.baselines import TITLES
    from mlpcli.training.evaluation import score_text

    scores = run.score_best()
    names = list(scores["train"])
    rows = []
    baselines = run.score_baselines()
    for part, values in scores.items():
        rows.append([part, *(score_text(name, values[name]) for name in names)])
        for baseline, row in baselines.get(part, {}).items():
            shown = ("" if name == "loss" else score_text(name, row[name]) for name in names)
            rows.append([f"  {TITLES[baseline]}", *shown])
    best = shell_path(directory.best)
    file = getattr(run.experiment.data, "path", None)
    file = file[0] if isinstance(file, list) else file
    facts = [
        ["time", f"{run.seconds:.1f} s" + (f", {statistics.median(rates):,.0f} examples/s" if rates else "")],
        ["files", f"{directory.path}: best.npz, last.npz, metrics.jsonl, config.yaml, run.log"],
        ["next", f"mlp eval {best}"],
    ]
    if file:
        facts.append(["", f"mlp predict {best} {shell_path(os.path.relpath(file))}"])
    facts.append(["", _pictures(directory)])
    if run.experiment.training.tensorboard:
        facts.append(["", f"tensorboard --logdir {shell_path(directory.path)}"])
    header = [
        f"epoch {run.trainer.progress.best_epoch}",
        *("loss" if name == "loss" else MEASURES[name].title for name in names),
    ]
    table = columns([header, *rows], "<" + ">" * len(names))
    if run.baselines.note is not None:
        table += f"\n{run.baselines.note}"
    if run.may_have_seen:
        table += (
            "\nThe network that it began with may have learned rows that are held out here: their"
            "\nscores may be too good."
        )
    return "\n\n".join([_verdict(run), table, _health(run), columns(facts, "<<")])


def _pictures(directory: RunDirectory) -> str:
    """Return the command that draws pictures of the run, or else the one that installs what it needs."""
    if find_spec("matplotlib") is None:
        return f"{install_command('mlpcli[plot]')}, for mlp plot and mlp report"
    return f"mlp plot {shell_path(directory.path)}"


def _health(run: Run) -> str:
    """Return a table of the layers in the last epoch, and advice if something is wrong."""
    from mlpcli.training.health import advise

    metrics = run.metrics[-1]
    advice = advise(metrics, has_linear_path=run.network.path is not None)
    shares = [key for key in ("dead", "saturated") if any(value is not None for value in metrics[key])]
    rows = [[f"layer, epoch {metrics['epoch']}", *shares, "gradient norm", "update ratio"]]
    for i, norm in enumerate(metrics["gradient_norms"]):
        of_hidden = [metrics[key][i] if i < len(metrics[key]) else None for key in shares]
        rows.append([str(i + 1), *map(percent, of_hidden), f"{norm:.3g}", _ratio(metrics["update_ratio"][i])])
    return "\n".join([columns(rows, "<" + ">" * (len(rows[0]) - 1)), *advice])


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def _verdict(run: Run) -> str:
    from mlpcli.nn.measures import MEASURES

    progress = run.trainer.progress
    part = "training" if run.trainer.val is None else "validation"
    monitor = run.experiment.monitor
    if monitor == "loss":
        by = f"lowest {part} loss"
    else:
        measure = MEASURES[monitor]
        by = f"{'highest' if measure.higher_is_better else 'lowest'} {part} {measure.title}"
    verdict = f"Best epoch: {progress.best_epoch} of {progress.epoch} ({by})."
    if progress.best_epoch == 0 and run.experiment.training.start_from is not None:
        verdict += "\nEpoch 0 is the network that the run began with. No epoch was better."
    elif progress.best_epoch == 0:
        verdict += (
            "\nEpoch 0 is the linear model that was fitted before training. No epoch was"
            "\nbetter, so on these data the network has added nothing to it."
        )
    if progress.epoch < run.experiment.training.epochs:
        verdict += f"\nStopped early: {progress.epochs_since_best} epochs without a better one."
    elif progress.best_epoch == progress.epoch:
        verdict += "\nThe last epoch was the best; more training.epochs may improve it."
    return verdict
