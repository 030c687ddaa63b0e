"""How examples are divided into splits: sizes, folds, or time."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from mlpcli.config.schema.section import Section, problem

__all__ = ["SIZE_OF_TRAINING", "SPLIT_BY", "Fold", "Size", "SplitBy", "leave_something"]


def _size(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError
    if not value >= 0 or (isinstance(value, float) and value >= 1):  # NaN is not 0 or more either
        raise ValueError
    return value


_SIZE_ALLOWED = "a fraction from 0 to below 1, or a whole number of examples"
_SIZE: dict[str, Any] = {
    "anyOf": [{"type": "number", "minimum": 0, "exclusiveMaximum": 1}, {"type": "integer", "minimum": 1}]
}
SIZE_OF_TRAINING: Any = {"anyOf": [_SIZE, {"type": "null"}], "not": {"const": 0}}
Size = Annotated[
    int | float,
    PlainValidator(_size),
    WithJsonSchema({"type": "number", "minimum": 0, "allowed": _SIZE_ALLOWED, "written": _SIZE}),
]


def leave_something(key: str, value: float, info: ValidationInfo) -> float:
    """Check that the fractions up to this one fit together, and return the value."""
    sizes = {**{other: info.data.get(other) for other in ("train_size", "val_size")}, key: value}
    fractions = {other: size for other, size in sizes.items() if isinstance(size, float)}
    total = round(sum(fractions.values()), 9)
    if total > 1 or (total == 1 and "train_size" not in fractions):
        parts = " + ".join(f"{other} {size:g}" for other, size in fractions.items())
        raise problem(f"{parts} is {total:g} of the examples; they must fit, and leave some to train on")
    return value


SplitBy = Literal["random", "time"]
SPLIT_BY: Any = Field(
    "random",
    validate_default=True,
    description="how rows are divided: random, or time: the last rows are the test split, and those before "
    "them are to validate on",
)


class Fold(Section):
    """One fold of a cross-validation."""

    number: int = Field(ge=1, le=1000, description="which of the folds is the test split; the first is 1")
    of: int = Field(ge=2, le=1000, description="number of folds")

    @field_validator("of")
    @classmethod
    def _has_the_number(cls, of: int, info: ValidationInfo) -> int:
        number = info.data.get("number")
        if number is not None and number > of:
            raise problem(
                f"{number} is more than the {of} folds; give one from 1 to {of}", ("data", "fold", "number")
            )
        return of
