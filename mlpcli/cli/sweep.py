"""``mlp sweep``: trains a config with other values of some of its keys, in several processes."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlpcli.blas import prepare_blas, thread_count
from mlpcli.cli.commands import command_line
from mlpcli.cli.completing import complete_change, complete_config, complete_run
from mlpcli.cli.configs import refuse_run
from mlpcli.cli.interrupt import Interrupt
from mlpcli.cli.options import set_option
from mlpcli.cli.output import show, tell
from mlpcli.cli.progress import Teller
from mlpcli.errors import RunError, UsageError
from mlpcli.mpi.job import SWITCH, launched
from mlpcli.text import clip, columns, count, install_command, shell_path

if TYPE_CHECKING:
    from mlpcli.config.sweeps import SweepConfig
    from mlpcli.sweep.compare import Comparison
    from mlpcli.sweep.directory import SweepDirectory
    from mlpcli.sweep.groups import Group
    from mlpcli.sweep.machine import SweepMachine
    from mlpcli.sweep.record import SweepRow

__all__ = ["sweep"]

_MOST_FAILED = 5  # runs that are listed


@click.command()
@click.argument("config", type=click.Path(path_type=Path), required=False, shell_complete=complete_config)
@set_option
@click.option(
    "--grid",
    metavar="KEY=[...]",
    multiple=True,
    shell_complete=complete_change,
    help="Values of a key, as in model.hidden='[[3], [20]]'. Each combination of several is trained.",
)
@click.option(
    "--sample",
    metavar="KEY=RANGE",
    multiple=True,
    shell_complete=complete_change,
    help="A range that values are drawn from: uniform(0, 0.5), log(1e-4, 1e-1), int(1, 9), log_int(16, 256).",
)
@click.option(
    "--seeds",
    metavar="N",
    type=click.IntRange(1, 1000),
    help="Runs of each setting, with training.seed as it is, one more, and so on.",
)
@click.option(
    "--trials",
    metavar="N",
    type=click.IntRange(1, 10_000),
    help="Settings to draw, with --sample or --sampler. Default: 20.",
)
@click.option(
    "--sampler",
    type=click.Choice(["grid", "random", "tpe"]),
    help="Where settings come from: all of a grid, at random, or from what the runs before have found. "
    "Default: grid, or random with --sample.",
)
@click.option("--prune", is_flag=True, help="End runs early that are not among the best third.")
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Processes that train, a run each. They share the cores. Default: one for each core.",
)
@click.option(
    "--storage",
    metavar="PATH|URL",
    help="Share the sweep with other machines: a file on a folder that all have, or a database. "
    "The same command on each adds its workers.",
)
@click.option("--name", metavar="NAME", help="The sweep's name in the storage. Default: the config's.")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Directory for the sweep. Default: runs/NAME, runs/NAME-2, ... after the config's name.",
)
@click.option(
    "--resume",
    metavar="[DIR]",
    shell_complete=complete_run,
    is_flag=False,
    flag_value="",
    help="Go on with a sweep that was stopped: the one in DIR, in --out, or the config's last one.",
)
@click.option("--force-memory", is_flag=True, help="Start even if the memory does not seem to suffice.")
@click.option("--dry-run", is_flag=True, help="Print the runs, and stop.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, only the summary at the end.")
def sweep(
    config: Path | None,
    overrides: tuple[str, ...],
    grid: tuple[str, ...],
    sample: tuple[str, ...],
    seeds: int | None,
    trials: int | None,
    sampler: str | None,
    prune: bool,
    workers: int | None,
    storage: str | None,
    name: str | None,
    out: Path | None,
    resume: str | None,
    force_memory: bool,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Train CONFIG with other values of its keys, and compare the runs.

    What is varied stands in the section sweep of the config, or in the options. Every value is checked before
    anything is trained. Each run is kept in a directory of its own, run-1 and so on, and has a row in
    sweep.csv. A run that fails does not stop the others. Ctrl-C saves the runs at hand; --resume goes on from
    there and repeats nothing that is finished.
    """
    from mlpcli.config.sweeps import SweepConfig, SweepOptions
    from mlpcli.training.names import SWEEP, run_name

    _refuse_job()
    if storage == "":
        raise UsageError("--storage is empty; name a file in a folder that all machines have, or a database")
    if name is not None and storage is None:
        raise UsageError(
            f"--name {shell_path(name)} is for a sweep in a --storage; for a directory of that name: --out"
        )
    prepare_blas()
    config, place = _read_resume(config, out, resume)
    if resume is None:
        refuse_run(config)
    own_name = name or run_name(config)
    options = SweepOptions(grid, sample, seeds, trials, sampler, prune)
    try:
        swept = SweepConfig(config, overrides, options)
    except UsageError as error:  # what is swept may have been said in options, which the directory keeps
        place = None if resume is None or error.topic != "nothing swept" else _find(own_name, place)
        if place is None:
            raise
        swept = SweepConfig(place / SWEEP, overrides, options)
    _require_optuna()
    if dry_run:
        show(_plan(swept))
        return

    from mlpcli.sweep.processes import Processes

    say = Teller(quiet)
    with Interrupt() as interrupt, Processes(min(workers or thread_count(), swept.runs)) as processes:
        from mlpcli.sweep.directory import take_sweep_directory  # while the processes load what they need
        from mlpcli.sweep.machine import SweepMachine

        directory = take_sweep_directory(own_name, place, resume=resume is not None)
        go_on = _go_on(directory, storage)
        interrupt.last_words = lambda: f"\nInterrupted; what was saved before is kept.\n{go_on}"
        try:
            machine = SweepMachine(swept, own_name, directory, processes, storage, force_memory=force_memory)
            interrupt.stop = machine.stop
            seconds = _follow(machine, say)
        except KeyboardInterrupt:  # before training began, or for the second time
            tell(interrupt.last_words())
            click.get_current_context().exit(interrupt.exit_code)
        finally:
            directory.close(discard=True)
        ended = machine.ended
        if ended < machine.plan.runs:
            done = f"after {ended:,} of {count(machine.plan.runs, 'run')}"
            tell(f"\nInterrupted {done}; everything is saved.\n{go_on}")
            click.get_current_context().exit(interrupt.exit_code)
        show(_summary(machine, seconds))
    failed = [row for row in machine.record().rows if row.status == "failed"]
    if failed:
        raise RunError(_failures(failed, machine.plan.runs, with_seed=machine.plan.sweep.seeds > 1))


def _refuse_job() -> None:
    """Raise UsageError if mpiexec has started this process beside others, which would all train the same."""
    job = launched()
    if job is not None:
        raise UsageError(
            f"a sweep trains many networks, and {job.size} processes were started to share the training of "
            "one; start one process: it starts its own workers.\nFor several machines, start one process on "
            f"each with --storage, and with {SWITCH}=0 in the environment if a launcher of MPI starts them."
        )


def _read_resume(config: Path | None, out: Path | None, resume: str | None) -> tuple[Path, Path | None]:
    """Return the config to read, and the directory of the sweep to resume if one is named."""
    from mlpcli.training.names import SWEEP

    if resume and out is not None:
        raise UsageError(
            f"--resume {resume} and --out {out} both name the sweep's directory; give one of them"
        )
    directory = Path(resume) if resume else out
    if config is not None:
        return config, directory
    if resume is None or directory is None:
        raise UsageError("name a config, as in mlp sweep spiral --seeds 5")
    if not (directory / SWEEP).is_file():
        from mlpcli.training.named import no_run

        raise no_run(directory, SWEEP)
    return directory / SWEEP, directory


def _find(name: str, given: Path | None) -> Path | None:
    """Return the directory of the sweep to resume, if there is one."""
    from mlpcli.training.names import SWEEP
    from mlpcli.training.resume import find_run_to_resume

    return find_run_to_resume(name, given, SWEEP)


def _require_optuna() -> None:
    if find_spec("optuna") is None:
        raise UsageError(f"mlp sweep needs Optuna: {install_command('mlpcli[sweep]')}")


def _follow(machine: SweepMachine, say: Teller) -> float:
    """Train, and show how it goes on; return the seconds that it has taken."""
    from mlpcli.cli.sweeping import Board

    begun = time.perf_counter()
    _introduce(machine, say)
    board = Board(machine, say)
    with board.open(), closing(machine.events()) as events:
        for event in events:
            board.show(event)
    if board.shows_bar:
        say("")  # sets the summary off from the table
    return time.perf_counter() - begun


def _introduce(machine: SweepMachine, say: Teller) -> None:
    sweep = machine.plan.sweep
    how = {"grid": "a grid", "random": "drawn at random", "tpe": "chosen by tpe"}[sweep.drawn]
    settings = count(sweep.settings, "setting")
    seeds = f" x {sweep.seeds:,} seeds" if sweep.seeds > 1 else ""
    say(
        f"{count(machine.plan.runs, 'run')}: {settings} ({how}){seeds}, "
        f"{count(machine.processes.workers, 'worker')} with {count(machine.processes.threads, 'thread')} each"
    )
    done = f", resumed after {machine.ended:,} runs" if machine.ended else ""
    say(f"-> {machine.directory.path}{done}\n")


def _go_on(directory: SweepDirectory, storage: str | None) -> str:
    more = [] if storage is None else ["--storage", storage]
    return f"Resume with: {command_line('sweep', '--resume', directory.path, *more)}"


def _plan(swept: SweepConfig) -> str:
    """Return the runs of a sweep as a table."""
    from mlpcli.cli.sweeping import describe_setting
    from mlpcli.sweep.plan import SweepPlan

    plan = SweepPlan(swept)
    rows = [["run", "seed", "setting"]]
    for run in range(1, plan.runs + 1):
        values = plan.values(run)
        setting = "chosen by tpe" if values is None else describe_setting(values, None)
        rows.append([str(run), str(plan.training_seed(run)), setting])
    return columns(rows, ">><")


def _summary(machine: SweepMachine, seconds: float) -> str:
    from mlpcli.cli.compare import describe
    from mlpcli.cli.sweeping import describe_setting
    from mlpcli.sweep.compare import is_better_higher, title_of
    from mlpcli.sweep.ranking import finished_rows, rank_sweep, why_not_ranked
    from mlpcli.sweep.record import SWEEP_CSV
    from mlpcli.sweep.wording import score_cell

    record = machine.record()
    scored = [
        row for row in record.rows if row.status != "failed" and row.best.get(record.scores[0]) is not None
    ]
    if not scored:
        first = record.rows[0].message
        raise RunError(f"all {count(len(record.rows), 'run')} failed; the first:\n{first}")
    best = (max if is_better_higher(machine.score) else min)(
        scored, key=lambda row: row.best[record.scores[0]] or 0.0
    )
    score = score_cell(machine.score, best.best[record.scores[0]])
    seed = best.seed if machine.plan.sweep.seeds > 1 else None
    said = (
        f"Best run: {best.run} of {machine.plan.runs} ({title_of(machine.score)} {score}), "
        f"with {describe_setting(best.values, seed) or f'seed={best.seed}'}."
    )
    why_not = why_not_ranked(record)
    if why_not is not None:
        best, said = scored[0], f"{why_not}; so there is no best run."
    found = rank_sweep(record) if why_not is None and len(finished_rows(record)) > 1 else None
    if found is not None:
        said += _other_than_a(found, best)
    lines = [textwrap.fill(said, 80, break_long_words=False, break_on_hyphens=False)]
    ranking = [] if found is None else [describe(found, SWEEP_CSV), *_what_mattered(found)]
    pruned = sum(row.status == "pruned" for row in record.rows)
    if pruned and not ranking:
        lines.append(f"{count(pruned, 'run')} ended early.")
    path = machine.directory.path
    place = Path(os.path.normpath(path / best.directory))
    facts = [
        ["time", f"{seconds:.1f} s"],
        ["files", f"{path}: sweep.csv, sweep.yaml, and the runs"],
        ["next", f"mlp report {shell_path(path if ranking else place)}"],
        ["", f"mlp eval {shell_path(place)}"],
    ]
    return "\n\n".join(["\n".join(lines), *ranking, columns(facts, "<<")])


def _failures(failed: Sequence[SweepRow], runs: int, *, with_seed: bool) -> str:
    """Return which runs have failed, with their settings, and why."""
    from mlpcli.cli.sweeping import describe_setting

    lines = [f"{len(failed):,} of {count(runs, 'run')} failed; the column message of sweep.csv says why:"]
    for row in failed[:_MOST_FAILED]:
        setting = describe_setting(row.values, row.seed if with_seed else None) or f"seed={row.seed}"
        lines.append(clip(f"  run {row.run}, {setting}: {row.message.partition(chr(10))[0]}", 160))
    return "\n".join([*lines, *(["  ..."] if len(failed) > _MOST_FAILED else [])])


def _other_than_a(found: Comparison, best: SweepRow) -> str:
    """Return in a sentence that the best run is not of setting A, the one with the best mean, if so."""
    from mlpcli.sweep.ranking import run_name

    first = found.groups[0].name
    group = next((one.name for one in found.groups if run_name(best) in _names(one)), None)
    if group == first:
        return ""
    whose = "It was ended early and counts in no mean" if group is None else f"It is of setting {group}"
    return f" {whose}; the best mean is that of setting {first}."


def _names(group: Group) -> list[str]:
    return [result.name for result in group.results.values()]


def _what_mattered(found: Comparison) -> list[str]:
    """Return in a sentence how much each key decides; nothing where that cannot be measured."""
    from mlpcli.sweep.importance import LEAST_RUNS, key_importances
    from mlpcli.sweep.wording import short_names

    results = [result for group in found.groups for result in group.results.values()]
    if len(results) < LEAST_RUNS:
        return []
    try:
        shares = key_importances(results, found.score)
    except UsageError:  # a single key
        return []
    words = [
        f"{name} {share:.0%}" for name, share in zip(short_names([*shares]), shares.values(), strict=True)
    ]
    return [textwrap.fill(f"What decides whether a run is among the best quarter: {', '.join(words)}.", 80)]
