"""The JSON ``meta`` of a checkpoint: what it may hold, and how it is read from a stranger's file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError, model_validator
from pydantic_core import CoreSchema

from mlpcli.data.transform import MOST_BINS
from mlpcli.errors import CheckpointError
from mlpcli.nn.products import NUMPY
from mlpcli.npz import NpzFile
from mlpcli.text import escaped, printable
from mlpcli.training.migrations import migrate

__all__ = [
    "FORMAT",
    "KindMeta",
    "Meta",
    "NetworkMeta",
    "can_be_read",
    "damaged",
    "read_meta",
]

FORMAT = 3
_MAX_META = 16_000_000  # bytes
_MAX_VALUES = 100_000  # in meta, without the long lists of names; a thousand layers take about ten thousand
_LONG = ("bins", "columns", "classes", "class_counts", "flagged", "kinds", "others")
_MAX_LEVELS = 1_000_000  # of all columns of categories, and their slots
_MAX_TEXT = 10_000  # characters of a path, or of a note
_BIAS = re.compile(r"b\d{1,5}")  # the names of the biases; the last of these arrays has one for each output
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # what is half of a character
_MAX_QUOTES = 3_000_000  # a million features and 65,000 classes, with some quotes in the names themselves
_T = TypeVar("_T")


class _ToFirstFault:
    """Marks a list or mapping that is refused at its first wrong value; else all of millions are described.

    It is pydantic's FailFast, which has no hash and so cannot stand in a union.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return {**handler(source), "fail_fast": True}


_List = Annotated[list[_T], _ToFirstFault()]
_Mapping = Annotated[dict[str, _T], _ToFirstFault()]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _has_few_keys(cls, data: Any) -> Any:
        if isinstance(data, dict) and len(data) > 2 * len(cls.model_fields):
            raise ValueError(f"it has {len(data):,} keys, more than are known")
        return data


_Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Progress(_Strict):
    epoch: _Count
    best_epoch: _Count
    best_score: _List[float]
    epochs_since_best: _Count
    plateaus: _Count
    steps: _Count
    epoch_offset: _Count = 0
    step_offset: Annotated[int, Field(gt=-(2**63), lt=2**63)] = 0

    @model_validator(mode="after")
    def _fits_itself(self) -> _Progress:
        if (
            max(self.best_epoch, self.epochs_since_best, self.plateaus) > self.epoch
            or self.epoch > self.steps - self.step_offset
        ):
            raise ValueError("counts more than its epochs, or more epochs than steps")
        return self


_Bits = Annotated[int, Field(ge=0, lt=2**128)]


class _PCG64(_Strict):
    state: _Bits
    inc: _Bits


class _Stream(_Strict):
    """The state of a bit generator as NumPy describes it."""

    bit_generator: Literal["PCG64"]
    state: _PCG64
    has_uint32: Literal[0, 1]
    uinteger: Annotated[int, Field(ge=0, lt=2**32)]


class _MidEpoch(_Strict):
    batch: _Count
    loss_sum: float
    correct: _Count | Annotated[float, Field(ge=0)]  # the sum of weights, where examples have them
    seconds: Annotated[float, Field(ge=0)]
    silent: _List[Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$")]]
    streams: Annotated[dict[Literal["augment", "dropout", "noise"], _Stream], _ToFirstFault()]


_Bins = Annotated[int, Field(ge=1, le=MOST_BINS)]


class KindMeta(_Strict):
    """What a column holds, and of categories the `Slots` of its levels."""

    name: Literal["boolean", "category"]
    levels: _List[str]
    slots: _List[Annotated[int, Field(ge=-1)]]


class NetworkMeta(_Strict):
    """What differs between a further network and the first one; slots and bins are by names of columns."""

    epoch: _Count
    flagged: _List[_Count]
    slots: _Mapping[_List[Annotated[int, Field(ge=-1)]]]
    bins: _Mapping[_Bins] = {}


class Meta(_Strict):
    """The JSON in ``meta``.

    ``flagged`` has the places of the columns with a feature for missing cells, and ``bins`` how many bins the
    columns have that are cut into bins.
    """

    format: Literal[3]
    mlp: Annotated[str, Field(max_length=100)]
    config: dict[str, Any]
    columns: _List[str]
    kinds: _Mapping[KindMeta]
    flagged: _List[_Count]
    bins: _Mapping[_Bins] = {}
    classes: _List[str] | None
    targets: Annotated[int, Field(lt=2**31)]
    fingerprint: Annotated[int, Field(ge=0, lt=2**32)] | None
    # Where examples have weights, the sums of these.
    class_counts: _List[_Count | Annotated[float, Field(ge=0)]] | None
    shapes: _Mapping[_List[int]]
    epoch: _Count
    scores: _Mapping[float]
    progress: _Progress | None
    mid_epoch: _MidEpoch | None
    data_from_run: Annotated[str, Field(max_length=_MAX_TEXT, pattern=r"^[^\x00]*$")] | None = None
    baseline_note: Annotated[str, Field(max_length=_MAX_TEXT)] | None = None
    others: _List[NetworkMeta] = []
    may_have_seen: bool = False
    engine: Annotated[str, Field(max_length=100)] = NUMPY


def damaged(path: Path, what: str) -> CheckpointError:
    """Return the error for a file that no version of mlp has written; ``what`` is wrong with it."""
    what = printable(what if len(what) <= 300 else f"{what[:297]}...")
    return CheckpointError(f"{path} is not a valid checkpoint: {what}; use another one, or train again")


def read_meta(path: Path, archive: NpzFile) -> Meta:
    """Return the meta of an archive in the current format; raises CheckpointError."""
    if "meta" not in archive.names:
        raise CheckpointError(
            f"{path} is not a checkpoint of mlp: it has no meta; use best.npz or last.npz of a run"
        )
    shape, dtype = archive.header("meta")
    if shape != () or dtype.kind != "S" or dtype.itemsize > _MAX_META:
        raise damaged(path, f"meta is {dtype} {shape}, not a byte string")
    raw = archive.read("meta").item()
    if not _is_modest(raw):
        raise damaged(path, "meta holds more lists, mappings or strings than any network needs")
    try:
        data = json.loads(raw)
        may_be_halved = _SURROGATE.search(raw) is not None
        del raw
        if isinstance(data, dict):
            data = migrate(data)
        if isinstance(data, dict) and data.get("format") != FORMAT:
            raise CheckpointError(
                f"{path} has format {data.get('format')!r:.50}, but this version of mlp reads formats up to "
                f"{FORMAT}; it was written by mlp {data.get('mlp')!r:.50}"
            )
        if isinstance(data, dict):
            _check_lengths(path, archive, data)
            if _has_too_many_values(data):
                raise damaged(path, "meta holds more values than any network needs")
        if may_be_halved:
            json.dumps(data, ensure_ascii=False).encode()  # half a surrogate pair cannot be printed
        return Meta.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = escaped(".".join(map(str, ("meta", *first["loc"])))[:300])
        raise damaged(path, f"{where}: {first['msg']}") from None
    except (ValueError, RecursionError):
        raise damaged(path, "meta is not valid JSON") from None


def can_be_read(raw: bytes, meta: dict[str, Any]) -> bool:
    """Return whether `read_meta` would take ``meta``, whose JSON is ``raw``."""
    return len(raw) <= _MAX_META and _is_modest(raw) and not _has_too_many_values(meta)


def _is_modest(raw: bytes) -> bool:
    """Return whether the JSON can be parsed in little memory; an empty list takes thirty times its text."""
    return raw.count(b"[") + raw.count(b"{") <= _MAX_VALUES and raw.count(b'"') <= _MAX_QUOTES


def _has_too_many_values(meta: dict[str, Any]) -> bool:
    levels = {key: meta.get(key) for key in ("kinds", "others")}
    return _more_than(_MAX_VALUES, meta, besides=_LONG) or _more_than(_MAX_LEVELS, levels, besides=())


def _check_lengths(path: Path, archive: NpzFile, meta: dict[str, Any]) -> None:
    """Raise CheckpointError if a list or mapping is longer than the arrays of the file allow."""
    columns = meta.get("columns")
    within = len(columns) if isinstance(columns, list) else 0
    outputs = [archive.header(name)[0][-1:] for name in archive.names if _BIAS.fullmatch(name)]
    classes = max(2, *(shape[0] for shape in outputs if shape), 0)
    limits = {
        "columns": _length(archive, "shift"),
        **dict.fromkeys(("kinds", "flagged", "bins"), within),
        **dict.fromkeys(("classes", "class_counts"), classes),
        **dict.fromkeys(("shapes", "others"), len(archive.names)),
    }
    for key, most in limits.items():
        _require_at_most(path, f"meta.{key}", meta.get(key), most)
    others = meta.get("others")
    for network in others if isinstance(others, list) else ():
        for key in ("flagged", "slots", "bins"):
            values = network.get(key) if isinstance(network, dict) else None
            _require_at_most(path, f"{key} of meta.others", values, within)


def _length(archive: NpzFile, name: str) -> int:
    """Return the length of an array by its header; 0 if there is no such list."""
    shape = archive.header(name)[0] if name in archive.names else ()
    return shape[0] if len(shape) == 1 else 0


def _require_at_most(path: Path, where: str, values: Any, most: int) -> None:
    if isinstance(values, (list, dict)) and len(values) > most:
        raise damaged(path, f"{where} has {len(values):,} values, where its arrays allow {most:,}")


def _more_than(limit: int, data: dict[str, Any], besides: tuple[str, ...]) -> bool:
    """Return whether ``data`` without the keys ``besides`` holds more than ``limit`` values in all."""
    pending = [value for key, value in data.items() if key not in besides]
    while pending and limit >= 0:
        value = pending.pop()
        limit -= 1
        if isinstance(value, (dict, list, tuple)):
            if len(value) > limit:
                return True
            pending += value.values() if isinstance(value, dict) else value
    return limit < 0
