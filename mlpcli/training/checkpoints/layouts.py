"""The arrays of the networks of a checkpoint: which there have to be, as ``meta`` says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import plan_experiment
from mlpcli.config.schema import Experiment
from mlpcli.data.target_transform import MOST_KNOTS, TargetTransform
from mlpcli.data.transform import Slots, Transform
from mlpcli.errors import CheckpointError, ConfigError
from mlpcli.specs import NetworkSpec
from mlpcli.terms import count_terms
from mlpcli.text import shortened
from mlpcli.training.baselines import Baselines
from mlpcli.training.checkpoints.meta import Meta, NetworkMeta, damaged

__all__ = [
    "MAX_ARRAYS",
    "OF_TARGETS",
    "OPTIMIZER",
    "Layout",
    "bend_of",
    "layouts_of",
    "name_prefix",
    "read_config",
    "terms_of",
]

MAX_ARRAYS = 15_000  # of a thousand networks
OPTIMIZER = "optimizer_"
OF_TARGETS = "target_"


def name_prefix(number: int) -> str:
    """Return what the names of the arrays of a network begin with; the first one is number 1."""
    return "" if number == 1 else f"network{number}_"


@dataclass(frozen=True)
class Layout:
    """What one of the networks of a file looks like: its plan, its arrays, and its features.

    The names of arrays have no ``prefix`` here, which they have in the file.
    """

    prefix: str
    epoch: int
    spec: NetworkSpec
    flagged: list[int]
    slots: dict[int, Slots]
    bins: dict[int, int]
    image: tuple[int, int, int] | None
    of_transform: dict[str, tuple[int, ...]]
    of_targets: dict[str, tuple[int, ...]]
    of_baselines: dict[str, tuple[int, ...]]

    @property
    def float64(self) -> list[str]:
        """The names of the arrays that may be float64; in older files they are float32."""
        names = (*self.of_transform, *self.of_targets, *self.of_baselines)
        return [self.prefix + name for name in names]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all arrays."""
        own = {array.name: array.shape for array in (*self.spec.parameters, *self.spec.state)}
        own |= self.of_transform | self.of_targets | self.of_baselines
        return {self.prefix + name: shape for name, shape in own.items()}


def read_config(path: Path, meta: Meta) -> Experiment:
    """Return the config; raises CheckpointError if it is wrong, or does not fit the columns and classes."""
    try:
        experiment = validate_experiment(meta.config, path.parent)
    except ConfigError as error:
        raise damaged(path, f"its config is wrong: {error}") from None
    if (
        _widths(path, experiment, len(meta.columns), meta.targets) is None
        or not meta.columns
        or meta.targets < 1
        or experiment.loss.task is None
        or (experiment.loss.binary and meta.targets != 2)
        or (meta.classes is not None and len(meta.classes) != meta.targets)
        or len(meta.class_counts or []) != len(meta.classes or [])
    ):
        raise damaged(path, "its features and classes do not fit its config")
    if (meta.classes is None) != (experiment.loss.task == "regression"):
        raise damaged(path, f"its classes do not fit its loss, {experiment.loss.name}")
    return experiment


def _widths(path: Path, experiment: Experiment, inputs: int, targets: int) -> tuple[int, ...] | None:
    """Return the widths of the network; raises CheckpointError if its windows do not fit its inputs."""
    try:
        return experiment.widths(inputs, targets)
    except ConfigError as error:
        raise damaged(path, f"its features do not fit its config: {error}") from None


def layouts_of(path: Path, meta: Meta, experiment: Experiment) -> list[Layout]:
    """Return the layout of each network; raises CheckpointError if they do not fit their config."""
    if meta.others and meta.progress is not None:
        raise damaged(path, "it holds several networks, and progress of one")
    of_first = {name: kind.slots for name, kind in meta.kinds.items() if kind.name == "category"}
    first = NetworkMeta(epoch=meta.epoch, flagged=meta.flagged, slots=of_first, bins=meta.bins)
    if len(meta.shapes) > MAX_ARRAYS:
        raise damaged(path, f"it lists {len(meta.shapes):,} arrays")
    layouts: list[Layout] = []
    terms = terms_of(experiment)
    numbers = len(meta.columns) - len(of_first)  # which are the same in all networks
    place, image = _places(path, meta), _image_of(path, meta, experiment)
    for number, network in enumerate((first, *meta.others), 1):
        slots = _read_slots(path, meta, network, place)
        bins = _read_bins(path, meta, network, place)
        features = Transform.width(len(meta.columns), network.flagged, slots, bins, terms)
        widths = _widths(path, experiment, features, meta.targets)
        if widths is None or (image is not None and features != len(meta.columns)):
            raise damaged(path, "its features and classes do not fit its config")
        prefix = name_prefix(number)
        has_fill = f"{prefix}fill" in meta.shapes
        layout = Layout(
            prefix,
            network.epoch,
            plan_experiment(experiment, widths),
            network.flagged,
            slots,
            bins,
            image,
            Transform.shapes(
                len(meta.columns), bins, count_terms(numbers, terms), fill=has_fill, image=image
            ),
            {} if meta.classes is not None else _target_shapes(path, experiment, meta, prefix),
            Baselines.shapes(meta.shapes, prefix, features - sum(bins.values()), meta.targets),
        )
        fewest = len(layout.shapes()) - len(layout.of_baselines)
        if not layouts and fewest * len(meta.others) > len(meta.shapes):
            raise damaged(path, f"it has not the arrays of {1 + len(meta.others):,} networks")
        layouts.append(layout)
    return layouts


def _image_of(path: Path, meta: Meta, experiment: Experiment) -> tuple[int, int, int] | None:
    """Return the shape of images that are whitened; raises CheckpointError if the columns are no images."""
    if experiment.data.scaling != "whiten":
        return None
    image = experiment.data.image(len(meta.columns))
    if image is None or image[0] * image[1] * image[2] != len(meta.columns) or meta.kinds:
        raise damaged(path, "its columns do not fit data.scaling, whiten, which is for images")
    return image


def bend_of(experiment: Experiment) -> str:
    """Return how the targets are bent, by its name in the config."""
    kind: str = getattr(experiment.data, "target_transform", "none")
    return kind


def terms_of(experiment: Experiment) -> tuple[str, ...]:
    """Return the names of the terms that the config adds to the inputs."""
    return tuple(getattr(experiment.data, "terms", ()))


def _target_shapes(path: Path, experiment: Experiment, meta: Meta, prefix: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays of the targets; raises CheckpointError for too many knots."""
    of_curve = meta.shapes.get(f"{prefix}{OF_TARGETS}values", [meta.targets, 1])
    knots = of_curve[1] if len(of_curve) == 2 else 0
    if not 1 <= knots <= MOST_KNOTS:
        raise damaged(path, f"{prefix}{OF_TARGETS}values has the shape {tuple(of_curve)}")
    shapes = TargetTransform.shapes(bend_of(experiment), meta.targets, knots)
    return {OF_TARGETS + name: shape for name, shape in shapes.items()}


def _places(path: Path, meta: Meta) -> dict[str, int]:
    """Return the place of each column; raises CheckpointError if the kinds of columns do not fit them."""
    place = dict(zip(meta.columns, range(len(meta.columns)), strict=True))
    if len(place) < len(meta.columns):
        raise damaged(path, "meta.columns has a name twice")
    for name, kind in meta.kinds.items():
        if name not in place or len(set(kind.levels)) < len(kind.levels):
            raise _does_not_fit(path, name)
    return place


def _does_not_fit(path: Path, column: str) -> CheckpointError:
    return damaged(path, f"meta.kinds of column {shortened(column)} does not fit its columns and levels")


def _read_slots(path: Path, meta: Meta, network: NetworkMeta, place: dict[str, int]) -> dict[int, Slots]:
    """Return a network's slots of the columns of categories; raises CheckpointError if they do not fit."""
    categories = {name: kind for name, kind in meta.kinds.items() if kind.name == "category"}
    if network.slots.keys() != categories.keys():
        raise damaged(path, "meta.others does not fit its columns of categories")
    for name, kind in meta.kinds.items():
        slots = network.slots.get(name, kind.slots)
        used = sorted({slot for slot in slots if slot >= 0})
        expected = len(kind.levels) + 2 if name in categories else 0
        if len(slots) != expected or used != list(range(len(used))):
            raise _does_not_fit(path, name)
    flagged, of_categories = network.flagged, {place[name] for name in categories}
    is_past = bool(flagged) and flagged[-1] >= len(meta.columns)
    if is_past or flagged != sorted(set(flagged)) or not of_categories.isdisjoint(flagged):
        raise damaged(path, "meta.flagged does not fit its columns")
    return {place[name]: tuple(network.slots[name]) for name in categories}


def _read_bins(path: Path, meta: Meta, network: NetworkMeta, place: dict[str, int]) -> dict[int, int]:
    """Return the bins of the columns that are cut into bins; raises CheckpointError if they do not fit."""
    columns = [place.get(name, -1) for name in network.bins]
    categories = {name for name, kind in meta.kinds.items() if kind.name == "category"}
    if -1 in columns or columns != sorted(columns) or not categories.isdisjoint(network.bins):
        raise damaged(path, "meta.bins does not fit its columns")
    return dict(zip(columns, network.bins.values(), strict=True))
