"""Names of columns and files, alone or several at once."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from mlpcli.config.schema.paths import FILE_NAME, FileName, anchored
from mlpcli.config.schema.section import problem, written
from mlpcli.text import nfc, repeated, shortened

__all__ = ["ColumnName", "FileNames", "SplitOrFiles", "Target", "one_name"]

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


def one_name(value: Any) -> Any:
    """Read a single name as a list of one."""
    return [value] if isinstance(value, str) else value


ColumnName = Annotated[str, AfterValidator(nfc)]
FileNames = Annotated[
    FileName,
    WrapValidator(_one_or_several),
    PlainSerializer(lambda value: value),
    written({"anyOf": [FILE_NAME, {"type": "array", "items": FILE_NAME, "minItems": 1}]}),
]
