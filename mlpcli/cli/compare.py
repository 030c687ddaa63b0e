"""``mlp compare``: shows what runs differ in, and whether that makes a difference."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.completing import complete_run
from mlpcli.cli.output import show, show_json, tell
from mlpcli.text import clip, columns, count

if TYPE_CHECKING:
    from mlpcli.sweep.compare import Comparison

__all__ = ["compare", "describe"]

_WIDTH = 80
_MOST_GROUPS = 20  # of the table
_VALUE = 24  # widest value of a key in the table
_MOST_TOLD = 5  # runs that do not count


@click.command()
@click.argument(
    "runs",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=complete_run,
)
@click.option(
    "--score",
    metavar="NAME",
    help="Compare by another score of the best epochs, as in --score val_loss. Default: the one that "
    "chose the best epochs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with every run and group.")
def compare(runs: tuple[Path, ...], score: str | None, as_json: bool) -> None:
    """Show which keys differ between runs, and whether their scores differ by more than seeds do.

    Runs that differ in nothing but seeds, or folds, are a group. Up to three groups are compared each with
    each, more of them with the best one: by the mean difference of runs with equal seeds, and its 95 %
    interval (Student's t, paired); where seeds differ, by the difference of the means (Welch's t). If there
    are several comparisons, all are judged together (Holm).

    A RUN is the directory of a run. A folder of runs, as of a cross-validation or a sweep, stands for all of
    them.
    """
    prepare_blas()
    from mlpcli.sweep.compare import compare_runs

    found = compare_runs(runs, score)
    for line in found.passed_over[:_MOST_TOLD]:
        tell(f"passed over: {line}")
    if len(found.passed_over) > _MOST_TOLD:
        tell(f"passed over: {len(found.passed_over) - _MOST_TOLD:,} more")
    if as_json:
        show_json(_report(found))
    else:
        show(describe(found, "--json"))


def describe(found: Comparison, place: str) -> str:
    """Return a comparison as text of 80 columns: the groups, their differences, and what to know of both.

    ``place`` has all groups, if they are too many for a table.
    """
    from mlpcli.sweep.wording import judge, says_nothing, sum_up, unit_of

    blocks = ["\n".join(map(_fill, _heading(found))), _table(found, place)]
    if found.contrasts and not says_nothing(found):
        n = found.judged
        rows = [["", unit_of(found.score), "95 % interval", "by", ""]]
        rows += [
            [f"{one.a.name} - {one.b.name}", *judge(one, found.score, found.repeated, n)]
            for one in found.contrasts[: _MOST_GROUPS - 1]
        ]
        blocks.append(_with_sentences(rows))
    notes = [*found.notes, *sum_up(found)]
    if found.repeated == "seed" and any(one.verdict == "one run" for one in found.contrasts):
        notes.append("mlp train and mlp sweep do so with --seeds 5.")
    if notes:
        blocks.append("\n".join(map(_fill, notes)))
    return "\n\n".join(blocks)


def _fill(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _heading(found: Comparison) -> list[str]:
    """Return what is compared: the score, the runs, and the keys in which they differ."""
    from mlpcli.sweep.compare import is_better_higher, title_of

    runs = sum(len(group.results) for group in found.groups)
    better = "higher" if is_better_higher(found.score) else "lower"
    first = f"{count(runs, 'run')} by {title_of(found.score)} at the best epoch; {better} is better."
    if len(found.groups) == 1:
        alike = f"They differ in nothing but their {found.repeated}s"
        if found.unranked:
            alike = f"They are of one setting; no run of the {_others(found.unranked)} finished"
        return [first, f"{alike}, so there is nothing to compare."]
    return [first, f"{count(len(found.groups), 'group')} that differ in {', '.join(found.keys)}."]


def _others(number: int) -> str:
    return "other one" if number == 1 else f"{number:,} others"


def _table(found: Comparison, place: str) -> str:
    """Return the groups, each with its values: beside it where there is room, else on lines of its own."""
    from mlpcli.sweep.wording import score_cell, short_names, value_text

    shown = found.groups[:_MOST_GROUPS]
    measure = found.score.partition("_")[2]
    tests = [name for name in found.beside if name.partition("_")[2] == measure and name != found.score]
    head = ["", f"{found.repeated}s", "mean", "spread", *(["test"] if tests else [])]
    rows = [
        [
            group.name,
            str(len(group.results)),
            score_cell(found.score, group.mean),
            score_cell(found.score, group.spread),
            *(score_cell(name, group.mean_beside(name)) for name in tests),
        ]
        for group in shown
    ]
    align = "<" + ">" * (len(head) - 1)
    beside = [
        [clip(value_text(group.values[key]), _VALUE) if key in group.values else "" for key in found.keys]
        for group in shown
    ]
    wide = columns(
        [[*head, *short_names(found.keys)], *(row + cells for row, cells in zip(rows, beside, strict=True))],
        align + "<" * len(found.keys),
    )
    more = len(found.groups) - len(shown)
    rest = f"\nand {count(more, 'group')} that are worse; {place} has them all" if more else ""
    if max(map(len, wide.splitlines())) <= _WIDTH:
        return wide + rest
    lines = columns([head, *rows], align).splitlines()
    for i, group in enumerate(shown):
        values = ", ".join(f"{key}={value_text(value)}" for key, value in group.values.items())
        lines[i + 1] += "\n" + textwrap.indent(_fill_narrow(values), "   ")
    return "\n".join(lines) + rest


def _fill_narrow(text: str) -> str:
    return textwrap.fill(clip(text, 1000), _WIDTH - 3, break_on_hyphens=False)


def _with_sentences(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of numbers with the sentence of each: at its end where there is room, else below it."""
    aligned = columns(rows, "<>>><")
    if max(map(len, aligned.splitlines())) <= _WIDTH:
        return aligned
    lines = columns([row[:-1] for row in rows], "<>>>").splitlines()
    return "\n".join(
        f"{line}\n   {row[-1]}" if row[-1] else line for line, row in zip(lines, rows, strict=True)
    )


def _report(found: Comparison) -> dict[str, Any]:
    """Return the comparison as JSON has it."""
    from mlpcli.sweep.compare import is_better_higher

    return {
        "score": found.score,
        "higher_is_better": is_better_higher(found.score),
        "keys": found.keys,
        "groups": [
            {
                "group": group.name,
                "n": len(group.results),
                "mean": group.mean,
                "spread": group.spread,
                "keys": group.values,
                "runs": [
                    {"run": result.name, **json.loads(repeat), "score": result.score}
                    for repeat, result in group.results.items()
                ],
            }
            for group in found.groups
        ],
        "differences": [
            {
                "a": one.a.name,
                "b": one.b.name,
                "difference": one.value,
                "low": None if one.interval is None else one.interval.low,
                "high": None if one.interval is None else one.interval.high,
                "p": None if one.interval is None else one.interval.p,
                "pairs": one.pairs,
                "verdict": one.verdict,
            }
            for one in found.contrasts
        ],
        "notes": found.notes,
        "passed_over": found.passed_over,
    }
