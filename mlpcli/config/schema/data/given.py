"""Data sets that the user brings, in files or as arrays of a program."""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from mlpcli.config.schema.data.base import OneSource
from mlpcli.config.schema.data.columns import (
    BINS,
    COLUMN_KINDS,
    MISSING_CELLS,
    SCALING_OF_TABLES,
    TARGET_TRANSFORM,
    ColumnKind,
    Missing,
    TableScaling,
    TargetTransform,
)
from mlpcli.config.schema.data.dialect import (
    DATES,
    DECIMAL,
    DELIMITER,
    ENCODING,
    THOUSANDS,
    Encoding,
    Separator,
)
from mlpcli.config.schema.data.names import ColumnName, FileNames, SplitOrFiles, Target, one_name
from mlpcli.config.schema.data.splits import SPLIT_BY, Size, SplitBy
from mlpcli.config.schema.paths import FileName
from mlpcli.config.schema.section import Task, problem

__all__ = ["Arrays", "Given"]


class _GivenSection(OneSource):
    """Data whose columns and targets are known once they are read."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification", "regression")

    @property
    def n_columns(self) -> None:
        return None

    def targets(self, task: Task | None) -> int | None:  # noqa: ARG002
        return None


class _File(_GivenSection):
    """A file of the user's."""

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
    features: Annotated[list[ColumnName] | None, BeforeValidator(one_name)] = Field(
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


class Npy(_GivenSection):
    """NumPy .npy files, one for each array."""

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


class Arrays(_GivenSection):
    """Arrays that a program hands to the engine; not offered where a data set can be chosen by name."""

    model_config = ConfigDict(json_schema_extra={"offered": False})
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


Given: TypeAlias = Csv | Npz | Npy | Arrays
