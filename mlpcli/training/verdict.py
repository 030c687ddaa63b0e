"""Says in sentences what the numbers of a run show: how good it is, and what would make it better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mlpcli.nn.measures import MEASURES
from mlpcli.text import count, rounded
from mlpcli.training.finished import FinishedRun, Row

__all__ = ["Finding", "judge"]

# A difference of two shares is clear if it is above this many of its standard errors.
_CLEAR = 2.0
_RISE, _FALL = 1.1, 0.01  # of the validation loss: over its lowest value, and in the last tenth of the epochs
_WIDE = 1.25  # the error on held-out examples over that on training examples, of a regression
_NEAR = 1.1  # errors of two models within this factor are about the same
_FEW_EPOCHS = 10  # with fewer, nothing is said of the course of the loss
_MOST_NAMED = 3  # classes that are named
_LAST_FEW = 20  # the best epoch is among the last of so many parts, if more training would help
_POOR = 0.9  # a score on the training examples themselves that is below this is low
_HOW_FAR = {  # a score on a split tells what to expect of new examples
    "test": "These examples were used neither to train nor to choose the epoch.",
    "val": "They chose the best epoch, so new examples may do a little worse.",
    "train": "No examples are held out, so this does not tell how it does on new ones.",
}
_SEEN = (
    "But it began with another network, which may have learned some of these examples: the rows were divided "
    "in another way then. So the score may be too good."
)
_WORDS = {"train": "training", "val": "validation", "test": "test"}

Reports = Mapping[str, Mapping[str, Any]]


class Finding(NamedTuple):
    """A question about a run, and what its numbers say, in one sentence or a few."""

    question: str
    answer: str


def judge(run: FinishedRun, reports: Reports, baselines: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """Return what there is to say of a run, the most important first.

    ``reports`` holds `full_report` of each split, ``baselines`` the scores of each baseline on the split that
    is held out. A difference that may be chance is called that.
    """
    part = run.held_out
    report, trained = reports[part], reports["train"]
    is_class = run.checkpoint.classes is not None
    has_seen = run.checkpoint.may_have_seen and part != "train"
    score = _classified(part, report) if is_class else _fitted(part, report)
    found = [Finding("How good is it?", f"{score} {_SEEN if has_seen else _HOW_FAR[part]}")]
    compare = _compare_shares if is_class else _compare_errors
    compared = compare(report, baselines)
    if has_seen and compared:
        compared = "Not known: simple models have not seen these examples, and the network may have."
    found.append(Finding("Does it beat simple models?", compared))
    start = run.checkpoint.scores.get("val_loss") if run.checkpoint.epoch == 0 else None
    over = None if part == "train" else _overfit(run.rows, start)
    gap = "" if part == "train" else (_gap_of_shares if is_class else _gap_of_errors)(part, trained, report)
    overfitting = _overfitting(run, part, over, gap)
    if has_seen and over is None and not gap:
        overfitting = "Not known: the network may have seen the examples that would show it."
    found.append(Finding("Does it over-fit?", overfitting))
    under = "" if gap else _underfitting(trained, is_class=is_class, is_overfit=over is not None)
    if under:
        found.append(Finding("Does it under-fit?", under))
    found.append(Finding("Would more training help?", _more_training(run, is_overfit=over is not None)))
    if is_class:
        found.append(Finding("Where is it wrong?", _hardest(part, report)))
    return [finding for finding in found if finding.answer]


def _classified(part: str, report: Mapping[str, Any]) -> str:
    n, right = report["n"], round(report["accuracy"] * report["n"])
    examples = count(n, f"{_WORDS[part]} example")
    text = f"It classifies {right:,} of {examples} correctly: {right / n:.1%}."
    if "weighted" in report:
        text = f"Of {examples} it classifies {report['accuracy']:.1%} correctly, by their weights."
    return text


def _fitted(part: str, report: Mapping[str, Any]) -> str:
    n = count(report["n"], f"{_WORDS[part]} example")
    text = f"Its typical error (RMSE) on {n} is {rounded(report['rmse'])}"
    explained = f"; it explains {report['r2']:.1%} of their variance (R2)" if report["r2"] is not None else ""
    return f"{text}{explained}."


def _is_clear(one: float, other: float, n: int, m: int) -> bool:
    """Return whether two shares, of ``n`` and of ``m`` examples, differ by more than chance explains.

    The shares are moved a little toward a half (Agresti & Coull, 1998), so that 100 % of few is not certain.
    """
    p, q = (one * n + 2) / (n + 4), (other * m + 2) / (m + 4)
    return abs(p - q) > _CLEAR * sqrt(p * (1 - p) / n + q * (1 - q) / m)


def _compare_shares(report: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]) -> str:
    n, own = report["n"], report["accuracy"]
    names = {"linear": "a linear model", "most_frequent": "always guessing the most frequent class"}
    sides: dict[str, list[str]] = {}
    for name, title in names.items():
        if name in baselines:
            share = baselines[name]["accuracy"]
            side = "equal" if own == share else "better" if own > share else "worse"
            if _is_clear(own, share, n, n):
                side = f"clearly {side}"
            sides.setdefault(side, []).append(f"{title} ({share:.1%})")
    sentences = []
    for side in ("clearly better", "equal", "better", "worse", "clearly worse"):
        if side in sides:
            others = (" or " if side in ("better", "worse") else " and ").join(sides[side])
            if side == "equal":
                sentences.append(f"It is right as often as {others}.")
            elif side.startswith("clearly"):
                sentences.append(f"It is {side} than {others}.")
            else:
                chance = f"with {count(n, 'example')}, the difference may be chance"
                sentences.append(f"It is not clearly {side} than {others}: {chance}.")
    return " ".join(sentences)


def _compare_errors(report: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]) -> str:
    own, sentences = report["rmse"], []
    for name, title in {"linear": "a linear model", "mean": "always predicting the mean"}.items():
        if name not in baselines or not own:
            continue
        error = baselines[name]["rmse"]
        ratio = error / own
        if ratio > _NEAR:
            sentences.append(f"The error of {title}, {rounded(error)}, is {ratio:.2g} times as large.")
        elif ratio > 1 / _NEAR:
            sentences.append(f"The error of {title}, {rounded(error)}, is about the same.")
        else:
            sentences.append(f"The error of {title} is smaller: {rounded(error)}.")
    return " ".join(sentences)


def _overfit(rows: Sequence[Row], start: float | None) -> tuple[int, float, float] | None:
    """Return in which epoch the validation loss is lowest, that loss and the last, if it has risen.

    ``start`` is the loss before the training, epoch 0, if it is known.
    """
    val = [row.val_loss for row in rows if row.val_loss is not None]
    if len(val) < max(len(rows), _FEW_EPOCHS):
        return None
    window = max(1, len(val) // 10)  # medians of so many epochs, so that a lucky one does not count
    medians = np.median(sliding_window_view(val, window), axis=1)
    lowest = int(np.argmin(medians))
    train = [row.train_loss for row in rows]
    is_falling = np.mean(train[-window:]) < np.mean(train[lowest : lowest + window])
    rise = medians[-1] - medians[lowest]
    noise = float(np.std(np.diff(val[len(val) // 2 :]))) / sqrt(2)  # of an epoch
    if rise > max((_RISE - 1) * medians[lowest], _CLEAR * noise) and is_falling:
        losses = [np.inf if start is None else start, *val]
        epoch = int(np.argmin(losses))
        return epoch, float(losses[epoch]), float(medians[-1])
    return None


def _overfitting(run: FinishedRun, part: str, over: tuple[int, float, float] | None, gap: str) -> str:
    if part == "train":
        return ""
    text = gap or "No sign of it: it does about as well on held-out examples as on those it has learned from."
    if over is not None:
        epoch, lowest, end = over
        where = f"in epoch {epoch:,}" if epoch else "before the training, in epoch 0"
        text = (
            f"In the end it does: the validation loss is lowest {where}, at {rounded(lowest)}, and rises to "
            f"{rounded(end)}, while the training loss goes on falling."
        )
        if run.checkpoint.epoch == run.best_epoch < len(run.rows):
            text += f" This page shows {_best(run)}."
        if gap:
            text += f" {gap}"
    return text


def _best(run: FinishedRun) -> str:
    """Return the best epoch in words, with the score that chose it if that is not the loss."""
    monitor = run.experiment.monitor
    by = "" if monitor == "loss" else f" by {MEASURES[monitor].title}"
    return f"the best epoch{by}, {run.best_epoch:,}"


def _gap_of_shares(part: str, trained: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    one, other = trained["accuracy"], report["accuracy"]
    if one <= other or not _is_clear(one, other, trained["n"], report["n"]):
        return ""
    return (
        f"It is right on {one:.1%} of the training examples, but on {other:.1%} of the {_WORDS[part]} ones: "
        "some it has learned by heart."
    )


def _gap_of_errors(part: str, trained: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    ratio = report["rmse"] / trained["rmse"] if trained["rmse"] else 1.0
    if ratio < _WIDE:
        return ""
    return (
        f"Its error on {_WORDS[part]} examples is {ratio:.2g} times that on training examples: some it has "
        "learned by heart."
    )


def _underfitting(trained: Mapping[str, Any], *, is_class: bool, is_overfit: bool) -> str:
    score = trained["accuracy" if is_class else "r2"]
    if score is None or score >= _POOR:
        return ""
    if is_overfit:
        part = f"is wrong on {1 - score:.1%}" if is_class else f"explains only {score:.1%} of the variance"
        return (
            f"It {part} of its own training examples, but not for lack of training: later epochs learn "
            "more of them, and do worse on the validation examples."
        )
    remedy = "a larger network, more epochs or weaker regularization may help."
    if is_class:
        wrong = f"It is wrong on {1 - score:.1%} of its own training examples."
        return f"{wrong} Unless the classes overlap, {remedy}"
    explained = f"It explains only {score:.1%} of the variance of its own training examples."
    return f"{explained} If there is more to explain, {remedy}"


def _more_training(run: FinishedRun, *, is_overfit: bool) -> str:
    rows, training = run.rows, run.experiment.training
    fall = _last_fall(rows)
    kind = "training" if rows[-1].val_loss is None else "validation"
    course = ""
    if fall is not None:
        change = f"fell by {fall:.1%}" if fall >= 0.001 else "did not fall"
        course = f"in the last tenth of the epochs the {kind} loss {change}"
    if run.is_unfinished:
        done = f"It is not finished: {len(rows):,} of {count(training.epochs, 'epoch')} are trained"
        return f"{done}; {course}." if course else f"{done}."
    if is_overfit:
        return "No: it over-fits already. More examples or stronger regularization are more likely to help."
    if len(rows) < training.epochs:
        return (
            f"Hardly: it was stopped after {count(training.patience or 0, 'epoch')} without a better score."
        )
    if fall is None:
        return ""
    if fall <= _FALL:
        return f"Hardly: {course}."
    if not _is_falling_still(rows):
        return f"Hardly: {course}, but it falls no longer."
    if run.best_epoch < len(rows) - len(rows) // _LAST_FEW:
        return f"Hardly: no epoch after {run.best_epoch:,}, the best one, was better."
    return f"Probably: {course}."


def _losses(rows: Sequence[Row]) -> list[float]:
    return [row.train_loss if row.val_loss is None else row.val_loss for row in rows]


def _last_fall(rows: Sequence[Row]) -> float | None:
    """Return by which share the loss fell from the tenth of the epochs before the last to the last one."""
    tail = len(rows) // 10
    if tail < 2:
        return None
    loss = _losses(rows)
    before, last = float(np.mean(loss[-2 * tail : -tail])), float(np.mean(loss[-tail:]))
    return (before - last) / before if before > 0 else 0.0


def _is_falling_still(rows: Sequence[Row]) -> bool:
    """Return whether the loss falls within the last tenth of the epochs, by the slope of a line."""
    last = _losses(rows)[-(len(rows) // 10) :]
    return float(np.dot(np.arange(len(last)) - (len(last) - 1) / 2, last)) < 0


def _hardest(part: str, report: Mapping[str, Any]) -> str:
    n, words = report["n"], _WORDS[part]
    classes = [row for row in report["classes"] if row["support"]]
    missed = {row["class"]: round(row["support"] * (1 - row["recall"])) for row in classes}
    if not any(missed.values()):
        most = min(1.0, 3 / n)  # the rule of three (Hanley & Lippman-Hand, 1983)
        none = f"It makes no mistakes on {count(n, f'{words} example')}"
        return f"{none}; even so, up to {most:.1%} of new ones may be wrong."
    if "weighted" in report:
        row = min(classes, key=lambda row: row["recall"])
        share = f"{1 - row['recall']:.1%} of its {words} examples"
        return f"Most often in class {row['class']}: {share} are missed, by their weights."
    taken = _taken_for(report)
    if sum(missed.values()) == 1:
        (name,) = (name for name, n in missed.items() if n)
        return (
            f"The only mistake: a {words} example of class {name}, taken for class {next(iter(taken[name]))}."
        )
    lowest = min(row["recall"] for row in classes)
    worst = [row for row in classes if row["recall"] == lowest]
    if len(worst) > 1:
        names = [row["class"] for row in worst]
        listed = ", ".join(names[:-1][:_MOST_NAMED]) + f" and {names[-1]}"
        which = f"classes {listed} alike" if len(names) <= _MOST_NAMED else f"{len(names):,} classes alike"
        return f"Most often in {which}: {1 - lowest:.1%} of the {words} examples of each are missed."
    name, support = worst[0]["class"], round(worst[0]["support"])
    of = f"{missed[name]:,} of its {count(support, f'{words} example')}"
    text = f"Most often in class {name}: {of} {'is' if missed[name] == 1 else 'are'} missed"
    is_told = len(report["classes"]) > 2 and taken.get(name)
    return f"{text}, {_others(taken[name], missed[name])}." if is_told else f"{text}."


def _taken_for(report: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return for each class how many of its examples are taken for which other one, the most first.

    Of very many classes only the most frequent mistakes are known.
    """
    names = [row["class"] for row in report["classes"]]
    found: dict[str, dict[str, int]] = {}
    if report["confusion"] is None:
        for mistake in report["mistakes"]:
            found.setdefault(mistake["class"], {})[mistake["predicted"]] = mistake["count"]
        return found
    for name, row in zip(names, report["confusion"], strict=True):
        others = {other: n for other, n in zip(names, row, strict=True) if n and other != name}
        found[name] = dict(sorted(others.items(), key=lambda item: -item[1]))
    return found


def _others(taken: Mapping[str, int], missed: int) -> str:
    """Return in words what ``missed`` examples of a class are taken for."""
    first, most = next(iter(taken.items()))
    if most == missed:
        return f"{'all ' if missed > 1 else ''}taken for {first}"
    if 2 * most > missed:
        return f"most of them taken for {first}"
    shown = dict(list(taken.items())[:_MOST_NAMED])
    words = [f"{n:,}{' taken' if name == first else ''} for {name}" for name, n in shown.items()]
    rest = missed - sum(shown.values())
    if rest:
        words.append(f"{rest:,} for others")
    return f"{', '.join(words[:-1])} and {words[-1]}"
