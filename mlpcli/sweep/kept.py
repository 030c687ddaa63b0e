"""Finds what the folder around runs has kept of them: their test scores, and which of them failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlpcli.cohort.seeds import read_seeds
from mlpcli.sweep import record
from mlpcli.training import validated
from mlpcli.training.names import FOLDS, SEEDS

__all__ = ["TEST", "Kept", "kept_in"]

TEST = "test_"  # before the name of a test score
_IN_WORDS = {"failed": "failed in its sweep", "pruned": "was ended early in its sweep"}


@dataclass(frozen=True)
class Kept:
    """Why a run does not count, if it does not, and its scores on rows that chose nothing."""

    reason: str | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)


def kept_in(folder: Path) -> dict[Path, Kept]:
    """Return what is kept of each run in a folder, by its directory.

    A cross-validation keeps scores on the fold that a run has left out, runs of several seeds their test
    scores and which of them failed, and a sweep how each run has ended. Raises RunError and DataError if such
    a file cannot be read.
    """
    found: dict[Path, Kept] = {}
    if (folder / FOLDS).is_file():
        for fold in validated.read_record(folder / FOLDS).rows:
            found[folder / fold.run] = Kept(scores=_named(fold.scores))
    if (folder / SEEDS).is_file():
        for one in read_seeds(folder / SEEDS).rows:
            reason = None if one.message is None else "failed"
            found[folder / one.run] = Kept(reason, _named(one.scores.get("test", {})))
    if (folder / record.SWEEP_CSV).is_file():
        for row in record.read_record(folder / record.SWEEP_CSV).rows:
            found[folder / row.directory] = Kept(_IN_WORDS.get(row.status))
    return {path.resolve(): kept for path, kept in found.items()}


def _named(scores: Mapping[str, float | None]) -> dict[str, float | None]:
    return {f"{TEST}{name}": score for name, score in scores.items()}
