"""Ranks the settings of a sweep by its table, sweep.csv."""

from __future__ import annotations

from collections.abc import Iterator

from mlpcli.config.differences import as_text
from mlpcli.errors import RunError, UsageError
from mlpcli.sweep.compare import Comparison, is_better_higher, means_other_things, note_on_rows
from mlpcli.sweep.groups import Result, contrast, group_results
from mlpcli.sweep.record import SweepRecord, SweepRow
from mlpcli.text import clip, count
from mlpcli.training.resume import PLACES

__all__ = ["finished_rows", "rank_sweep", "run_name", "why_not_ranked"]

_FEWEST = 2  # finished runs that can be ranked


def finished_rows(record: SweepRecord) -> list[SweepRow]:
    """Return the runs that have finished and have the score that chose their best epoch."""
    score = record.scores[0] if record.scores else ""
    return [row for row in record.rows if row.status == "finished" and row.best.get(score) is not None]


def run_name(row: SweepRow) -> str:
    """Return the name by which the result of a run is known."""
    return f"run {row.run}"


def why_not_ranked(record: SweepRecord) -> str | None:
    """Return in words that the runs learned from other data or predict other targets, if they do."""
    rows = [row for row in record.rows if row.status == "finished"]
    for key in record.keys:
        is_place = key == "data.name" or PLACES.fullmatch(key) is not None
        if (is_place or key == "data.target") and len({as_text({key: row.values[key]}) for row in rows}) > 1:
            what = "on other data" if is_place else "of other targets"
            return f"{key} differs between the runs of the sweep, and scores {what} cannot be compared"
    return None


def rank_sweep(record: SweepRecord) -> Comparison:
    """Return the settings of a sweep as groups of its finished runs, best first.

    Runs that were pruned or have failed count in no mean, and are told. Raises RunError if fewer than two
    runs have finished, and UsageError if they cannot be compared.
    """
    rows = finished_rows(record)
    if len(rows) < _FEWEST:
        raise RunError(
            f"{count(len(rows), 'run')} of the sweep finished with a score; two or more can be ranked"
        )
    if (why_not := why_not_ranked(record)) is not None:
        raise UsageError(f"{why_not}; sweep each by itself")
    score = record.scores[0]
    results = [
        Result(run_name(row), {**row.values, "training.seed": row.seed}, row.best[score] or 0.0, row.best)
        for row in rows
    ]
    keys, groups, twice = group_results(results, higher_is_better=is_better_higher(score))
    passed_over = [f"{other.name} has the same keys and seeds as {one.name}" for one, other in twice]
    ranked, planned = ({as_text(row.values) for row in some} for some in (rows, record.rows))
    return Comparison(
        score,
        keys,
        groups,
        contrast(groups),
        list(_notes(record, keys)),
        passed_over,
        unranked=len(planned - ranked),
    )


def _notes(record: SweepRecord, keys: list[str]) -> Iterator[str]:
    """Yield which runs do not count, and what else is to be known of the scores."""
    total = len(record.rows)
    failed = [row for row in record.rows if row.status == "failed"]
    if failed:
        first = clip(failed[0].message.partition("\n")[0], 120).rstrip(".")
        reason = f": {first}" if first else ""
        yield (
            f"{len(failed):,} of {count(total, 'run')} failed and count in no mean, as run "
            f"{failed[0].run:,}{reason}."
        )
    pruned = sum(row.status == "pruned" for row in record.rows)
    if pruned:
        yield f"{pruned:,} of {count(total, 'run')} lay behind and were ended early; they count in no mean."
    score = record.scores[0]
    unlike = [key for key in keys if means_other_things(key)]
    if unlike and score.rpartition("_")[2] == "loss":
        yield f"{unlike[0]} is swept, so the losses measure other things; monitor another score."
    yield from note_on_rows(keys, drawn=False)
