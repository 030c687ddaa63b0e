"""Shows how a sweep goes on: a table that grows, and in a terminal the runs at hand and a bar."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from mlpcli.cli.progress import Teller
from mlpcli.text import clip, count, escaped

if TYPE_CHECKING:
    from mlpcli.sweep.machine import Event, SweepMachine
    from mlpcli.sweep.record import SweepRow

__all__ = ["Board", "describe_setting"]

_MOST_LINES = 8  # of runs at hand
_BAR = "{desc} {bar} {elapsed}<{remaining}"  # the format of tqdm
_REFRESH = 0.1  # seconds between two looks of the bar
_NAME = 6  # characters that are left of the name of a key where there is little room
_NARROWEST, _WIDEST = 60, 120  # columns
_LONGEST = 160  # characters of why a run has failed, which may be read from a file
_LOOKED_AT = 1000  # runs, whose settings say how wide the table is


class Board:
    """The table of a sweep on stderr: a line for each run that has ended, then those at hand, and a bar."""

    def __init__(self, machine: SweepMachine, say: Teller) -> None:
        from mlpcli.sweep.compare import title_of

        self._machine, self._say = machine, say
        self.shows_bar = sys.stderr is not None and sys.stderr.isatty() and not say.quiet
        self._number = max(3, len(str(machine.plan.runs)))  # columns of the number of a run
        self._title = title_of(machine.score).replace("validation", "val")
        columns = shutil.get_terminal_size().columns - 3 if self.shows_bar else self._width_in_a_pipe()
        self._width = min(max(columns, _NARROWEST), _WIDEST)
        self._running: dict[int, Callable[[int], str]] = {}  # the setting of each, by the room for it
        self._lines: dict[int, str] = {}  # those of the runs at hand
        self._parts: dict[int, float] = {}  # what is done of each of them
        self._ended, self._due = machine.ended, 0.0
        self._bars: list[Any] = []

    def _width_in_a_pipe(self) -> int:
        """Return 80 columns if all settings have room in them, otherwise a few more."""
        plan = self._machine.plan
        room = 80 - self._number - 2 - len(self._right("", "", ""))
        for run in range(1, min(plan.runs, _LOOKED_AT) + 1):
            values = plan.values(run)
            seed = plan.training_seed(run) if self._has_seeds else None
            if values is None or len(describe_setting(values, seed)) > room:
                return 100
        return 80

    @contextmanager
    def open(self) -> Iterator[None]:
        """Show the head of the table, and the bar while the block runs."""
        from tqdm import tqdm

        if self.shows_bar:
            lines = min(self._machine.at_once, _MOST_LINES)
            common: dict[str, Any] = {"file": sys.stderr, "leave": False, "ncols": self._width}
            self._bars = [tqdm(total=0, position=i, bar_format="{desc}", **common) for i in range(lines)]
            total = tqdm(
                total=self._machine.plan.runs,
                initial=self._ended,
                position=lines,
                bar_format=_BAR,
                **common,
            )
            self._bars.append(total)
            self._advance()
        self._print(self._line("run", lambda _: "setting", "best epoch", self._title, "time"))
        try:
            yield
        finally:
            for bar in reversed(self._bars):  # the first one leaves the cursor where a line begins
                bar.close()
            self._bars = []

    def show(self, event: Event) -> None:
        """Show what has happened."""
        from mlpcli.sweep.machine import Began, Finished, Waiting
        from mlpcli.sweep.messages import Progress

        if isinstance(event, Began):
            seed = event.seed if self._has_seeds else None
            self._running[event.run] = partial(describe_setting, event.values, seed)
            self._draw(event.run, "", None)
        elif isinstance(event, Progress):
            self._draw(event.run, f"{event.epoch:,} of {event.epochs:,}", event.score)
            self._parts[event.run] = event.epoch / event.epochs
            self._advance()
        elif isinstance(event, Finished):
            self._finish(event.row, event.ended)
        elif isinstance(event, Waiting):
            self._print(f"Nothing waits here; {count(event.left, 'run')} on other machines.")

    @property
    def _has_seeds(self) -> bool:
        return self._machine.plan.sweep.seeds > 1

    def _finish(self, row: SweepRow, ended: int) -> None:
        from mlpcli.sweep.wording import score_cell

        setting = self._running.pop(row.run)
        self._parts.pop(row.run, None)
        self._lines.pop(row.run, None)
        self._show_lines()
        score = next(iter(row.best.values()), None)
        epoch = "" if row.best_epoch is None else f"{row.best_epoch:,}"
        shown = "" if score is None else score_cell(self._machine.score, score)
        if row.status == "pruned":
            epoch = f"{epoch}, pruned"
        self._print(self._line(str(row.run), setting, epoch, shown, f"{row.seconds:.1f} s"))
        if row.status == "failed":
            first = row.message.partition("\n")[0]
            self._print(clip(f"     failed: {first}", self._width if self.shows_bar else _LONGEST))
        self._ended, self._due = ended, 0.0
        self._advance()

    def _advance(self) -> None:
        """Move the bar to where the runs are, those at hand with what is done of them."""
        if not self._bars or time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _REFRESH
        runs = self._machine.plan.runs
        self._bars[-1].n = min(runs, self._ended + sum(self._parts.values()))
        self._bars[-1].set_description_str(f"{self._ended:,} of {count(runs, 'run')}")

    def _draw(self, run: int, epoch: str, score: float | None) -> None:
        """Show how far a run at hand has come."""
        from mlpcli.sweep.wording import score_cell

        shown = "" if score is None else score_cell(self._machine.score, score)
        if self._bars:
            self._lines[run] = self._line(str(run), self._running[run], epoch, shown, "")
            self._show_lines()

    def _show_lines(self) -> None:
        """Show the runs at hand, as many as there is room for."""
        bars, lines = self._bars[:-1], list(self._lines.values())
        if len(lines) > len(bars) > 0:
            more = f"{'':{self._number}}  and {len(lines) - len(bars) + 1:,} more"
            lines = [*lines[: len(bars) - 1], more]
        lines += [""] * (len(bars) - len(lines))
        for bar, line in zip(bars, lines, strict=False):
            if bar.desc != line:
                bar.set_description_str(line)

    def _line(self, run: str, setting: Callable[[int], str], epoch: str, score: str, seconds: str) -> str:
        right = self._right(epoch, score, seconds)
        room = self._width - self._number - 2 - len(right)
        return f"{run:>{self._number}}  {setting(room):<{room}}{right}".rstrip()

    def _right(self, epoch: str, score: str, seconds: str) -> str:
        return f"  {epoch:>14}  {score:>{max(len(self._title), 8)}}  {seconds:>8}"

    def _print(self, text: str) -> None:
        """Print a line of the table above the bars."""
        from tqdm import tqdm

        if not self._bars:
            self._say(text)
            return
        with tqdm.external_write_mode(file=sys.stderr):
            self._say(text)


def describe_setting(values: dict[str, Any], seed: int | None, room: int | None = None) -> str:
    """Return the values of a run in a line: ``hidden=[3] l2=0.01 seed=1``.

    If it has more than ``room`` characters, long names are shortened, then keys are left out: a number stays
    whole, behind its own key.
    """
    from mlpcli.sweep.wording import short_names, value_text

    words = [
        (name, f"{value:.4g}" if isinstance(value, float) else value_text(value))
        for name, value in zip(short_names(list(values)), values.values(), strict=True)
    ]
    if seed is not None:
        words.append(("seed", str(seed)))
    line = _join(words)
    if room is None:
        return line
    for width in range(max([len(name) for name, _ in words], default=0) - 1, _NAME - 1, -1):
        if len(escaped(line)) > room:
            line = _join([(clip(name, width), value) for name, value in words])
    kept = [f"{clip(name, _NAME)}={value}" for name, value in words]
    while len(escaped(line)) > room and len(kept) > 2:
        del kept[-2]
        line = " ".join([*kept[:-1], "...", kept[-1]])
    if len(escaped(line)) > room:  # a list, or a text, is as long as that
        end = line.rfind(" ", 0, room - 3)
        line = line if end < 0 else f"{line[: end + 1]}..."
    return clip(line, room)


def _join(words: Sequence[tuple[str, str]]) -> str:
    return " ".join(f"{name}={value}" for name, value in words)
