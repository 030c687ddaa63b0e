"""How the text of a table is written."""

import codecs
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo

from mlpcli.config.schema.section import problem

__all__ = ["DATES", "DECIMAL", "DELIMITER", "ENCODING", "THOUSANDS", "Encoding", "Separator"]


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
