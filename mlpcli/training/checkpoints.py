"""Reads and writes checkpoints: .npz files with plain arrays, and ``meta``, JSON that describes them.

A checkpoint holds everything that evaluation and prediction need:

- the parameters W1, b1, W2, b2, ..., and with batch normalization gamma1, beta1, mean1 and var1 (running);
- the arrays of the transform of the columns, ``shift``, ``scale`` and ``fill``, and for a regression those
  of the transform of the targets, ``target_shift``, ``target_scale`` and, with data.target_transform, those
  of `Log` or `Quantiles`; all are float64;
- those of the `Baselines`, ``baseline_constant``, ``baseline_V`` and ``baseline_b``;
- in ``meta`` the format number, the whole config, the names of columns and classes, the kinds of columns and
  which features they become, shapes and scores.

A checkpoint may hold several networks, whose predictions are averaged. The arrays of the second one and of
its transforms begin with ``network2_``, and so on. In ``meta``, ``others`` has what differs between them.

A checkpoint that training can resume from also holds the optimizer's arrays (``optimizer_m``, ...) and, in
``meta``, the progress.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlpcli import __version__
from mlpcli.build import build_network, build_rule
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import plan_network
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.data.kinds import Kind, Kinds
from mlpcli.data.target_transform import MOST_KNOTS, TargetTransform
from mlpcli.data.transform import MOST_BINS, Slots, Transform
from mlpcli.errors import CheckpointError, ConfigError
from mlpcli.files import replace_file
from mlpcli.machine import available_memory
from mlpcli.nn.network import Network
from mlpcli.npz import NpzFile, write_npz
from mlpcli.specs import NetworkSpec
from mlpcli.text import memory, shortened
from mlpcli.training.baselines import Baselines
from mlpcli.training.loop import MidEpoch, Progress
from mlpcli.training.migrations import migrate

__all__ = [
    "FORMAT",
    "Checkpoint",
    "Member",
    "Resume",
    "load_checkpoint",
    "name_prefix",
    "pack_checkpoint",
    "read_place",
    "read_plan",
    "save_checkpoint",
    "write_checkpoint",
]

FORMAT = 3
_MAX_META = 16_000_000  # bytes
_MAX_VALUES = 100_000  # in meta, without the long lists of names; a thousand layers take about ten thousand
_MAX_ARRAYS = 10_000  # of a thousand networks
_LONG = ("bins", "columns", "classes", "class_counts", "flagged", "kinds", "others")
_MAX_LEVELS = 1_000_000  # of all columns of categories, and their slots
_MAX_QUOTES = 3_000_000  # a million features and 65,000 classes, with some quotes in the names themselves
_OPTIMIZER = "optimizer_"
_OF_TARGETS = "target_"


@dataclass(frozen=True)
class Resume:
    """The state, besides the weights, that resuming needs: progress, step count and the optimizer's slots.

    ``mid_epoch`` is set if the checkpoint was written within an epoch.
    """

    progress: Progress
    steps: int
    slots: dict[str, NDArray[Any]]
    mid_epoch: MidEpoch | None = None


@dataclass(frozen=True)
class Member:
    """One of the networks of a checkpoint, with the transforms of its training split, after ``epoch``."""

    network: Network
    transform: Transform
    target_transform: TargetTransform | None
    epoch: int


@dataclass(frozen=True)
class Checkpoint:
    """A network, with a description of its training data and its scores.

    Where there are ``others``, its predictions are the mean of theirs and that of the first network.
    """

    experiment: Experiment
    network: Network
    transform: Transform
    target_transform: TargetTransform | None  # None for a classifier
    columns: tuple[str, ...]
    kinds: Kinds
    classes: tuple[str, ...] | None
    targets: int
    fingerprint: int | None
    class_counts: list[int] | None  # of the training split
    epoch: int
    scores: dict[str, float]
    resume: Resume | None = None
    data_from_run: str | None = None  # the path of the data from the run's folder
    baselines: Baselines | None = None  # older checkpoints have none
    others: tuple[Member, ...] = ()

    @property
    def members(self) -> tuple[Member, ...]:
        """All its networks, the first one included."""
        return (Member(self.network, self.transform, self.target_transform, self.epoch), *self.others)

    @property
    def target_names(self) -> list[str]:
        """The names of the targets of a regression."""
        names = getattr(self.experiment.data, "target", None) or [f"y{i}" for i in range(1, self.targets + 1)]
        return [names] if isinstance(names, str) else list(names)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


_Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Progress(_Strict):
    epoch: _Count
    best_epoch: _Count
    best_score: list[float]
    epochs_since_best: _Count
    plateaus: _Count
    steps: _Count


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
    seconds: float
    silent: list[Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$")]]
    streams: dict[Literal["augment", "dropout", "noise"], _Stream]


_Bins = Annotated[int, Field(ge=1, le=MOST_BINS)]


class _Kind(_Strict):
    """What a column holds, and of categories the `Slots` of its levels."""

    name: Literal["boolean", "category"]
    levels: list[str]
    slots: list[Annotated[int, Field(ge=-1)]]


class _Other(_Strict):
    """What differs between a further network and the first one; slots and bins are by names of columns."""

    epoch: _Count
    flagged: list[_Count]
    slots: dict[str, list[Annotated[int, Field(ge=-1)]]]
    bins: dict[str, _Bins] = {}


class Meta(_Strict):
    """The JSON in ``meta``.

    ``flagged`` has the places of the columns with a feature for missing cells, and ``bins`` how many bins the
    columns have that are cut into bins.
    """

    format: Literal[3]
    mlp: str
    config: dict[str, Any]
    columns: list[str]
    kinds: dict[str, _Kind]
    flagged: list[_Count]
    bins: dict[str, _Bins] = {}
    classes: list[str] | None
    targets: int
    fingerprint: int | None
    class_counts: list[_Count] | None
    shapes: dict[str, list[int]]
    epoch: _Count
    scores: dict[str, float]
    progress: _Progress | None
    mid_epoch: _MidEpoch | None
    data_from_run: str | None = None
    baseline_note: str | None = None
    others: list[_Other] = []


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``path`` completely or not at all; raises CheckpointError as `pack_checkpoint` does."""
    write_checkpoint(path, pack_checkpoint(checkpoint))


def write_checkpoint(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays of `pack_checkpoint`, completely or not at all; equal arrays give equal bytes."""
    with replace_file(path) as stream:
        write_npz(stream, arrays)


def pack_checkpoint(checkpoint: Checkpoint) -> dict[str, NDArray[Any]]:
    """Return the arrays of the file, including ``meta``; those of network and optimizer are not copies.

    Raises CheckpointError if the names are so long that `load_checkpoint` would refuse the file.
    """
    arrays = {
        name_prefix(number) + name: array
        for number, member in enumerate(checkpoint.members, 1)
        for name, array in _arrays(member).items()
    }
    baselines = checkpoint.baselines
    if baselines is not None:
        arrays |= baselines.to_arrays()
    progress = mid_epoch = None
    if checkpoint.resume is not None:
        arrays |= {_OPTIMIZER + name: slot for name, slot in checkpoint.resume.slots.items()}
        progress = {**asdict(checkpoint.resume.progress), "steps": checkpoint.resume.steps}
        mid_epoch = None if checkpoint.resume.mid_epoch is None else asdict(checkpoint.resume.mid_epoch)
    meta = {
        "format": FORMAT,
        "mlp": __version__,
        "config": to_plain(checkpoint.experiment),
        "columns": checkpoint.columns,
        "kinds": _described_kinds(checkpoint),
        "flagged": checkpoint.transform.flagged,
        "bins": _described_bins(checkpoint.columns, checkpoint.transform),
        "classes": checkpoint.classes,
        "targets": checkpoint.targets,
        "fingerprint": checkpoint.fingerprint,
        "class_counts": checkpoint.class_counts,
        "shapes": {name: array.shape for name, array in arrays.items()},
        "epoch": checkpoint.epoch,
        "scores": checkpoint.scores,
        "progress": progress,
        "mid_epoch": mid_epoch,
        "data_from_run": checkpoint.data_from_run,
        "baseline_note": None if baselines is None else baselines.note,
    }
    if checkpoint.others:
        meta["others"] = [
            {
                "epoch": other.epoch,
                "flagged": other.transform.flagged,
                "slots": {checkpoint.columns[j]: own for j, own in (other.transform.slots or {}).items()},
                "bins": _described_bins(checkpoint.columns, other.transform),
            }
            for other in checkpoint.others
        ]
    # A byte string of plain ASCII: json.loads(np.load(path)["meta"].item()) reads it anywhere.
    raw = json.dumps(meta).encode("ascii")
    # Never write a file that cannot be read.
    if len(raw) > _MAX_META or not _is_modest(raw) or _has_too_many_levels(meta):
        raise CheckpointError(
            f"a checkpoint would hold {len(raw):,} bytes of feature and class names, more than can be read "
            "again; shorten the names"
        )
    if len(arrays) > _MAX_ARRAYS:
        raise CheckpointError(
            f"a checkpoint of {len(checkpoint.members):,} networks would hold {len(arrays):,} arrays, more "
            f"than can be read again ({_MAX_ARRAYS:,}); use fewer networks"
        )
    arrays["meta"] = np.array(raw)
    return arrays


def name_prefix(number: int) -> str:
    """Return what the names of the arrays of a network begin with; the first one is number 1."""
    return "" if number == 1 else f"network{number}_"


def _arrays(member: Member) -> dict[str, NDArray[Any]]:
    parameters = member.network.parameters
    arrays = {name: parameters.view(name) for name in parameters.shapes}
    arrays |= member.network.state
    arrays |= member.transform.to_arrays()
    if member.target_transform is not None:
        of_targets = member.target_transform.to_arrays()
        arrays |= {_OF_TARGETS + name: array for name, array in of_targets.items()}
    return arrays


def _described_kinds(checkpoint: Checkpoint) -> dict[str, Any]:
    slots = checkpoint.transform.slots or {}
    return {
        name: {**checkpoint.kinds[name]._asdict(), "slots": slots.get(j, ())}
        for j, name in enumerate(checkpoint.columns)
        if name in checkpoint.kinds
    }


def _described_bins(columns: Sequence[str], transform: Transform) -> dict[str, int]:
    return {columns[j]: n for j, n in transform.bins.items()}


def read_plan(path: Path) -> tuple[Experiment, list[tuple[int, ...]]]:
    """Return a checkpoint's config and the widths of its networks, without reading their weights.

    Raises CheckpointError.
    """
    with NpzFile(path, CheckpointError) as archive:
        meta = _read_meta(path, archive)
    experiment = _read_config(path, meta)
    return experiment, [layout.spec.widths for layout in _layouts(path, meta, experiment)]


def read_place(path: Path) -> str | None:
    """Return the path of the data from the run's folder, as a checkpoint has it; raises CheckpointError."""
    with NpzFile(path, CheckpointError) as archive:
        return _read_meta(path, archive).data_from_run


def load_checkpoint(path: Path, *, force_memory: bool = False) -> Checkpoint:
    """Read a checkpoint without trusting it: names, shapes, types and values are checked against ``meta``.

    Raises CheckpointError. It also does so if there is not enough memory, unless ``force_memory`` is true.
    """
    if path.is_dir():
        raise CheckpointError(f"{path} is a directory; name a checkpoint in it, as in {path / 'best.npz'}")
    if path.suffix in (".yaml", ".yml"):
        raise CheckpointError(f"{path} is a config; name a checkpoint, as in runs/NAME/best.npz")
    with NpzFile(path, CheckpointError) as archive:
        meta = _read_meta(path, archive)
        experiment = _read_config(path, meta)
        layouts = _layouts(path, meta, experiment)
        shapes = {name: tuple(shape) for name, shape in meta.shapes.items()}
        of_baselines = Baselines.shapes(shapes, layouts[0].direct, meta.targets)
        of_columns = {name for layout in layouts for name in layout.float64}
        _check_members(path, archive, shapes, {*of_columns, *of_baselines})
        slots = [] if meta.progress is None else [_OPTIMIZER + name for name in build_rule(experiment).slots]
        expected: dict[str, tuple[int, ...]] = dict.fromkeys(slots, (layouts[0].spec.count(),))
        expected |= of_baselines
        for layout in layouts:
            expected |= layout.shapes()
        if shapes != expected:  # checked before memory for the networks is allocated
            wrong = sorted(
                name for name in shapes.keys() | expected.keys() if shapes.get(name) != expected.get(name)
            )
            raise _damaged(path, f"its arrays do not fit its config: {', '.join(wrong)}")
        if not force_memory:
            _require_memory(path, sum(layout.spec.count() for layout in layouts))
        first, *others = (_read_member(path, archive, experiment, layout) for layout in layouts)
        of_optimizer = {name.removeprefix(_OPTIMIZER): _read_array(path, archive, name) for name in slots}
        baselines = {name: _read_array(path, archive, name) for name in of_baselines}
    spec = layouts[0].spec
    units = [spec.members * width for width in spec.widths[1:-1]]
    return Checkpoint(
        experiment,
        first.network,
        first.transform,
        first.target_transform,
        tuple(meta.columns),
        {name: Kind(kind.name, tuple(kind.levels)) for name, kind in meta.kinds.items()},
        None if meta.classes is None else tuple(meta.classes),
        meta.targets,
        meta.fingerprint,
        meta.class_counts,
        meta.epoch,
        meta.scores,
        _resume(path, meta, of_optimizer, units),
        meta.data_from_run,
        Baselines.from_arrays(baselines, meta.baseline_note),
        tuple(others),
    )


@dataclass(frozen=True)
class _Layout:
    """What one of the networks of a file looks like: its plan, its arrays, and its features.

    The names in ``of_transform`` and ``of_targets`` have no ``prefix``, which they have in the file.
    """

    prefix: str
    epoch: int
    spec: NetworkSpec
    flagged: list[int]
    slots: dict[int, Slots]
    bins: dict[int, int]
    of_transform: dict[str, tuple[int, ...]]
    of_targets: dict[str, tuple[int, ...]]

    @property
    def direct(self) -> int:
        """The number of features that are no bins."""
        return self.spec.widths[0] - sum(self.bins.values())

    @property
    def float64(self) -> list[str]:
        """The names of the arrays that are float64; in older files they are float32."""
        return [self.prefix + name for name in (*self.of_transform, *self.of_targets)]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all arrays."""
        own = {array.name: array.shape for array in (*self.spec.parameters, *self.spec.state)}
        own |= self.of_transform | self.of_targets
        return {self.prefix + name: shape for name, shape in own.items()}


def _layouts(path: Path, meta: Meta, experiment: Experiment) -> list[_Layout]:
    """Return the layout of each network; raises CheckpointError if they do not fit their config."""
    if meta.others and meta.progress is not None:
        raise _damaged(path, "it holds several networks, and progress of one")
    of_first = {name: kind.slots for name, kind in meta.kinds.items() if kind.name == "category"}
    first = _Other(epoch=meta.epoch, flagged=meta.flagged, slots=of_first, bins=meta.bins)
    if len(meta.shapes) > _MAX_ARRAYS:
        raise _damaged(path, f"it lists {len(meta.shapes):,} arrays")
    layouts: list[_Layout] = []
    place = _places(path, meta)
    for number, network in enumerate((first, *meta.others), 1):
        slots = _read_slots(path, meta, network, place)
        bins = _read_bins(path, meta, network, place)
        features = Transform.width(len(meta.columns), network.flagged, slots, bins)
        widths = experiment.widths(features, meta.targets)
        if widths is None:
            raise _damaged(path, "its features and classes do not fit its config")
        prefix = name_prefix(number)
        has_fill = f"{prefix}fill" in meta.shapes
        layout = _Layout(
            prefix,
            network.epoch,
            plan_network(experiment.model, widths),
            network.flagged,
            slots,
            bins,
            Transform.shapes(len(meta.columns), bins, fill=has_fill),
            {} if meta.classes is not None else _target_shapes(path, experiment, meta, prefix),
        )
        if not layouts and len(layout.shapes()) * len(meta.others) > len(meta.shapes):
            raise _damaged(path, f"it has not the arrays of {1 + len(meta.others):,} networks")
        layouts.append(layout)
    return layouts


def _read_member(path: Path, archive: NpzFile, experiment: Experiment, layout: _Layout) -> Member:
    """Read one of the networks, whose arrays have been found to have the right shapes."""
    network, prefix = build_network(experiment, layout.spec.widths), layout.prefix
    for name in network.parameters.shapes:  # one at a time, so that two copies never exist
        network.parameters.view(name)[...] = _read_array(path, archive, prefix + name)
    for array_spec in layout.spec.state:
        array = _read_array(path, archive, prefix + array_spec.name)
        network.state[array_spec.name][...] = array
        if array_spec.non_negative and not np.all(array >= 0):
            raise _damaged(path, f"{prefix}{array_spec.name} holds variances below 0")
    of_transform = {name: _read_array(path, archive, prefix + name) for name in layout.of_transform}
    of_targets = {
        name.removeprefix(_OF_TARGETS): _read_array(path, archive, prefix + name)
        for name in layout.of_targets
    }
    bend, what = _bend(experiment), prefix
    try:
        transform = Transform.from_arrays(of_transform, layout.flagged, layout.slots, layout.bins)
        what += _OF_TARGETS
        target_transform = TargetTransform.from_arrays(bend, of_targets) if of_targets else None
    except ValueError as error:
        raise _damaged(path, f"{what}{error}") from None
    return Member(network, transform, target_transform, layout.epoch)


def _bend(experiment: Experiment) -> str:
    kind: str = getattr(experiment.data, "target_transform", "none")
    return kind


def _target_shapes(path: Path, experiment: Experiment, meta: Meta, prefix: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays of the targets; raises CheckpointError for too many knots."""
    of_curve = meta.shapes.get(f"{prefix}{_OF_TARGETS}values", [meta.targets, 1])
    knots = of_curve[1] if len(of_curve) == 2 else 0
    if not 1 <= knots <= MOST_KNOTS:
        raise _damaged(path, f"{prefix}{_OF_TARGETS}values has the shape {tuple(of_curve)}")
    shapes = TargetTransform.shapes(_bend(experiment), meta.targets, knots)
    return {_OF_TARGETS + name: shape for name, shape in shapes.items()}


def _require_memory(path: Path, parameters: int) -> None:
    needed, available = 2 * 4 * parameters, available_memory()  # values and gradients
    if available is not None and needed > available.size:
        raise CheckpointError(
            f"{path}: its {parameters:,} parameters take {memory(needed)} of memory, "
            f"but {available.where} has {memory(available.size)} left"
        )


def _damaged(path: Path, what: str) -> CheckpointError:
    if len(what) > 300:
        what = f"{what[:297]}..."
    return CheckpointError(f"{path} is not a valid checkpoint: {what}; use another one, or train again")


def _read_meta(path: Path, archive: NpzFile) -> Meta:
    if "meta" not in archive.names:
        raise CheckpointError(
            f"{path} is not a checkpoint of mlp: it has no meta; use best.npz or last.npz of a run"
        )
    shape, dtype = archive.header("meta")
    if shape != () or dtype.kind != "S" or dtype.itemsize > _MAX_META:
        raise _damaged(path, f"meta is {dtype} {shape}, not a byte string")
    raw = archive.read("meta").item()
    if not _is_modest(raw):
        raise _damaged(path, "meta holds more lists, mappings or strings than any network needs")
    try:
        data = json.loads(raw)
        if isinstance(data, dict):
            data = migrate(data)
        if isinstance(data, dict) and data.get("format") != FORMAT:
            raise CheckpointError(
                f"{path} has format {data.get('format')!r:.50}, but this version of mlp reads formats up to "
                f"{FORMAT}; it was written by mlp {data.get('mlp')!r:.50}"
            )
        if isinstance(data, dict) and (
            _more_than(_MAX_VALUES, data, besides=_LONG)
            or _has_too_many_levels(data)
            or _has_more_than_columns(data)
        ):
            raise _damaged(path, "meta holds more values than any network needs")
        json.dumps(data, ensure_ascii=False).encode()  # lone surrogates cannot be printed
        return Meta.model_validate(data)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise _damaged(path, f"meta.{where}: {error.errors()[0]['msg']}") from None
    except (ValueError, RecursionError):
        raise _damaged(path, "meta is not valid JSON") from None


def _is_modest(raw: bytes) -> bool:
    """Return whether the JSON can be parsed in little memory; an empty list takes thirty times its text."""
    return raw.count(b"[") + raw.count(b"{") <= _MAX_VALUES and raw.count(b'"') <= _MAX_QUOTES


def _has_too_many_levels(meta: dict[str, Any]) -> bool:
    return _more_than(_MAX_LEVELS, {key: meta.get(key) for key in ("kinds", "others")}, besides=())


def _has_more_than_columns(meta: dict[str, Any]) -> bool:
    """Return whether a list that has at most one value for each column is longer than that."""
    columns = meta.get("columns")
    most = len(columns) if isinstance(columns, list) else 0
    own = (meta.get(key) for key in ("kinds", "flagged", "bins"))
    return any(isinstance(values, (dict, list)) and len(values) > most for values in own)


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


def _places(path: Path, meta: Meta) -> dict[str, int]:
    """Return the place of each column; raises CheckpointError if the kinds of columns do not fit them."""
    place = {name: j for j, name in enumerate(meta.columns)}
    if len(place) < len(meta.columns):
        raise _damaged(path, "meta.columns has a name twice")
    for name, kind in meta.kinds.items():
        if name not in place or len(set(kind.levels)) < len(kind.levels):
            raise _does_not_fit(path, name)
    return place


def _does_not_fit(path: Path, column: str) -> CheckpointError:
    return _damaged(path, f"meta.kinds of column {shortened(column)} does not fit its columns and levels")


def _read_slots(path: Path, meta: Meta, network: _Other, place: dict[str, int]) -> dict[int, Slots]:
    """Return a network's slots of the columns of categories; raises CheckpointError if they do not fit."""
    categories = {name: kind for name, kind in meta.kinds.items() if kind.name == "category"}
    if network.slots.keys() != categories.keys():
        raise _damaged(path, "meta.others does not fit its columns of categories")
    for name, kind in meta.kinds.items():
        slots = network.slots.get(name, kind.slots)
        used = sorted({slot for slot in slots if slot >= 0})
        expected = len(kind.levels) + 2 if name in categories else 0
        if len(slots) != expected or used != list(range(len(used))):
            raise _does_not_fit(path, name)
    flagged = network.flagged
    flags = [j for j in flagged if j < len(meta.columns) and meta.columns[j] not in categories]
    if flags != flagged or sorted(set(flags)) != flags:
        raise _damaged(path, "meta.flagged does not fit its columns")
    return {place[name]: tuple(network.slots[name]) for name in categories}


def _read_bins(path: Path, meta: Meta, network: _Other, place: dict[str, int]) -> dict[int, int]:
    """Return the bins of the columns that are cut into bins; raises CheckpointError if they do not fit."""
    found = {place.get(name, -1): n for name, n in network.bins.items()}
    of_category = any(name in meta.kinds and meta.kinds[name].name == "category" for name in network.bins)
    if list(found) != sorted(found) or -1 in found or of_category:
        raise _damaged(path, "meta.bins does not fit its columns")
    return found


def _read_config(path: Path, meta: Meta) -> Experiment:
    try:
        experiment = validate_experiment(meta.config, path.parent)
    except ConfigError as error:
        raise _damaged(path, f"its config is wrong: {error}") from None
    if (
        experiment.widths(len(meta.columns), meta.targets) is None
        or not meta.columns
        or meta.targets < 1
        or experiment.loss.task is None
        or (experiment.loss.binary and meta.targets != 2)
        or (meta.classes is not None and len(meta.classes) != meta.targets)
        or len(meta.class_counts or []) != len(meta.classes or [])
    ):
        raise _damaged(path, "its features and classes do not fit its config")
    if (meta.classes is None) != (experiment.loss.task == "regression"):
        raise _damaged(path, f"its classes do not fit its loss, {experiment.loss.name}")
    return experiment


def _check_members(
    path: Path, archive: NpzFile, shapes: dict[str, tuple[int, ...]], of_columns: set[str]
) -> None:
    """Check the types and shapes of the arrays; those ``of_columns`` are float32 in older files."""
    if set(archive.names) != {"meta", *shapes}:
        wrong = sorted(set(archive.names) ^ {"meta", *shapes})
        raise _damaged(path, f"its members differ from those listed in meta: {', '.join(wrong[:5])}")
    for name, shape in shapes.items():
        found, dtype = archive.header(name)
        if found != shape or (dtype != np.float32 and not (dtype == np.float64 and name in of_columns)):
            raise _damaged(path, f"{name} is {dtype} {found}, not float32 {shape}")


def _read_array(path: Path, archive: NpzFile, name: str) -> NDArray[Any]:
    array = archive.read(name)
    if not np.isfinite(array).all():
        raise _damaged(path, f"{name} holds numbers that are not finite")
    return array


def _resume(path: Path, meta: Meta, slots: dict[str, NDArray[Any]], hidden: list[int]) -> Resume | None:
    if meta.progress is None:
        return None
    saved = meta.progress
    progress = Progress(
        saved.epoch, saved.best_epoch, tuple(saved.best_score), saved.epochs_since_best, saved.plateaus
    )
    mid_epoch = None
    if meta.mid_epoch is not None:
        silent = meta.mid_epoch.silent
        if len(silent) != len(hidden) or any(
            len(bits) not in (0, 2 * ceil(units / 8)) for bits, units in zip(silent, hidden, strict=True)
        ):
            raise _damaged(path, "meta.mid_epoch.silent does not fit its hidden layers")
        mid_epoch = MidEpoch(**meta.mid_epoch.model_dump())
    return Resume(progress, saved.steps, slots, mid_epoch)
