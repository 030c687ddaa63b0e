"""Paths in a config: a relative one starts at the folder of the config file."""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from mlpcli.config.schema.section import problem, written

__all__ = ["FILE_KEYS", "FILE_NAME", "FileName", "anchored"]

_OF_DATA = ("path", "root", "split", "X", "y", "weights", "table")
FILE_KEYS = (*(("data", key) for key in _OF_DATA), ("training", "start_from"))
_LONGEST_PATH = 4096  # the limit of most systems; to resolve a longer one takes time


def anchored(value: str, info: ValidationInfo) -> str:
    """Return the absolute path; a relative one starts at the folder of the config file."""
    if not value or "\0" in value:
        raise problem("a path cannot be empty or hold a NUL character")
    if len(value) > _LONGEST_PATH:
        raise problem(f"a path of {len(value):,} characters; at most {_LONGEST_PATH:,} are allowed")
    if re.match("(https?|s3|ftp)://", value):
        raise problem(f"{value[:60]!r} is an address; download the file, and write its path")
    if re.match("[A-Za-z]:", value) and not value.isprintable():  # C:\\tables, of which YAML made a tab
        raise problem(
            f"{value[:60]!r}: in double quotes a backslash begins an escape, such as \\t for a tab; "
            "write the path in single quotes, or with forward slashes"
        )
    folder = (info.context or {}).get("folder", Path())
    try:
        return str(os.path.realpath(folder / Path(value).expanduser()))
    except RuntimeError:  # expanduser knows no such user
        raise problem(f"{value[:60]!r} begins with a home folder that does not exist") from None


FILE_NAME = {
    "type": "string",
    "minLength": 1,
    "maxLength": _LONGEST_PATH,
    "not": {"pattern": r"^(https?|s3|ftp)://|\u0000"},
}
FileName = Annotated[str, AfterValidator(anchored), written(FILE_NAME)]
