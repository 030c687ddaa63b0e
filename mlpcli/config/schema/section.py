"""What all sections of a config are made of."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = ["Section", "Task", "by_name", "other_names", "problem", "written"]

Task: TypeAlias = Literal["classification", "regression"]


class Section(BaseModel):
    """A mapping in the config; unknown keys and loose types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def other_names(table: dict[str, str]) -> Any:
    """Return what notes in the JSON schema how the names of a key are called in other libraries.

    ``table`` has the other names, with the name here. Case, blanks, hyphens and underscores do not count.
    """
    return Field(json_schema_extra={"other_names": dict(table)})


def problem(message: str, at: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """Return an error with a message of our own, which the user reads unchanged.

    ``at`` is the path of the key to change, if that is not the one being validated.
    """
    return PydanticCustomError("config", "{message}", {"message": message, "at": at})


def written(schema: dict[str, Any]) -> Any:
    """Return what notes in the JSON schema how a config may write a value, where a validator knows more.

    It is a JSON schema itself, for `mlpcli.config.editor_schema`.
    """
    return Field(json_schema_extra={"written": schema})


@dataclass(frozen=True)
class by_name:  # noqa: N801  # written like a function
    """Read a bare word as the name, and a mapping without a name as the default one.

    The JSON schema notes the default as ``unnamed``.
    """

    default: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._expand, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        return schema if self.default is None else {**schema, "unnamed": self.default}

    def _expand(self, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and self.default is not None:
            return {"name": self.default, **value}
        return value
