"""The keys that data sets share."""

from math import isqrt
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
)

from mlpcli.config.schema.data.columns import SCALINGS, TERMS_OF_INPUTS, Scaling, TermName
from mlpcli.config.schema.data.names import one_name
from mlpcli.config.schema.data.splits import SIZE_OF_TRAINING, Fold, Size, leave_something
from mlpcli.config.schema.section import Section, Task, problem
from mlpcli.terms import count_terms
from mlpcli.text import clip, repeated

__all__ = ["DataSection", "OneSource"]

_SMALLEST_IMAGE = 4  # pixels on a side
_SELDOM = ("fold", "split_seed", "points_seed")  # left out of a complete config where they are null


class DataSection(Section):
    """The keys of all data sets."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    may_be_images: ClassVar[bool] = False

    train_size: Size | None = Field(
        None,
        description="number or fraction of training examples; null uses all that remain",
        json_schema_extra={"written": SIZE_OF_TRAINING},
    )
    val_size: Size = Field(
        0.2, description="number or fraction of examples held out to choose the best epoch"
    )
    split_seed: int | None = Field(
        None,
        ge=0,
        lt=2**32,
        description="seed by which examples are divided into splits and folds; null takes training.seed",
    )
    scaling: Scaling = Field(
        "standardize",
        description=f"{SCALINGS}; whiten, for images alone: filters that make neighboring pixels "
        "uncorrelated (ZCA of 9 x 9 patches; Krizhevsky, 2009; Coates et al., 2011)",
    )

    @field_validator("train_size")
    @classmethod
    def _trains_on_something(cls, train_size: float | None) -> float | None:
        if train_size == 0:
            raise problem("0 leaves nothing to train on; give a size, or null for all that remain")
        return train_size

    @model_serializer(mode="wrap")
    def _own_keys_first(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written = {
            key: value for key, value in write(self).items() if key not in _SELDOM or value is not None
        }
        return dict(sorted(written.items(), key=lambda item: item[0] in OneSource.model_fields))

    @classmethod
    def is_file(cls) -> bool:
        """Return whether the data are read from a file of the user's."""
        return "path" in cls.model_fields

    @property
    def title(self) -> str:
        """The name of the data: that of the set, or of the file."""
        section: Any = self
        path = getattr(section, "path", section.name)
        first = clip(Path(path if isinstance(path, str) else path[0]).name, 100)
        return first if isinstance(path, str) else f"{first} and {len(path) - 1} more"

    @property
    def examples(self) -> int | None:
        """Number of examples in all splits; None if only the data tell."""
        return None

    @property
    def n_columns(self) -> int | None:
        """Number of columns; None if only the data tell."""
        return 2

    @property
    def inputs(self) -> int | None:
        """Number of the network's inputs, terms included; None if only the data tell."""
        return self.n_columns

    def image(self, features: int) -> tuple[int, int, int] | None:
        """Return (channels, rows, columns) if examples of so many features are images, else None.

        Those of an .npz file, or of arrays, are square gray images if their number of features is a square.
        """
        side = isqrt(features)
        is_square = self.may_be_images and side * side == features and side >= _SMALLEST_IMAGE
        return (1, side, side) if is_square else None

    def targets(self, task: Task | None) -> int | None:  # noqa: ARG002
        """Return the number of classes, or of values to predict; None if only the data tell."""
        return getattr(self, "classes", 2)


class OneSource(DataSection):
    """A data set without a test split of its own, which is held out of it."""

    fold: Fold | None = Field(
        None,
        description="the fold of a cross-validation that is the test split; test_size does not count then",
    )
    test_size: Size = Field(
        0.2, validate_default=True, description="number or fraction of examples held out for the final score"
    )

    terms: Annotated[list[TermName], BeforeValidator(one_name)] = TERMS_OF_INPUTS

    @field_validator("terms")
    @classmethod
    def _each_term_once(cls, terms: list[str]) -> list[str]:
        twice = repeated(terms)
        if twice is not None:
            raise problem(f"{twice} is named twice; name each term once")
        return terms

    @field_validator("terms", "bins", check_fields=False)
    @classmethod
    def _images_stay_images(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("scaling") == "whiten":
            raise problem(
                f"images that are whitened have no {info.field_name}; delete it, or set data.scaling to "
                "standardize"
            )
        return value

    @property
    def inputs(self) -> int | None:
        """The columns, and the terms of them; None if only the data tell."""
        return None if self.n_columns is None else self.n_columns + count_terms(self.n_columns, self.terms)

    @field_validator("fold")
    @classmethod
    def _fold_leaves_something(cls, fold: Fold | None, info: ValidationInfo) -> Fold | None:
        if fold is not None:
            leave_something("fold", 1 / fold.of, info)
        return fold

    @field_validator("test_size")
    @classmethod
    def _leaves_something(cls, test_size: float, info: ValidationInfo) -> float:
        has_fold = info.data.get("fold", True) is not None  # or a wrong one, which has been reported
        return test_size if has_fold else leave_something("test_size", test_size, info)
