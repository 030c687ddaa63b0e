"""What a cross-validation has found: the record that folds.json holds, and predictions of all rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlpcli.data.writing import number_cell, text_cell
from mlpcli.errors import RunError
from mlpcli.reading import opened
from mlpcli.text import count
from mlpcli.training.evaluation import score_text
from mlpcli.training.model import Model

__all__ = ["MOST_NETWORKS", "FoldRow", "FoldsRecord", "Scores", "Validated", "read_record"]

MOST_NETWORKS = 1000
_LARGEST = 16_000_000  # bytes of folds.json
_Count = Annotated[int, Field(ge=0, lt=2**63)]
Scores = dict[str, float | None]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class FoldRow(_Strict):
    """What folds.json says of a fold whose network has been trained."""

    run: str
    repeat: _Count
    fold: _Count
    seed: _Count
    epochs: _Count
    best_epoch: _Count
    n: _Count
    scores: Scores
    baselines: dict[str, Scores]


class FoldsRecord(_Strict):
    """The content of folds.json; what needs all folds is null until they are trained.

    ``scores`` of a row are those of its best epoch on its own fold. ``mean`` and ``std`` are the mean of
    these, and their standard deviation (that of a sample, which divides by n - 1). ``out_of_fold`` are the
    scores of all rows together, each predicted by the networks that have not seen it.
    """

    config: dict[str, Any]
    folds: Annotated[int, Field(ge=2, le=MOST_NETWORKS)]
    repeats: Annotated[int, Field(ge=1, le=MOST_NETWORKS)]
    fingerprint: int | None
    rows: list[FoldRow]
    mean: Scores | None = None
    std: Scores | None = None
    out_of_fold: Scores | None = None


def read_record(path: Path) -> FoldsRecord:
    """Read and validate folds.json; raises RunError."""
    with opened(path, RunError) as stream:
        raw = stream.read(_LARGEST + 1)
    try:
        if len(raw) > _LARGEST:
            raise ValueError
        return FoldsRecord.model_validate(json.loads(raw))
    except (ValueError, RecursionError, ValidationError):
        raise RunError(f"{path} is not what a cross-validation has written; start a new one") from None


@dataclass(frozen=True)
class Validated:
    """What a cross-validation has found: what `mlpcli.cross_validate` returns.

    ``record`` is what folds.json holds. ``logits`` (n, outputs) are those of the rows of the data, in their
    order, each from the networks that have not seen it, as `Model.scores` gives them. ``folds`` (n, repeats)
    are the numbers of the folds that the rows belong to, and ``numbers`` (n,) those of the rows in their
    file, from 1 on, of which some may be left out. ``model`` is the mean of all networks.
    """

    record: FoldsRecord
    model: Model
    logits: NDArray[Any]
    folds: NDArray[np.intp]
    numbers: NDArray[np.intp]
    y: NDArray[Any]

    def __repr__(self) -> str:
        name = next((name for name in ("accuracy", "r2") if self.mean.get(name) is not None), "loss")
        mean, std = (score_text(name, scores.get(name)) for scores in (self.mean, self.std))
        networks = count(len(self.record.rows), "network")
        return f"<mlpcli.Validated: {networks}, {name} {mean} with a standard deviation of {std}>"

    @property
    def scores(self) -> list[dict[str, Any]]:
        """A dict for each network: repeat, fold, best_epoch, n, and its scores on its own fold."""
        keys = ("repeat", "fold", "best_epoch", "n")
        return [{**{key: getattr(row, key) for key in keys}, **row.scores} for row in self.record.rows]

    @property
    def mean(self) -> Scores:
        """The mean of each score over the folds; None where it is undefined in one of them."""
        return dict(self.record.mean or {})

    @property
    def std(self) -> Scores:
        """The standard deviation of each score over the folds; None where it is undefined in one of them."""
        return dict(self.record.std or {})

    @cached_property
    def predictions(self) -> NDArray[Any]:
        """The class or value of each row, as `Model.predict` returns it, from networks new to it."""
        return self.model.read_predictions(self.logits)

    @cached_property
    def outputs(self) -> NDArray[Any]:
        """The probabilities (n, classes), scores of an SVM, or values (n, targets) of the predictions."""
        return self.model.read_outputs(self.logits)

    def lines(self) -> Iterator[str]:
        """Yield the lines of out_of_fold.csv."""
        checkpoint, outputs = self.model.checkpoint, self.outputs
        classes, repeats = checkpoint.classes, self.folds.shape[1]
        names = ["row", *(["fold"] if repeats == 1 else [f"fold_{i}" for i in range(1, repeats + 1)])]
        if classes is not None:
            what = {"probabilities": "probability", "scores": "score"}[self.model.loss.outputs]
            names += ["truth", "prediction", *(f"{what}_{name}" for name in classes)]
            predicted = self.model.loss.classify(self.logits)
        else:
            targets = checkpoint.target_names
            suffixes = [""] if len(targets) == 1 else [f"_{name}" for name in targets]
            names += [f"truth{suffix}" for suffix in suffixes]
            names += [f"prediction{suffix}" for suffix in suffixes]
        yield ",".join(map(text_cell, names)) + "\n"
        for i, row in enumerate(outputs):
            cells = [str(self.numbers[i]), *map(str, self.folds[i].tolist())]
            if classes is not None:
                cells += [text_cell(classes[self.y[i]]), text_cell(classes[predicted[i]])]
            else:
                cells += map(number_cell, self.y[i])
            yield ",".join([*cells, *map(number_cell, row)]) + "\n"
