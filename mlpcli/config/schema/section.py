"""What all sections of a config are made of."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

__all__ = ["Section", "Task", "by_name", "other_names", "problem"]

Task: TypeAlias = Literal["classification", "regression"]


class Section(BaseModel):
    """A mapping in the config; unknown keys and loose types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def other_names(table: dict[str, str]) -> Any:
    """Return what notes in the JSON schema how the names of a key are called in other libraries.

    ``table`` has the other names, with the name here. Case, blanks, hyphens and underscores do not count.
    """
    return Field(json_schema_extra={"other_names": dict(table)})


def problem(message: str, at: tuple[str, ...] = ()) -> PydanticCustomError:
    """Return an error with a message of our own, which the user reads unchanged.

    ``at`` is the path of the key to change, if that is not the one being validated.
    """
    return PydanticCustomError("config", "{message}", {"message": message, "at": at})


def by_name(default: str | None = None) -> BeforeValidator:
    """Read a bare word as the name, and a mapping without a name as the default one."""

    def expand(value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and default is not None:
            return {"name": default, **value}
        return value

    return BeforeValidator(expand)
