"""The section ``data``: what to learn from."""

import codecs
from math import isqrt
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    field_validator,
    model_serializer,
    model_validator,
)

from mlpcli.config.schema.paths import FILE_NAME, FileName, anchored
from mlpcli.config.schema.section import Section, Task, by_name, other_names, problem, written
from mlpcli.terms import count_terms
from mlpcli.text import clip, nfc, repeated, shortened

__all__ = ["Data", "DataSection", "data_sections"]


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
_SIZE_OF_TRAINING: Any = {"anyOf": [_SIZE, {"type": "null"}], "not": {"const": 0}}
Size = Annotated[
    int | float,
    PlainValidator(_size),
    WithJsonSchema({"type": "number", "minimum": 0, "allowed": _SIZE_ALLOWED, "written": _SIZE}),
]


def _leave_something(key: str, value: float, info: ValidationInfo) -> float:
    """Check that the fractions up to this one fit together, and return the value."""
    sizes = {**{other: info.data.get(other) for other in ("train_size", "val_size")}, key: value}
    fractions = {other: size for other, size in sizes.items() if isinstance(size, float)}
    total = round(sum(fractions.values()), 9)
    if total > 1 or (total == 1 and "train_size" not in fractions):
        parts = " + ".join(f"{other} {size:g}" for other, size in fractions.items())
        raise problem(f"{parts} is {total:g} of the examples; they must fit, and leave some to train on")
    return value


_TEXT = {"type": "string", "minLength": 1}


def _target(value: Any) -> str | list[str]:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError
    names = [nfc(name) for name in names]
    twice = repeated(names)
    if twice is not None:
        raise problem(f"{shortened(twice)} is named twice; name each target once")
    return names if len(names) > 1 else names[0]


Target = Annotated[
    Any,
    PlainValidator(_target),
    WithJsonSchema({"type": "string", "allowed": "a string of one or more characters, or a list of them"}),
    written(
        {
            "anyOf": [
                _TEXT,
                {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
            ]
        }
    ),
]


def _split(value: Any, info: ValidationInfo) -> str | dict[str, str] | None:
    """Return the column that names the splits, or the file of each split."""
    if value is None:
        return None
    if isinstance(value, str) and value:
        return nfc(value)
    if not isinstance(value, dict) or not value or not all(isinstance(file, str) for file in value.values()):
        raise ValueError
    if "train" not in value or not value.keys() <= {"train", "val", "test"}:
        raise problem(f"{', '.join(map(str, value))}: the files of splits are those of train, val and test")
    pattern = next((file for file in value.values() if set(file) & set("*?[")), None)
    if pattern is not None:
        raise problem(f"{shortened(pattern)} is a pattern; a split is one file")
    return {part: anchored(file, info) for part, file in value.items()}


_ONE_FILE = {**FILE_NAME, "allOf": [{"not": {"pattern": r"[*?\[]"}}]}
SplitOrFiles = Annotated[
    Any,
    PlainValidator(_split),
    WithJsonSchema(
        {
            "type": "string",
            "allowed": "a string of one or more characters, files by the names train, val and test, or null",
        }
    ),
    written(
        {
            "anyOf": [
                _TEXT,
                {
                    "type": "object",
                    "properties": dict.fromkeys(("train", "val", "test"), _ONE_FILE),
                    "required": ["train"],
                    "additionalProperties": False,
                },
                {"type": "null"},
            ]
        }
    ),
]


def _one_or_several(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Check a file name, or each of a list of them."""
    if not isinstance(value, list):
        return check(value)
    if not value:
        raise problem("an empty list names no file")
    return [check(name) for name in value]


def _one_name(value: Any) -> Any:
    """Read a single name as a list of one."""
    return [value] if isinstance(value, str) else value


def _separator(value: str, info: ValidationInfo) -> str:
    if value.isalnum() or value in "+-":
        raise problem(f"{value!r} is part of numbers itself")
    if value == (info.data.get("decimal") or "."):
        raise problem(f"{value!r} is the decimal point; set data.decimal to another one first")
    return value


def _known_encoding(value: str) -> str:
    try:
        if "a".encode(value) and codecs.lookup(value)._is_text_encoding:
            return value
    except (LookupError, ValueError, TypeError):
        pass
    raise problem(f"{value[:60]!r} is no encoding of text; utf-8, cp1252, latin-1 and utf-16 are common ones")


ColumnName = Annotated[str, AfterValidator(nfc)]
FileNames = Annotated[
    FileName,
    WrapValidator(_one_or_several),
    PlainSerializer(lambda value: value),
    written({"anyOf": [FILE_NAME, {"type": "array", "items": FILE_NAME, "minItems": 1}]}),
]
OTHER_SCALINGS = {
    **dict.fromkeys(("standard", "standard_scaler", "zscore", "z_score", "normal", "yes"), "standardize"),
    **dict.fromkeys(("standardized", "normalize", "true"), "standardize"),
    **dict.fromkeys(("mean", "demean"), "center"),
    **dict.fromkeys(("minmax", "min_max", "min_max_scaler", "max_abs"), "range"),
    **dict.fromkeys(("no", "off", "raw", "false"), "none"),
}
OTHER_IMAGE_SCALINGS = {**OTHER_SCALINGS, **dict.fromkeys(("whitening", "zca", "pca", "sphere"), "whiten")}
_SCALINGS = (
    "how each feature is scaled, with statistics of the training split: standardize (mean 0, standard "
    "deviation 1), center (mean 0), range (from -1 to 1), none"
)
Scaling = Annotated[
    Literal["standardize", "center", "range", "none", "whiten"], other_names(OTHER_IMAGE_SCALINGS)
]


def _no_images(value: Any) -> Any:
    if isinstance(value, str) and OTHER_IMAGE_SCALINGS.get(value, value) == "whiten":
        raise problem(
            f"{value} is for images: those of cifar10, and rows of an npz file that are square images; "
            "set it to standardize"
        )
    return value


TableScaling = Annotated[
    Literal["standardize", "center", "range", "none"],
    other_names(OTHER_SCALINGS),
    BeforeValidator(_no_images),
]
SCALING_OF_TABLES: Any = Field("standardize", description=_SCALINGS)
OTHER_KINDS = {
    **dict.fromkeys(("numeric", "numerical", "float", "int", "integer", "continuous"), "number"),
    **dict.fromkeys(("categorical", "str", "string", "text", "object", "nominal", "factor"), "category"),
    **dict.fromkeys(("bool", "binary"), "boolean"),
    **dict.fromkeys(("datetime", "time", "timestamp"), "date"),
    **dict.fromkeys(("ignore", "skip", "exclude", "leave_out"), "drop"),
}
ColumnKind = Annotated[Literal["drop", "number", "category", "boolean", "date"], other_names(OTHER_KINDS)]
OTHER_MISSING = {
    **dict.fromkeys(("mean", "median", "impute", "fill_with_mean", "fillna"), "fill"),
    **dict.fromkeys(("dropna", "drop_row", "skip", "ignore"), "drop"),
    **dict.fromkeys(("raise", "fail"), "error"),
}
Missing = Annotated[Literal["fill", "drop", "error"], other_names(OTHER_MISSING)]
MISSING_CELLS: Any = Field(
    "fill",
    description="what is done about missing cells: fill (with the median of the training split, and a "
    "feature that says so; for categories one of its own), drop (the row), error (refuse the data)",
)


BINS: Any = Field(
    0,
    ge=0,
    le=1000,
    description="number of bins, between quantiles of the training split, that encode each column of numbers "
    "beside the scaled number: the feature of a bin grows within it and is constant elsewhere (piecewise "
    "linear encoding; Gorishniy et al., 2022); 0 encodes none",
)
OTHER_TERMS = {
    **dict.fromkeys(("quadratic", "power", "x^2", "x**2"), "square"),
    **dict.fromkeys(("interaction", "interactions", "cross", "crosses", "x1x2"), "product"),
    **dict.fromkeys(("sin", "sinus", "fourier"), "sine"),
}
TermName = Annotated[Literal["square", "product", "sine"], other_names(OTHER_TERMS)]
TERMS_OF_INPUTS: Any = Field(
    [],
    description="further inputs, made from the scaled columns of numbers: square (x1^2 of each), product "
    "(x1 * x2 of every two), sine (sin(pi x1) of each); each of them is then scaled like a column",
    json_schema_extra={
        "allowed": "a list of any of square, product and sine",
        "single": True,
        "uniqueItems": True,
    },
)
SplitBy = Literal["random", "time"]
SPLIT_BY: Any = Field(
    "random",
    validate_default=True,
    description="how rows are divided: random, or time: the last rows are the test split, and those before "
    "them are to validate on",
)
TargetTransform = Literal["none", "log", "quantile"]
TARGET_TRANSFORM: Any = Field(
    "none",
    description="how the targets of a regression are bent before they are standardized, for those with a few "
    "very large values: log (of targets of 0 or more), quantile (the normal scores of the training split's "
    "quantiles), none; scores and predictions are in their own units",
)
COLUMN_KINDS: Any = Field(
    {},
    description="what single columns hold, where the guess is wrong: number, category, boolean, date "
    "(taken apart into year, month, weekday, hour and seconds), or drop to leave the column out",
)


_SMALLEST_IMAGE = 4  # pixels on a side
_SELDOM = ("fold", "split_seed", "points_seed")  # left out of a complete config where they are null


DELIMITER: Any = Field(",", min_length=1, max_length=1, description="the character between two cells")
Encoding = Annotated[str, AfterValidator(_known_encoding)]
ENCODING: Any = Field(
    None, description="the encoding, such as cp1252; null is UTF-8, or UTF-16 if the file says so"
)
DECIMAL: Any = Field(None, description="the decimal point of numbers; null finds out")
Separator = Annotated[str, AfterValidator(_separator)]
THOUSANDS: Any = Field(
    None,
    min_length=1,
    max_length=1,
    description="what separates groups of three digits, such as a comma or a blank; null finds out",
    json_schema_extra={
        "written": {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": 1, "pattern": "[^0-9A-Za-z+-]"},
                {"type": "null"},
            ]
        }
    },
)
DATES: Any = Field(
    None,
    description="whether the day comes first in dates such as 1/2/2012 (dmy), or the month (mdy); null finds "
    "out",
)


class DataSection(Section):
    """The keys of all data sets."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    may_be_images: ClassVar[bool] = False

    train_size: Size | None = Field(
        None,
        description="number or fraction of training examples; null uses all that remain",
        json_schema_extra={"written": _SIZE_OF_TRAINING},
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
        description=f"{_SCALINGS}; whiten, for images alone: filters that make neighboring pixels "
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
        return dict(sorted(written.items(), key=lambda item: item[0] in _OneSource.model_fields))

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


class _OneSource(DataSection):
    """A data set without a test split of its own, which is held out of it."""

    fold: Fold | None = Field(
        None,
        description="the fold of a cross-validation that is the test split; test_size does not count then",
    )
    test_size: Size = Field(
        0.2, validate_default=True, description="number or fraction of examples held out for the final score"
    )

    terms: Annotated[list[TermName], BeforeValidator(_one_name)] = TERMS_OF_INPUTS

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
        return None if self.n_columns is None else self.n_columns + count_terms(self.n_columns, self.terms)

    @field_validator("fold")
    @classmethod
    def _fold_leaves_something(cls, fold: Fold | None, info: ValidationInfo) -> Fold | None:
        if fold is not None:
            _leave_something("fold", 1 / fold.of, info)
        return fold

    @field_validator("test_size")
    @classmethod
    def _leaves_something(cls, test_size: float, info: ValidationInfo) -> float:
        has_fold = info.data.get("fold", True) is not None  # or a wrong one, which has been reported
        return test_size if has_fold else _leave_something("test_size", test_size, info)


class _Toy(_OneSource):
    """A set of points drawn from the seed."""

    scaling: TableScaling = SCALING_OF_TABLES
    points: int = Field(300, ge=10, le=10_000_000, description="examples to draw, for all splits together")
    points_seed: int | None = Field(
        None, ge=0, lt=2**32, description="seed by which the points are drawn; null takes training.seed"
    )

    @property
    def examples(self) -> int:
        return self.points


class Spiral(_Toy):
    """Interleaved spiral arms, one for each class (the toy set of the CS231n case study)."""

    name: Literal["spiral"] = Field(description="interleaved spiral arms, one for each class")
    classes: int = Field(3, ge=2, le=100, description="number of arms")
    noise: float = Field(0.2, ge=0, le=1000, description="standard deviation of the angle, radians")
    angle: float = Field(
        4.0,
        ge=0,
        le=1000,
        description="how far each arm turns, radians: 4 as in the CS231n case study; 11, or 1.75 turns, as "
        "in TensorFlow Playground",
    )


class Moons(_Toy):
    """Two half circles that reach into each other."""

    name: Literal["moons"] = Field(description="two half circles that reach into each other")
    noise: float = Field(0.1, ge=0, le=1000, description="standard deviation of both coordinates")


class Circles(_Toy):
    """A small circle inside a large one."""

    name: Literal["circles"] = Field(description="a small circle inside a large one")
    noise: float = Field(0.08, ge=0, le=1000, description="standard deviation of both coordinates")


class Blobs(_Toy):
    """Gaussian clouds around centres on a circle."""

    name: Literal["blobs"] = Field(description="Gaussian clouds around centres on a circle")
    classes: int = Field(3, ge=2, le=100, description="number of clouds")
    noise: float = Field(0.3, ge=0, le=1000, description="standard deviation of both coordinates")


class Xor(_Toy):
    """Four quadrants; opposite ones share a class."""

    name: Literal["xor"] = Field(description="four quadrants; opposite ones share a class")
    noise: float = Field(0.05, ge=0, le=1000, description="standard deviation of both coordinates")


class Sine(_Toy):
    """A sine wave with noise: regression from one input."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)

    name: Literal["sine"] = Field(description="a sine wave with noise: regression from one input")
    noise: float = Field(0.1, ge=0, le=1000, description="standard deviation of the value")

    @property
    def n_columns(self) -> int:
        return 1

    def targets(self, task: Task | None) -> int:  # noqa: ARG002
        return 1


class Peaks(_Toy):
    """Hills and hollows over a square: regression from two inputs."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)

    name: Literal["peaks"] = Field(description="MATLAB's hills and hollows: regression from two inputs")
    noise: float = Field(0.2, ge=0, le=1000, description="standard deviation of the value")

    def targets(self, task: Task | None) -> int:  # noqa: ARG002
        return 1


class Augment(Section):
    """Random changes of the training images, new in each epoch."""

    flip: bool = Field(False, description="mirror half of the images, left to right")
    rotate: float = Field(0.0, ge=0, le=180, description="degrees that images are turned by at most")
    scale: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share by which images are enlarged or made smaller at most: 0.1 is up to 1.1 times, or "
        "1 / 1.1 times",
    )
    stretch: float = Field(
        0.0, ge=0, le=1, description="share by which the ratio of width to height is changed at most"
    )
    crop: int = Field(
        0,
        ge=0,
        le=16,
        description="pixels added on each side before a random window is cut out: images, deformed or not, "
        "are shifted by so many pixels at most",
    )
    cutout: int = Field(
        0, ge=0, le=32, description="side of a square that is blanked at a random place, in pixels"
    )
    mixup: float = Field(
        0.0,
        ge=0,
        le=100,
        description="blend pairs of images, in proportions from Beta(mixup, mixup); 0 blends none",
    )


class Cifar10(DataSection):
    """CIFAR-10: 50,000 training and 10,000 test images of 32 x 32 x 3 bytes (Krizhevsky, 2009)."""

    may_be_images: ClassVar[bool] = True

    name: Literal["cifar10"] = Field(description="60,000 small colour images in ten classes")
    root: FileName | None = Field(
        None, description="folder of the data set; null searches $MLP_DATA, or datasets/ if that is not set"
    )
    val_size: Size = Field(
        5000, description="number or fraction of the 50,000 training images held out to choose the best epoch"
    )
    test_size: Size | None = Field(
        None, description="number or fraction of the official test images to score; null uses all"
    )
    augment: Augment = Field(Augment(), description="random changes of the training images; none by default")

    @field_validator("val_size")
    @classmethod
    def _leaves_something(cls, val_size: float, info: ValidationInfo) -> float:
        return _leave_something("val_size", val_size, info)

    @property
    def examples(self) -> int:
        return 60_000

    @property
    def n_columns(self) -> int:
        return 3072

    def image(self, features: int) -> tuple[int, int, int]:  # noqa: ARG002
        return (3, 32, 32)

    def targets(self, task: Task | None) -> int:  # noqa: ARG002
        return 10


class _File(_OneSource):
    """A file of the user's."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification", "regression")

    path: FileName = Field(description="the file, relative to the config file")
    missing: Missing = MISSING_CELLS
    bins: int = BINS
    target_transform: TargetTransform = TARGET_TRANSFORM

    weight: ColumnName | None = Field(
        None,
        min_length=1,
        description="the column, or the array of an npz file, with the weights of the rows, 0 or more: a row "
        "of weight 2 counts like two rows; null counts all alike",
    )
    group: ColumnName | None = Field(
        None,
        min_length=1,
        description="the column, or the array of an npz file, with the group of each row, such as a person; "
        "the rows of a group stay in one split",
    )
    split: ColumnName | None = Field(
        None,
        min_length=1,
        description="the column, or the array of an npz file, with the split of each row: train, val or "
        "test; then the sizes do not count",
    )
    time: ColumnName | None = Field(
        None,
        min_length=1,
        description="the column, or the array of an npz file, with the time of each row, for split_by: time; "
        "null takes the order of the rows",
    )
    split_by: SplitBy = SPLIT_BY

    @field_validator("split_by")
    @classmethod
    def _one_way_to_split(cls, split_by: str, info: ValidationInfo) -> str:
        keys = [key for key in ("fold", "split") if info.data.get(key) is not None]
        keys += ["split_by"] if split_by == "time" else []
        if info.data.get("group") is not None and keys != ["fold"]:
            keys.append("group")
        if len(keys) > 1:
            ways = [f"data.{key}{': time' if key == 'split_by' else ''}" for key in keys]
            raise problem(f"{' and '.join(ways)} do not go together; delete all but one", ("data", keys[-1]))
        if info.data.get("time") is not None and split_by != "time":
            raise problem("it is for split_by: time; set that, or delete data.time", ("data", "time"))
        return split_by

    @property
    def n_columns(self) -> None:
        return None

    def targets(self, task: Task | None) -> int | None:  # noqa: ARG002
        return None


class Csv(_File):
    """A CSV file with a header row."""

    model_config = ConfigDict(
        json_schema_extra={
            "written": {
                "required": ["name", "target"],
                "anyOf": [
                    {"required": ["path"]},
                    {"required": ["split"], "properties": {"split": {"type": "object"}}},
                ],
            }
        }
    )

    name: Literal["csv"] = Field(description="a CSV file with a header row")
    scaling: TableScaling = SCALING_OF_TABLES
    path: FileNames = Field(
        description="the file, relative to the config file, packed with gzip or not; or a pattern such as "
        "part-*.csv, or a list of files with the same columns",
    )
    target: Target = Field(description="the column to predict; several are a regression")
    split: SplitOrFiles = Field(
        None,
        description="the column with the split of each row, train, val or test; or, instead of path, the "
        "file of each split, as in {train: a.csv, test: b.csv}; then the sizes do not count",
    )
    features: Annotated[list[ColumnName] | None, BeforeValidator(_one_name)] = Field(
        None,
        min_length=1,
        description="the columns to predict from, or a single one; null uses all others",
        json_schema_extra={"single": True},
    )
    columns: dict[ColumnName, ColumnKind] = COLUMN_KINDS
    delimiter: str = DELIMITER
    encoding: Encoding | None = ENCODING
    decimal: Literal[".", ","] | None = DECIMAL
    thousands: Separator | None = THOUSANDS
    dates: Literal["dmy", "mdy"] | None = DATES

    @model_validator(mode="before")
    @classmethod
    def _files_of_splits(cls, value: Any) -> Any:
        """Take the files of the splits as the path, in their order."""
        split = value.get("split") if isinstance(value, dict) else None
        if not isinstance(split, dict) or "path" in value:
            return value
        return {**value, "path": list(split.values())}

    @field_validator("split")
    @classmethod
    def _splits_are_all_files(cls, split: Any, info: ValidationInfo) -> Any:
        path = info.data.get("path")
        if isinstance(split, dict) and path is not None and path != list(split.values()):
            raise problem("the files of the splits take the place of data.path; delete one of the two")
        return split

    def targets(self, task: Task | None) -> int | None:
        several = len(self.target) if isinstance(self.target, list) else None
        return several or (1 if task == "regression" else None)


class Npz(_File):
    """A NumPy .npz file with the arrays X and y."""

    may_be_images: ClassVar[bool] = True

    name: Literal["npz"] = Field(description="a NumPy .npz file with the arrays X and y")


class Npy(_OneSource):
    """NumPy .npy files, one for each array."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification", "regression")

    name: Literal["npy"] = Field(description="NumPy .npy files, one for X and one for y, of any size")
    scaling: TableScaling = SCALING_OF_TABLES
    X: FileName = Field(description="the file with the features, a row for each example")
    y: FileName = Field(description="the file with the targets: labels, or numbers for a regression")
    weights: FileName | None = Field(
        None,
        description="the file with the weights of the rows, 0 or more: a row of weight 2 counts like two "
        "rows; null counts all alike",
    )
    table: FileName | None = Field(
        None,
        description="the file that says what the columns hold and how the classes are called, where the "
        "arrays were made from a table; null: the columns are numbers called x1, x2, ...",
    )
    target: Target = Field(
        "y", description="the column of tables with new rows that holds the target; a list of several"
    )
    missing: Missing = MISSING_CELLS
    bins: int = BINS
    target_transform: TargetTransform = TARGET_TRANSFORM
    split_by: SplitBy = SPLIT_BY
    delimiter: str = DELIMITER
    encoding: Encoding | None = ENCODING
    decimal: Literal[".", ","] | None = DECIMAL
    thousands: Separator | None = THOUSANDS
    dates: Literal["dmy", "mdy"] | None = DATES

    @field_validator("split_by")
    @classmethod
    def _one_way_to_split(cls, split_by: str, info: ValidationInfo) -> str:
        if split_by == "time" and info.data.get("fold") is not None:
            raise problem(
                "data.fold and data.split_by: time do not go together; delete one of them",
                ("data", "split_by"),
            )
        return split_by

    @classmethod
    def is_file(cls) -> bool:
        return True

    @property
    def path(self) -> str:
        """The file of the features, by which the data are called."""
        return self.X

    @property
    def n_columns(self) -> None:
        return None

    def targets(self, task: Task | None) -> int | None:  # noqa: ARG002
        return None


class Arrays(_OneSource):
    """Arrays that a program hands to the engine; not offered where a data set can be chosen by name."""

    model_config = ConfigDict(json_schema_extra={"offered": False})
    tasks: ClassVar[tuple[Task, ...]] = ("classification", "regression")
    may_be_images: ClassVar[bool] = True

    name: Literal["arrays"] = Field(description="arrays that a program hands in")
    test_size: Size = Field(
        0, validate_default=True, description="number or fraction of examples held out for the final score"
    )
    missing: Missing = MISSING_CELLS
    columns: dict[ColumnName, ColumnKind] = COLUMN_KINDS
    bins: int = BINS
    target_transform: TargetTransform = TARGET_TRANSFORM
    split_by: SplitBy = SPLIT_BY

    @property
    def n_columns(self) -> None:
        return None

    def targets(self, task: Task | None) -> int | None:  # noqa: ARG002
        return None


OTHER_DATA = {
    **dict.fromkeys(("make_moons", "two_moons"), "moons"),
    **dict.fromkeys(("make_circles", "rings"), "circles"),
    **dict.fromkeys(("make_blobs", "gaussians", "clouds", "clusters"), "blobs"),
    **dict.fromkeys(("swirl", "swirls"), "spiral"),
    **dict.fromkeys(("surface", "hills", "multi_gaussian", "reg_gauss", "gauss"), "peaks"),
    "cifar": "cifar10",
    **dict.fromkeys(("table", "tsv", "file"), "csv"),
    "numpy": "npz",
}

Data: TypeAlias = Annotated[
    Spiral | Moons | Circles | Blobs | Xor | Sine | Peaks | Cifar10 | Csv | Npz | Npy | Arrays,
    Field(discriminator="name"),
    other_names(OTHER_DATA),
    by_name(),
]


def data_sections() -> dict[str, type[DataSection]]:
    """Return the data sets that a config file may name, each with its section."""
    sections = [section for section in get_args(get_args(Data)[0]) if section is not Arrays]
    return {get_args(section.model_fields["name"].annotation)[0]: section for section in sections}
