"""The names of runs: runs/NAME, runs/NAME-2, ...; which of them is free, and which run was begun last."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

__all__ = [
    "FOLDS",
    "KINDS",
    "RUNS",
    "RUN_CONFIG",
    "RUN_LOG",
    "SEEDS",
    "SWEEP",
    "find_run",
    "new_names",
    "run_name",
]

RUN_CONFIG = "config.yaml"  # marks the directory of a run
FOLDS = "folds.json"  # marks that of a cross-validation
SEEDS = "seeds.json"  # marks that of the runs of several seeds
SWEEP = "sweep.yaml"  # marks that of a sweep
RUN_LOG = "run.log"
# By the files that mark them.
KINDS = {RUN_CONFIG: "run", FOLDS: "cross-validation", SEEDS: "run of several seeds", SWEEP: "sweep"}
RUNS = Path("runs")
_UNNAMED = "run"
_TIME = re.compile(rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[.,](\d{3})([+-]\d\d:\d\d)? ", re.ASCII)


def run_name(config: Path) -> str:
    """Return the name of a run: that of its config file or, for the config of a run, the name of that run.

    A name of dots alone, as that of ``..yaml``, would be another folder; such a run is called "run".
    """
    folder = config.absolute().parent
    name = config.name.rpartition(".")[0] or config.name  # not its stem, which Python 3.14 sees another way
    if config.name == RUN_CONFIG and (folder / RUN_LOG).exists():
        name = re.sub(r"(?<=.)-[0-9]+$", "", folder.name)
    return name if name.strip(".") else _UNNAMED


def new_names(name: str) -> Iterator[Path]:
    """Yield the paths that a new run may take, best first; whoever takes one checks that it is empty.

    The first one has the highest number so far. All others have higher ones, so a run that was removed
    leaves its number free only if it was the last.
    """
    highest = max(_numbered(name).values(), default=1)
    return (RUNS / (name if number == 1 else f"{name}-{number}") for number in itertools.count(highest))


def find_run(name: str, mark: str = RUN_CONFIG) -> Path | None:
    """Return that of runs/NAME, runs/NAME-2, ... which was begun last; None if there is none.

    ``mark`` is the file by which a run, or what else is looked for, is known.
    """
    runs = {path: number for path, number in _numbered(name).items() if (path / mark).is_file()}
    return max(runs, key=lambda path: (_begun(path, mark), runs[path]), default=None)


def _numbered(name: str) -> dict[Path, int]:
    """Return the paths of this name that there are, whatever they are, with their numbers."""
    numbered = re.compile(re.escape(name) + r"(?:-([2-9]|[1-9][0-9]+))?")
    try:
        found = {path: numbered.fullmatch(path.name) for path in RUNS.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {path: int(match[1] or 1) for path, match in found.items() if match}


def _begun(path: Path, mark: str) -> float:
    """Return when a run was begun, in seconds since 1970.

    The first line of its log says so, also in a copy; that of a cross-validation, or of several seeds, is the
    log of its first run. A run that was killed before it wrote a line is as old as the file ``mark``.
    """
    for log in (path / RUN_LOG, path / "fold-1" / RUN_LOG, *sorted(path.glob(f"seed-*/{RUN_LOG}"))[:1]):
        try:
            with log.open("rb") as stream:
                said = _TIME.match(stream.read(50))
        except OSError:
            continue
        if said is not None:
            day_and_time, milliseconds, zone = (part.decode() for part in said.groups(b""))
            try:
                return datetime.fromisoformat(f"{day_and_time}.{milliseconds}{zone}").timestamp()
            except (ValueError, OverflowError):  # 30 February
                continue
    return (path / mark).stat().st_mtime
