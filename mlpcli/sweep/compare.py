"""Compares runs: which keys they differ in, and whether their scores differ by more than seeds do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mlpcli.config.differences import in_force, is_repeated, relevant
from mlpcli.config.schema import Experiment, flatten, to_plain
from mlpcli.data.toy import TOY_SETS
from mlpcli.errors import RunError, UsageError, did_you_mean
from mlpcli.nn.measures import MEASURES
from mlpcli.sweep.groups import Contrast, Group, Result, contrast, group_results
from mlpcli.sweep.kept import TEST, Kept, kept_in
from mlpcli.sweep.record import SWEEP_CSV, read_record
from mlpcli.text import count, some
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.finished import find_runs, is_unfinished, own_experiment
from mlpcli.training.going_on import OF_SPLITS, OF_TRANSFORM
from mlpcli.training.named import no_run
from mlpcli.training.names import RUN_CONFIG
from mlpcli.training.resume import PLACES

__all__ = [
    "Comparison",
    "compare_runs",
    "is_better_higher",
    "means_other_things",
    "note_on_rows",
    "title_of",
]


@dataclass(frozen=True)
class Comparison:
    """Groups of runs, best first, by one ``score`` of their best epochs, and the differences between groups.

    ``keys`` are those in which the groups differ. ``notes`` say what else is to be known, and
    ``passed_over`` which runs do not count. ``unranked`` is how many settings of a sweep have no run that
    counts.
    """

    score: str
    keys: list[str]
    groups: list[Group]
    contrasts: list[Contrast]
    notes: list[str]
    passed_over: list[str]
    unranked: int = 0

    @property
    def results(self) -> list[Result]:
        """The results of all groups."""
        return [result for group in self.groups for result in group.results.values()]

    @property
    def best(self) -> tuple[Group, Result]:
        """The best single result, with its group; that need not be the one with the best mean."""
        pick = max if is_better_higher(self.score) else min
        return pick(
            ((group, result) for group in self.groups for result in group.results.values()),
            key=lambda one: one[1].score,
        )

    @property
    def judged(self) -> int:
        """How many of the differences are judged together."""
        return sum(one.is_judged for one in self.contrasts)

    @property
    def beside(self) -> list[str]:
        """The names of the test scores that have been kept of all runs."""
        names = [name for name in self.results[0].beside if name.startswith(TEST)]
        return [name for name in names if all(one.beside.get(name) is not None for one in self.results)]

    @property
    def repeated(self) -> str:
        """What runs of a group differ in: seed or fold."""
        return "fold" if "data.fold.number" in self.results[0].keys else "seed"


@dataclass(frozen=True)
class _Trained:
    """A run: its config, and the scores of its best epoch, and of a fold those on the rows left out."""

    path: Path
    experiment: Experiment
    scores: dict[str, float | None]
    best_epoch: int
    epochs: int  # that have been trained
    fingerprint: int | None
    predicts: tuple[Sequence[str], ...]  # the classes, or the names of the targets

    @classmethod
    def read(cls, path: Path, beside: Mapping[str, float | None]) -> _Trained:
        """Return the run in a directory, with scores ``beside`` its own.

        Raises CheckpointError, ConfigError and RunError.
        """
        checkpoint = load_checkpoint(path / "best.npz")
        return cls(
            path,
            own_experiment(path, checkpoint),
            {**checkpoint.scores, **beside},
            checkpoint.epoch,
            _count_epochs(path),
            checkpoint.fingerprint,
            (checkpoint.classes or (), checkpoint.target_names),
        )

    @cached_property
    def keys(self) -> dict[str, Any]:
        """Its keys but for the places of its data, which a checksum knows again; seeds as they were taken."""
        keys = relevant(flatten(to_plain(self.experiment)))
        seeds = {"data.split_seed": self.experiment.split_seed}
        if self.experiment.data.name in TOY_SETS:
            seeds["data.points_seed"] = self.experiment.points_seed
        return {key: value for key, value in keys.items() if not PLACES.fullmatch(key)} | seeds

    @property
    def files(self) -> list[str]:
        """The files and folders of its data."""
        flat = flatten(to_plain(self.experiment))
        return [str(value) for key, value in flat.items() if PLACES.fullmatch(key)]

    def section(self, name: str) -> dict[str, Any]:
        """Return its keys of a section."""
        return {key: value for key, value in self.keys.items() if key.partition(".")[0] == name}

    @property
    def monitored(self) -> str:
        """The score that has chosen the best epoch; without validation split that of the training split."""
        name = self.experiment.monitor
        return f"val_{name}" if f"val_{name}" in self.scores else f"train_{name}"

    @property
    def is_unfinished(self) -> bool:
        return is_unfinished(self.experiment, self.epochs, self.best_epoch)


def _count_epochs(path: Path) -> int:
    metrics = path / "metrics.jsonl"
    try:
        with metrics.open("rb") as stream:
            return sum(line.endswith(b"\n") for line in stream)
    except OSError as error:
        raise RunError(f"{metrics} cannot be read: {error.strerror}") from None


def compare_runs(paths: Sequence[Path], score: str | None = None) -> Comparison:
    """Compare the runs in ``paths``; a folder that is no run itself stands for those in it.

    The folder of a sweep stands for all runs in its table, also for those that another machine has trained.
    ``score`` is the score to compare by, as val_loss; None takes the one that chose the best epochs. Raises
    UsageError if there are no two runs, if they cannot be compared, or if they do not have that score;
    CheckpointError, ConfigError or DataError if one of them, or the table of a sweep, cannot be read.
    """
    found, absent = _find(paths)
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    runs, passed_over = _read(once.values(), paths)
    passed_over += absent
    if len(runs) < 2:
        what = [*passed_over, f"{len(runs)} left" if passed_over else "only one run is named"]
        others = _folders_in(paths)
        more = f"; name one of the folders that hold several: {some(others, 5)}" if others else ""
        raise UsageError(f"{'; '.join(what)}; a comparison needs two runs or more{more}")
    _require_same_data(runs)
    chosen = _choose_score(runs, score)
    defined = []
    for run in runs:
        if run.scores[chosen] is None:
            passed_over.append(f"{run.path}: {title_of(chosen)} is not defined in its best epoch")
        else:
            defined.append(run)
    results = [
        Result(str(run.path), run.keys | strengths, run.scores[chosen] or 0.0, run.scores)
        for run, strengths in zip(defined, in_force([run.experiment for run in defined]), strict=True)
    ]
    keys, groups, twice = group_results(results, higher_is_better=is_better_higher(chosen))
    passed_over += [f"{other.name} has the same keys and seeds as {one.name}" for one, other in twice]
    return Comparison(chosen, keys, groups, contrast(groups), list(_notes(defined, keys)), passed_over)


def _find(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Return the runs in ``paths``, and in words which runs of a sweep have finished and are not there."""
    found, absent = [], []
    for path in paths:
        runs, gone = find_runs([path]), []
        if (path / SWEEP_CSV).is_file():
            runs = [run for run in runs if run != path]  # there may be more than the table has so far
            for row in read_record(path / SWEEP_CSV).rows:
                if (path / row.directory / RUN_CONFIG).is_file():
                    runs.append(path / row.directory)
                elif row.status == "finished":
                    gone.append(f"run {row.run} of {path} is not there: {row.directory}")
        found += runs if runs or gone else [path]
        absent += gone
    return found, absent


def _folders_in(paths: Iterable[Path]) -> list[str]:
    """Return the folders in ``paths`` that are no runs, and hold several, as those of a sweep do."""
    around = [path for path in paths if path.is_dir() and not (path / RUN_CONFIG).is_file()]
    inner = [folder for path in around for folder in sorted(path.iterdir()) if folder.is_dir()]
    return [str(folder) for folder in inner if (folder / SWEEP_CSV).is_file() or len(find_runs([folder])) > 1]


def _read(paths: Iterable[Path], folders: Iterable[Path]) -> tuple[list[_Trained], list[str]]:
    """Return the runs, and in words which of them do not count: they failed, or have no finished epoch.

    What the ``folders`` keep of a run counts before what the folder around it keeps.
    """
    runs, passed_over = [], []
    around: dict[Path, dict[Path, Kept]] = {}  # what each folder keeps of its runs
    named = {place: kept for folder in folders for place, kept in kept_in(folder).items()}
    for path in paths:
        if path.is_file():
            raise UsageError(f"{path} is a file; name its run, {path.parent}")
        if not (path / RUN_CONFIG).is_file():
            if others := _folders_in([path]):
                raise UsageError(
                    f"{path} is not the directory of a run, and there is none in it; name one of the folders "
                    f"that hold several: {some(others, 5)}"
                )
            raise no_run(path, RUN_CONFIG)
        if not (path / "best.npz").exists():
            passed_over.append(f"{path} has no best.npz: no epoch has been finished")
            continue
        place = path.resolve()
        if place.parent not in around:
            around[place.parent] = kept_in(place.parent)
        kept = named.get(place) or around[place.parent].get(place, Kept())
        if kept.reason is not None:
            passed_over.append(f"{path} {kept.reason}")
        else:
            runs.append(_Trained.read(path, kept.scores))
    return runs, passed_over


def _require_same_data(runs: Sequence[_Trained]) -> None:
    """Raise UsageError if runs learned from other data, or to predict something else."""
    first = runs[0]
    for run in runs[1:]:
        data = first.experiment.data, run.experiment.data
        drawn = [section.name in TOY_SETS for section in data]
        if first.fingerprint == run.fingerprint and not any(drawn):
            continue
        files = [first.files, run.files]
        if data[0].name != data[1].name or files[0] != files[1]:
            titles = [section.title for section in data]
            what = titles if titles[0] != titles[1] else [", ".join(each) for each in files]
            raise UsageError(
                f"{first.path} learned from {what[0]}, and {run.path} from {what[1]}; scores on other data "
                "cannot be compared"
            )
        if all(drawn):
            continue
        if first.section("data") == run.section("data"):
            raise UsageError(
                f"{data[0].title} has changed between {first.path} and {run.path}; scores on other data "
                "cannot be compared: train one of them again"
            )
        if first.predicts != run.predicts:
            raise UsageError(f"{first.path} and {run.path} predict other targets; they cannot be compared")


def _choose_score(runs: Sequence[_Trained], asked: str | None) -> str:
    """Return the score to compare by; raises UsageError if runs lack it, or mean other things by it."""
    common = [name for name in runs[0].scores if all(name in run.scores for run in runs)]
    if asked is not None:
        chosen = asked if asked in common else f"val_{asked}"
        if chosen not in common:
            raise UsageError(
                f"{asked} is not a score that all these runs have kept; they have {', '.join(common)}"
                f"{did_you_mean(asked, common)}"
            )
    else:
        chosen = runs[0].monitored
        other = next((run for run in runs if run.monitored != chosen), None)
        if other is not None:
            raise _unlike(
                f"the best epoch of {runs[0].path} was chosen by {title_of(chosen)}, and that of "
                f"{other.path} by {title_of(other.monitored)}; name the score to compare by",
                common,
            )
    if chosen.endswith("_loss") and not chosen.endswith("_log_loss"):
        _require_same_loss(runs, [name for name in common if name != chosen])
    return chosen


def _require_same_loss(runs: Sequence[_Trained], others: list[str]) -> None:
    """Raise UsageError if the losses of runs are not the same function of the same targets."""

    def of_loss(run: _Trained) -> dict[str, Any]:
        return {key: value for key, value in run.keys.items() if means_other_things(key)}

    first = of_loss(runs[0])
    for run in runs[1:]:
        own = of_loss(run)
        if own != first:
            key = next(key for key in (*first, *own) if first.get(key) != own.get(key))
            raise _unlike(
                f"{key} differs between {runs[0].path} and {run.path}, so their losses measure other things; "
                "compare by another score",
                [name for name in others if name.rpartition("_")[2] != "loss"],
            )


def _unlike(message: str, scores: Sequence[str]) -> UsageError:
    """Return an error that one of the ``scores`` of the validation split would avoid, if there is one."""
    of_val = [name for name in scores if name.startswith("val_")]
    return UsageError(message, topic="score to compare", score=of_val[0]) if of_val else UsageError(message)


def _notes(runs: Sequence[_Trained], keys: Sequence[str]) -> Iterable[str]:
    """Yield what a reader has to know about the runs before their scores are compared."""
    unfinished = [run for run in runs if run.is_unfinished]
    if unfinished:
        of = unfinished[0]
        epochs = of.experiment.training.epochs
        yield (
            f"{count(len(unfinished), 'run')} not trained to the end, as {of.path} after {of.epochs:,} of "
            f"{count(epochs, 'epoch')}."
        )
    yield from note_on_rows(keys, drawn=runs[0].experiment.data.name in TOY_SETS)
    if any("data.fold.number" in run.keys for run in runs):
        yield "Folds share most of their training rows, so the true intervals are somewhat wider."
    if any(run.monitored.startswith("train_") for run in runs):
        yield "There is no validation split: these are scores of the rows that were learned."


def note_on_rows(keys: Sequence[str], *, drawn: bool) -> Iterable[str]:
    """Yield a sentence if keys decide which examples groups are scored on; ``drawn`` is for a toy set."""
    rows = [key for key in keys if _decides_rows(key, drawn=drawn)]
    if rows:
        verb = "differs" if len(rows) == 1 else "differ"
        yield (
            f"{some(rows, 5)} {verb}: the groups are scored on other examples, which may be easier or harder."
        )


def _decides_rows(key: str, *, drawn: bool) -> bool:
    """Return whether a key decides which examples a run is scored on."""
    section, _, rest = key.partition(".")
    name = rest.partition(".")[0]
    if key == "training.validation":
        return True
    if section != "data" or is_repeated(key):
        return False
    return name not in OF_TRANSFORM if drawn else name in OF_SPLITS


def means_other_things(key: str) -> bool:
    """Return whether another value of a key makes another function of the loss, or of the targets in it."""
    return key == "data.target_transform" or key.partition(".")[0] == "loss"


def is_better_higher(score: str) -> bool:
    """Return whether a higher value of a score, as val_accuracy, is better."""
    measure = MEASURES.get(score.partition("_")[2])
    return measure is not None and measure.higher_is_better


def title_of(score: str) -> str:
    """Return the name of a score, as val_roc_auc, as people write it: validation ROC AUC."""
    split, _, name = score.partition("_")
    splits = {"train": "training", "val": "validation"}
    return f"{splits.get(split, split)} {MEASURES[name].title if name in MEASURES else name}"
