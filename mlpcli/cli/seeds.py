"""The part of ``mlp train`` that trains several seeds: what it says of them, and how their scores spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mlpcli.cli.progress import Teller
from mlpcli.cli.several import Words, table_of_runs, title, train_several
from mlpcli.errors import RunError
from mlpcli.text import columns, shell_path, some

if TYPE_CHECKING:
    from mlpcli.cohort.seeds import SeedRow, Seeds
    from mlpcli.config.schema import Experiment
    from mlpcli.training.directory import SeedsDirectory

__all__ = ["train_seeds"]

_MOST_SCORES = 4  # columns of the table


def train_seeds(
    experiment: Experiment,
    seeds: int | None,
    take: Callable[[], SeedsDirectory],
    say: Teller,
    *,
    force_memory: bool,
) -> None:
    """Train the networks of all seeds in the directory that ``take`` returns, and print what came of them."""
    from mlpcli.cohort.seeds import Seeds

    def make(directory: SeedsDirectory) -> Seeds:
        return Seeds(experiment, seeds, directory, force_memory=force_memory)

    record = train_several(take, make, Words("runs", _which, _describe, _summary), say).record
    failed = [row for row in record.rows if row.message is not None]
    if failed:
        raise RunError(_failures(failed, len(record.rows)))


def _which(trained: Seeds) -> str:
    first, last = (trained.plans[i].experiment.training.seed for i in (0, -1))
    return f"{len(trained.plans):,} runs, of the seeds {first} to {last}"


def _describe(trained: Seeds, row: SeedRow) -> str:  # noqa: ARG001
    """Say how a run has ended."""
    if row.message is not None:
        return f"seed {row.seed}: {row.message.partition(chr(10))[0]}"
    shown = [f"{split} {title(name)} {_shown(row, split, name)}" for split, name in _names([row])[:2]]
    return f"seed {row.seed}: best epoch {row.best_epoch} of {row.epochs}, {', '.join(shown)}"


def _names(rows: Sequence[SeedRow]) -> list[tuple[str, str]]:
    """Return the scores in the table, by split: of the test split, and of what has chosen the best epochs."""
    scores = next((row.scores for row in rows if row.message is None), {})
    held_out = [split for split in scores if split != "train"]
    splits = held_out or ["train"]
    return [(split, name) for split in splits for name in scores.get(split, {})][: 2 * _MOST_SCORES]


def _shown(row: SeedRow, split: str, name: str) -> str:
    from mlpcli.training.evaluation import score_text

    return score_text(name, row.scores[split][name])


def _summary(trained: Seeds, seconds: float) -> str:
    from mlpcli.training.evaluation import score_text

    record, directory = trained.record, trained.directory
    names = _names(record.rows)
    rows = []
    for row in record.rows:
        cells = ["failed", *("" for _ in names)]
        if row.message is None:
            cells = [str(row.best_epoch), *(_shown(row, split, name) for split, name in names)]
        rows.append([f"seed {row.seed}", *cells])
    below = []
    for label, values in (("mean", record.mean), ("standard deviation", record.std)):
        if values is not None:
            below.append([label, "", *(score_text(name, values[split][name]) for split, name in names)])
    titles = [f"{split} {title(name)}" for split, name in names]
    table = table_of_runs(titles, rows, below, "runs", directory.scores)
    facts = [
        ["time", f"{seconds:.1f} s"],
        ["files", f"{directory.path}: seeds.json, and the runs, from {record.rows[0].run} on"],
    ]
    sound = next((row.run for row in record.rows if row.message is None), None)
    if sound is not None:
        facts.append(["next", f"mlp eval {shell_path(directory.path / sound)}"])
    head = (
        f"{len(rows):,} networks of {trained.experiment.data.title}, which differ in training.seed alone:\n"
        f"{_what_differs(trained.experiment)}."
    )
    return "\n\n".join([head, table, columns(facts, "<<")])


def _what_differs(experiment: Experiment) -> str:
    """Return in words what depends on the seed."""
    from mlpcli.data.toy import TOY_SETS

    data = experiment.data
    what = ["weights", "order of the examples"]
    if getattr(data, "split_seed", None) is None and data.name != "cifar10":
        what.insert(0, "splits")
    if data.name in TOY_SETS and getattr(data, "points_seed", None) is None:
        what.insert(0, "points")
    return f"in {', '.join(what[:-1])} and {what[-1]}"


def _failures(failed: Sequence[SeedRow], n: int) -> str:
    seeds = some([str(row.seed) for row in failed], 5)
    which = f"seed {seeds}" if len(failed) == 1 else f"seeds {seeds}"
    return f"{len(failed):,} of {n:,} runs failed: {which}. The first of them:\n{failed[0].message}"
