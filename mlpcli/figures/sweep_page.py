"""Renders the page of a sweep, one self-contained HTML file: what was best, what mattered, how far apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isclose
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mlpcli import __version__
from mlpcli.errors import MlpError, UsageError
from mlpcli.figures.boundary import draw_boundary
from mlpcli.figures.curves import draw_curves
from mlpcli.figures.report import GROWTH, Picture, page_environment
from mlpcli.figures.settings import best_quarter, draw_importances, draw_keys, draw_parallel
from mlpcli.figures.style import label
from mlpcli.figures.svg import colour_rules, take_apart
from mlpcli.sweep.compare import Comparison, is_better_higher, title_of
from mlpcli.sweep.groups import Group
from mlpcli.sweep.importance import SEED, key_importances
from mlpcli.sweep.ranking import rank_sweep, run_name
from mlpcli.sweep.record import SWEEP_CSV, SweepRecord, read_record
from mlpcli.sweep.wording import judge, says_nothing, score_cell, short_names, sum_up, unit_of, value_text
from mlpcli.text import count, printable, shell_path
from mlpcli.training.finished import FinishedRun

__all__ = ["render_sweep"]

_MOST_ROWS = 50  # of a table
_MOST_SETTINGS = 12  # on the contact sheet
_MOST_CURVES, _MOST_SEEDS = 4, 5
_LONGEST_CONFIG = 20_000  # characters


class _Picture(Picture):
    """A picture of a sweep."""

    @property
    def layout(self) -> str:
        """Whether it takes half of the page, or its width."""
        return "half" if self.kind == "key_importance" else "wide"


def render_sweep(directory: Path, data: Path | None = None) -> str:
    """Return the page on the sweep in a directory, from its sweep.csv and its runs as far as they are there.

    ``data`` is where the data of the runs are now. Everything from configs and tables is escaped. Raises
    DataError if sweep.csv cannot be read, RunError if fewer than two runs have finished, UsageError if they
    cannot be compared.
    """
    record = read_record(directory / SWEEP_CSV)
    found = rank_sweep(record)
    runs = _Runs(directory, record, data)
    importances, why_not = _importances(found)
    pictures, missing = _pictures(found, importances, runs)
    light, dark = colour_rules(
        "".join(piece.inner for one in pictures for piece in (*one.panels, *one.legend))
    )
    more = len(found.groups) - _MOST_ROWS
    page = (
        page_environment()
        .get_template("sweep.html")
        .render(
            name=directory.resolve().name,
            version=__version__,
            title=title_of(found.score),
            verdict=list(_verdict(found, record, importances, why_not)),
            notes=[*found.notes, *missing],
            pictures=pictures,
            growth=GROWTH,
            ranking=_ranking(found),
            more=f"{count(more, 'setting')} more in sweep.csv." if more > 0 else "",
            differences=_differences(found),
            about=list(sum_up(found)),
            ended=_ended(record),
            commands=_commands(found, directory, runs),
            config=_config(directory),
            light=light,
            dark=dark,
        )
    )
    return printable(page)


class _Runs:
    """The directories of the runs of a sweep, by the names of their results."""

    def __init__(self, directory: Path, record: SweepRecord, data: Path | None) -> None:
        self._places = {run_name(row): directory / row.directory for row in record.rows}
        self._data = data

    def place(self, name: str) -> Path:
        """Return the directory of a run."""
        return self._places[name]

    def open(self, names: Sequence[str]) -> list[FinishedRun]:
        """Return the runs with these names; raises an MlpError if one is not there."""
        return [FinishedRun.open(self._places[name], self._data) for name in names]


def _importances(found: Comparison) -> tuple[dict[str, float], str]:
    """Return the importances of the keys, or none and the reason."""
    try:
        return key_importances(found.results, found.score), ""
    except UsageError as error:
        return {}, str(error).partition("\n")[0].partition(";")[0]


def _verdict(
    found: Comparison, record: SweepRecord, importances: dict[str, float], why_not: str
) -> Iterator[tuple[str, str]]:
    """Yield questions with their answers."""
    best, title = found.groups[0], title_of(found.score)
    setting = _setting(best.values)
    if found.unranked and len(found.groups) == 1:
        setting = f"{_setting(_swept(record, best))}, the only setting with a finished run"
    seeds = count(len(best.results), found.repeated)
    if best.spread is not None:
        seeds = f"mean of {seeds}, with a spread of {score_cell(found.score, best.spread)}"
    equal = sum(isclose(group.mean, best.mean, rel_tol=1e-12) for group in found.groups[1:])
    tie = f" {count(equal, 'other setting')} came to the same mean." if equal else ""
    yield (
        "Which setting was best?",
        f"{setting}: {title} {score_cell(found.score, best.mean)} in the best epoch ({seeds}).{tie}",
    )
    if len(found.groups) > 1:
        yield "Is it better than the others?", _lead(found)
    group, single = found.best
    if group is not best:
        yield (
            "Which single run was best?",
            f"{single.name[:1].upper()}{single.name[1:]}, of setting {group.name}: {title} "
            f"{score_cell(found.score, single.score)}. The mean of that setting is worse than that of "
            f"setting {best.name}, the best one.",
        )
    if importances:
        names = dict(zip(importances, short_names(list(importances)), strict=True))
        shares = [
            f"{'the seed' if key == SEED else names[key]} {share:.0%}" for key, share in importances.items()
        ]
        yield "Which keys mattered?", f"To be among the best quarter of the runs: {', '.join(shares[:8])}."
    else:
        yield "Which keys mattered?", f"Not measured: {why_not}."
    ended = [row.status for row in record.rows]
    counted = [f"{ended.count(word):,} {word}" for word in ("finished", "pruned", "failed") if word in ended]
    yield "How many runs?", f"{', '.join(counted)}."


def _lead(found: Comparison) -> str:
    """Return in a sentence from how many of the others the best setting can be told apart."""
    of_best = [one for one in found.contrasts if one.a is found.groups[0]]
    if all(one.verdict == "one run" for one in of_best):
        return f"Nobody can say: there is one {found.repeated} of each. Train the best ones with more."
    larger = sum(one.verdict == "larger" for one in of_best)
    if not larger:
        return f"It cannot be told apart from {'the other' if len(of_best) == 1 else 'any of the others'}."
    return (
        f"Its lead is larger than the spread over {found.repeated}s against {larger:,} of "
        f"{len(of_best):,} others"
        + ("." if larger == len(of_best) else "; from the rest, it cannot be told apart.")
    )


def _swept(record: SweepRecord, group: Group) -> dict[str, Any]:
    """Return the values of a setting for all keys of which the sweep has tried several values."""
    names = [result.name for result in group.results.values()]
    own = next(row.values for row in record.rows if run_name(row) in names)
    return {
        key: value
        for key, value in own.items()
        if any(value_text(row.values[key]) != value_text(value) for row in record.rows)
    }


def _setting(values: Mapping[str, Any]) -> str:
    """Return the values of a setting, under short names."""
    names = short_names(list(values))
    shown = [
        f"{label(name)} {label(value_text(value), 40)}"
        for name, value in zip(names, values.values(), strict=True)
    ]
    return ", ".join(shown) or "the only one"


_CAPTIONS = {
    "key_importance": (
        "Importance",
        "Which keys mattered",
        "A key whose bar is no longer than that of the seed cannot be told from luck. A key may matter far "
        "from the best values and not near them.",
    ),
    "parallel": (
        "All settings",
        "Every setting on parallel axes",
        "A line is a setting, from its value of each key to its mean score at the right.",
    ),
    "keys": (
        "Keys",
        "The score against each key",
        "A point is a run. If there are other keys, they differ within each column of points, too: where the "
        "means hardly differ and the points do, other keys decide.",
    ),
    "boundary": (
        "Contact sheet",
        "What they predict",
        "A run of each of the best settings, all with the same seed, under their letters in the table below.",
    ),
    "curves": (
        "Curves",
        "How the best ones learned",
        "If a curve still improves at the end, its setting may need more epochs, and its rank may change.",
    ),
}


_WITH_QUARTER = (
    " Where the best quarter comes together, the best settings agree; where it spreads, the key matters "
    "little."
)
_WITHOUT_SEEDS = (
    "There is one seed of each setting, so there is no bar for luck: a short one may be nothing else. A key "
    "may matter far from the best values and not near them."
)


def _pictures(
    found: Comparison, importances: dict[str, float], runs: _Runs
) -> tuple[list[_Picture], list[str]]:
    """Return all pictures that can be drawn, and in words which runs are not there for theirs."""
    sheet = _one_of_each(found)
    draw: dict[str, Callable[[], Figure]] = {
        "parallel": lambda: draw_parallel(found),
        "keys": lambda: draw_keys(found),
        "key_importance": lambda: draw_importances(importances),
        "boundary": lambda: draw_boundary(runs.open([*sheet.values()]), [*sheet]),
        "curves": lambda: draw_curves(runs.open(_of_the_best(found))),
    }
    if not importances:
        del draw["key_importance"]
    pictures, missing = [], []
    for kind, (name, title, caption) in _CAPTIONS.items():
        if kind not in draw:
            continue
        try:
            figure = draw[kind]()
        except UsageError:  # it does not fit these runs
            continue
        except MlpError as error:
            missing.append(f"{title}: not drawn, as {error}")
            continue
        drawing = take_apart(figure, kind, tinted=kind == "boundary")
        says = drawing.title.replace("\n", ", ") if kind in ("parallel", "keys") else ""
        says = says[:1].upper() + says[1:]
        if kind == "key_importance" and SEED not in importances:
            caption = _WITHOUT_SEEDS
        if kind == "parallel" and best_quarter(len(found.groups)) > 1:
            caption += _WITH_QUARTER
        if kind == "boundary" and len(sheet) == 1:
            caption = f"A run of setting {next(iter(sheet))}."
        pictures.append(_Picture(kind, name, title, caption, says, drawing.panels, drawing.legend))
    return pictures, missing


def _one_of_each(found: Comparison) -> dict[str, str]:
    """Return a run of each of the best settings that have one with the same seed: its name, by the letter."""
    groups = found.groups[:_MOST_SETTINGS]
    repeats = [repeat for group in groups for repeat in group.results]
    shared = max(sorted(set(repeats)), key=repeats.count)
    return {group.name: group.results[shared].name for group in groups if shared in group.results}


def _of_the_best(found: Comparison) -> list[str]:
    """Return the names of the runs of the best settings."""
    groups = found.groups[:_MOST_CURVES]
    return [result.name for group in groups for result in list(group.results.values())[:_MOST_SEEDS]]


def _ranking(found: Comparison) -> list[list[str]]:
    """Return the table of settings; the first row is the header."""
    rows = [["", *short_names(found.keys), title_of(found.score), "spread", f"{found.repeated}s"]]
    for group in found.groups[:_MOST_ROWS]:
        values = [
            label(value_text(group.values[key]), 40) if key in group.values else "" for key in found.keys
        ]
        scores = [score_cell(found.score, value) for value in (group.mean, group.spread)]
        rows.append([group.name, *map(label, values), *scores, str(len(group.results))])
    return rows


def _differences(found: Comparison) -> list[list[str]]:
    """Return the table of differences, if any can be judged; the first row is the header."""
    if says_nothing(found):
        return []
    n = found.judged
    rows = [["", unit_of(found.score), "95 % interval", "by", "verdict"]]
    rows += [
        [
            f"{one.a.name}\N{NO-BREAK SPACE}\N{MINUS SIGN}\N{NO-BREAK SPACE}{one.b.name}",
            *judge(one, found.score, found.repeated, n),
        ]
        for one in found.contrasts[:_MOST_ROWS]
    ]
    return rows


def _ended(record: SweepRecord) -> list[list[str]]:
    """Return the table of runs that did not finish, the failed ones first; the first row is the header."""
    others = sorted((row for row in record.rows if row.status != "finished"), key=lambda row: row.status)
    rows = [["run", "status", *short_names(record.keys), "seed", "message"]]
    for row in others[:_MOST_ROWS]:
        values = [label(value_text(row.values[key]), 40) for key in record.keys]
        rows.append(
            [f"{row.run:,}", row.status, *values, f"{row.seed:,}", label(row.message.partition("\n")[0], 120)]
        )
    return rows


def _commands(found: Comparison, directory: Path, runs: _Runs) -> list[str]:
    """Return the commands that look at the best run, and compare settings."""
    pick = max if is_better_higher(found.score) else min
    best = runs.place(pick(found.groups[0].results.values(), key=lambda result: result.score).name)
    commands = [f"mlp eval {shell_path(best)}", f"mlp report {shell_path(best)}"] if best.is_dir() else []
    return [*commands, f"mlp compare {shell_path(directory)}"]


def _config(directory: Path) -> str:
    """Return the config of the sweep, if it is there and not too long."""
    try:
        text = (directory / "sweep.yaml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text if len(text) <= _LONGEST_CONFIG else ""
