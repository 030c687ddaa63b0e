"""Forecasts the memory that a run needs, before any of it is allocated; without NumPy.

The memory of a network follows from its sizes and the config. The forecast is the peak, which a run reaches
at the end of training, when the best weights are loaded into a second network for the final scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlpcli.config.plan import plan_network
from mlpcli.config.schema import Adam, Experiment, Training
from mlpcli.errors import ConfigError
from mlpcli.machine import Available, available_memory
from mlpcli.specs import NetworkSpec
from mlpcli.text import columns, memory

if TYPE_CHECKING:
    from mlpcli.build import Splits

__all__ = [
    "EVALUATION_ROWS",
    "DataSize",
    "Forecast",
    "Part",
    "baseline_rows",
    "describe_shortage",
    "forecast_memory",
    "known_data",
    "loaded_data",
    "measured_data",
    "require_memory",
    "require_room_for_data",
]

EVALUATION_ROWS = 500  # at a time: large enough for the BLAS, small enough for the cache
_FLOAT = 4  # bytes of a float32
_PROGRAM = 56_000_000  # Python, NumPy with its BLAS, and the rest
# bytes of a logit while a score that chooses the best epoch is computed
_MONITORED = {"balanced_accuracy": 16, "f1": 16, "log_loss": 32, "roc_auc": 50, "mse": 24, "mae": 24}
_OF_INPUT, _OF_OUTPUT = 30, 48  # bytes of each in an example while a linear model is fitted
_MOST_ROWS, _MOST_CELLS, _MOST_STEPS = 20_000, 2_000_000, 300_000_000  # of that fit
_DRAWN, _KEPT = 56, 40  # bytes per example of a toy set while it is drawn, and afterwards


@dataclass(frozen=True)
class Part:
    """One part of the forecast: its key in JSON, its label, its bytes, and how they are calculated."""

    key: str
    label: str
    bytes: int
    working: str


@dataclass(frozen=True)
class DataSize:
    """The bytes of a data set, and its shape as far as it is known.

    ``trained`` and ``scored`` are the numbers of examples in the training split and in the largest split, or
    upper bounds. ``itemsize`` is the number of bytes of a feature in memory, 1 for images. ``spare`` bytes
    are freed once the data are loaded. ``kept`` is the number of examples whose inputs a run keeps: those of
    training and validation, but none of images. ``about`` is an estimate of ``trained``, if that is None.
    """

    bytes: int
    working: str
    trained: int | None = None
    scored: int | None = None
    itemsize: int = _FLOAT
    inputs: int | None = None
    outputs: int | None = None
    spare: int = 0
    kept: int = 0
    about: int | None = None


@dataclass(frozen=True)
class Forecast:
    """The parts of the network, those of the rest of the run, and advice on how to reduce each kind."""

    network: tuple[Part, ...]
    around: tuple[Part, ...]
    advice: dict[str, str]

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts."""
        return self.network + self.around

    @property
    def total(self) -> int:
        """The bytes of the whole run."""
        return sum(part.bytes for part in self.parts)

    def rows(self) -> list[list[str]]:
        """Return the parts as rows of a table: label, size, working."""
        return [[part.label, memory(part.bytes), part.working] for part in self.parts]


def forecast_memory(
    spec: NetworkSpec | None, experiment: Experiment | None, data: DataSize | None = None
) -> Forecast:
    """Return the memory that training the network ``spec`` takes with the settings of ``experiment``.

    Without an experiment, the optimizer is adam and the batch size the default. Without a network, only the
    data count.
    """
    around = [Part("program", "Python and NumPy", _PROGRAM, "")]
    if data is not None:
        around.append(Part("data", "data set", data.bytes, data.working))
    if spec is None:
        return Forecast((), tuple(around), _advice(None, experiment))
    optimizer: Any = Adam(name="adam") if experiment is None else experiment.optimizer
    batch = (Training() if experiment is None else experiment.training).batch_size
    scored = data.scored if data is not None else None
    if data is not None and data.trained is not None:
        batch = min(batch, data.trained)
    parameters = _FLOAT * spec.count()
    network = (
        Part("parameters", "weights and biases", parameters, "4 bytes a parameter"),
        Part("gradients", "gradients", parameters, "the same"),
        Part(
            "optimizer",
            "optimizer state",
            parameters * optimizer.slots,
            f"{optimizer.name}: {optimizer.slots} x the same",
        ),
        Part(
            "activations",
            "activations",
            _FLOAT * batch * spec.activations,
            f"{batch:,} x {spec.activations:,}, with the inputs",
        ),
        Part("buffers", "work buffers", _buffers(spec, experiment, data, batch), "for training and scoring"),
        Part(
            "copies",
            "copies",
            4 * parameters,
            "previous and best weights",
        ),
    )
    free = 0 if data is None else data.spare
    if data is not None and data.kept:
        inputs = spec.widths[0]
        taken = _FLOAT * data.kept * inputs
        around.append(Part("inputs", "inputs", max(0, taken - free), f"{data.kept:,} x {inputs:,}, scaled"))
        free = max(0, free - taken)  # they stay
    regression = experiment is not None and experiment.loss.task == "regression"
    inputs, outputs = spec.widths[0], spec.widths[-1]
    if scored is not None:
        of_monitor = 0 if experiment is None else _MONITORED.get(experiment.monitor, 0) * max(2, outputs)
        of_network, of_baselines = (32, 40) if regression else (12, 20)
        taken = scored * (36 + max(of_network * outputs + of_monitor, of_baselines * outputs))
        around.append(Part("scores", "scores", max(0, taken - free), f"{scored:,} x {outputs:,}"))
        free = max(free, taken)
    if data is not None and (trained := data.trained or data.about) is not None:
        if experiment is not None:  # the linear model takes no bins
            inputs = max(1, inputs // (1 + getattr(experiment.data, "bins", 0)))
        fitted = baseline_rows(trained, inputs, 0 if regression else max(2, outputs))
        if fitted is not None:
            taken = fitted * (_OF_INPUT * inputs + _OF_OUTPUT * (outputs if regression else max(2, outputs)))
            taken = max(0, taken - free)  # it is fitted when there are no scores
            working = f"{fitted:,} x {inputs:,}, of the linear model to compare with"
            around.append(Part("baseline", "baseline", taken, working))
    return Forecast(network, tuple(around), _advice(spec, experiment))


def baseline_rows(n: int, features: int, classes: int) -> int | None:
    """Return to how many of ``n`` training examples a linear model is fitted in about a second.

    ``classes`` is 0 for a regression. Returns None if they are too few for so many features.
    """
    steps = _MOST_STEPS // (features**2 * classes) if classes else 10 * _MOST_STEPS // features**2
    rows = min(n, _MOST_ROWS, _MOST_CELLS // features, steps)
    return rows if rows >= min(n, 5 * features) else None


def _buffers(spec: NetworkSpec, experiment: Experiment | None, data: DataSize | None, batch: int) -> int:
    """Return the bytes of all buffers of a training step, except the activations, and of evaluation."""
    inputs, outputs = spec.widths[0], spec.widths[-1]
    numbers = spec.members * max(spec.widths[1:-1], default=0)  # for finding dead units
    numbers += 4 * spec.members * outputs  # gradients of the logits, and buffers of the loss
    augment = None if experiment is None else getattr(experiment.data, "augment", None)
    if augment is not None and (augment.crop or augment.flip):
        numbers += inputs * (32 + 2 * augment.crop) ** 2 // 32**2 + (inputs if augment.crop else 0)
    if augment is not None and augment.mixup:
        numbers += inputs
    itemsize = _FLOAT if data is None else data.itemsize
    rows = EVALUATION_ROWS if data is None or data.scored is None else min(EVALUATION_ROWS, data.scored)
    rows = max(1, rows // spec.members)
    gathered = itemsize * inputs * spec.members
    scratch = _FLOAT * spec.scratch + spec.masks
    forward = _FLOAT * spec.activations + gathered + scratch
    # The buffers of training grow to the rows of evaluation; the second network has its own.
    return batch * (_FLOAT * numbers + gathered + scratch) + forward * (max(0, rows - batch) + rows)


def _advice(spec: NetworkSpec | None, experiment: Experiment | None) -> dict[str, str]:
    """Return advice on how to reduce each kind of part, by the kind's name."""
    advice = {"data": "use fewer examples"}
    has_features = experiment is not None and "features" in type(experiment.data).model_fields
    if experiment is not None:
        data = experiment.data
        if data.name == "cifar10":
            advice["data"] = "free some memory, since CIFAR-10 is always read completely"
        elif data.examples is not None:
            advice["data"] = f"lower data.points (now {data.examples:,})"
        else:
            advice["data"] = f"give {data.title} fewer rows" + (f", or {_FEWER}" if has_features else "")
    if spec is not None:
        widths = "-".join(map(str, spec.widths[1:-1]))
        narrower = _FEWER if has_features else "use fewer features"
        slots = 2 if experiment is None else experiment.optimizer.slots
        smaller = f"lower model.hidden (now {_clipped(widths)})" if widths else narrower
        if spec.members > 1:
            smaller = f"lower model.members (now {spec.members}) or model.hidden"
        has_momentum = experiment is not None and experiment.optimizer.name == "sgd"
        stateless = "optimizer.momentum: 0" if has_momentum else "optimizer: sgd"
        advice["parameters"] = smaller + (f", or set {stateless}, which keeps no state" if slots else "")
        batch = (Training() if experiment is None else experiment.training).batch_size
        advice["batch"] = f"lower training.batch_size (now {batch:,})" if batch > EVALUATION_ROWS else smaller
    return advice


_FEWER = "name fewer columns in data.features"


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


_KINDS = {
    "parameters": ("parameters", "gradients", "optimizer", "copies"),
    "batch": ("activations", "buffers"),
    "data": ("data", "inputs", "scores", "baseline"),
}
_NAMES = {
    "parameters": "numbers that are kept for each parameter",
    "batch": "numbers that are kept for each example of a batch",
    "data": "the data set and its scores",
}


def known_data(experiment: Experiment) -> DataSize | None:
    """Return the size of the data set if the config determines it, else None."""
    section, n = experiment.data, experiment.data.examples
    if n is None:
        return None
    if section.name == "cifar10":
        trained, scored = _split_sizes(experiment, n, own_test=n // 6)
        return DataSize(
            n * (section.inputs + 8), f"{n:,} images, 1 byte a value", trained, scored, itemsize=1
        )
    trained, scored = _split_sizes(experiment, n)
    spare = n * (_DRAWN - _KEPT)
    return DataSize(
        n * _DRAWN,
        f"{n:,} points, while they are drawn",
        trained,
        scored,
        spare=spare,
        kept=min(n, trained + _val_size(experiment, n)),
    )


def _count(size: float | None, of: int, rest: int) -> int:
    return rest if size is None else min(of, round(size * of) if isinstance(size, float) else size)


def _val_size(experiment: Experiment, learned: int) -> int:
    return 0 if experiment.training.validation == "folds" else _count(experiment.data.val_size, learned, 0)


def _split_sizes(experiment: Experiment, n: int, own_test: int = 0) -> tuple[int, int]:
    """Return roughly how many of n examples the training split has, and the largest split."""
    section: Any = experiment.data
    learned = n - own_test
    fold = getattr(section, "fold", None)
    test_size = section.test_size if fold is None else 1 / fold.of
    test = _count(test_size, own_test or n, own_test)
    val = _val_size(experiment, learned)
    train = max(1, _count(section.train_size, learned, learned - val - (0 if own_test else test)))
    return train, max(train, val, test)


def measured_data(experiment: Experiment) -> DataSize | None:
    """Return the size of the data set, for a file from its size and headers; raises DataError."""
    from mlpcli.build import READERS

    section, measure = experiment.data, READERS[experiment.data.name].measure
    if measure is None:
        return known_data(experiment)
    table = measure(section, experiment.classification)
    n = table.examples
    kept = 0 if table.itemsize == 1 else n or 0
    return DataSize(
        table.bytes,
        section.title,
        n,
        n,
        table.itemsize,
        table.inputs,
        table.outputs,
        table.spare,
        kept,
        None if table.about is None else _split_sizes(experiment, table.about)[0],
    )


def loaded_data(splits: Splits) -> DataSize:
    """Return the size of data that have been loaded."""
    parts = [split for split in (splits.train, splits.val, splits.test) if split is not None]
    arrays = {
        id(array): array
        for split in parts
        for array in (split.X, split.y, split.weights)
        if array is not None
    }
    scored = max(map(len, parts))
    kept = len(splits.train) + (0 if splits.val is None else len(splits.val))
    rows = 3 * 8 * sum(map(len, parts))  # row numbers of the splits, the same in a new order, and the labels
    return DataSize(
        sum(array.nbytes for array in arrays.values()) + rows,
        f"{sum(map(len, parts)):,} x {len(splits.columns):,}",
        len(splits.train),
        scored,
        splits.train.X.itemsize,
        len(splits.columns),
        splits.targets,
        kept=0 if splits.train.X.itemsize == 1 else kept,
    )


def require_memory(experiment: Experiment, loaded: DataSize | None = None) -> None:
    """Raise ConfigError, with the forecast as a table, if the run will not fit into memory.

    Before the data are read, their size is taken from the config and from the headers of files. If the number
    of classes is not known yet, it is assumed to be two, the smallest number. The data that have been
    ``loaded`` are in memory already.
    """
    available = available_memory()
    if available is None:
        return
    data = loaded or measured_data(experiment)
    forecast = forecast_memory(_plan(experiment, data), experiment, data)
    held = sum(part.bytes for part in forecast.parts if part.key in ("program", "data")) if loaded else 0
    if forecast.total > available.size + held:
        raise ConfigError(describe_shortage(forecast, available), topic="memory")


def require_room_for_data(experiment: Experiment) -> None:
    """Raise ConfigError if the data set alone will not fit into memory; a network is not thought of."""
    available = available_memory()
    if available is None:
        return
    forecast = forecast_memory(None, experiment, measured_data(experiment))
    if forecast.total > available.size:
        raise ConfigError(describe_shortage(forecast, available))


def _plan(experiment: Experiment, data: DataSize | None) -> NetworkSpec | None:
    inputs, outputs = (None, None) if data is None else (data.inputs, data.outputs)
    if inputs is not None:
        inputs *= 1 + getattr(experiment.data, "bins", 0)
    widths = experiment.widths(inputs, outputs) or experiment.widths(inputs, 2)
    return None if widths is None else plan_network(experiment.model, widths)


def describe_shortage(forecast: Forecast, available: Available) -> str:
    """Return the forecast as a table, its largest part and what to lower."""
    totals = {
        kind: sum(part.bytes for part in forecast.parts if part.key in keys) for kind, keys in _KINDS.items()
    }
    largest = max(totals, key=lambda kind: totals[kind])
    table = columns([*forecast.rows(), ["total", memory(forecast.total), ""]], "<><")
    return (
        f"{'training' if forecast.network else 'reading the data'} would take about "
        f"{memory(forecast.total)} of memory, "
        f"but {available.where} has {memory(available.size)} left.\n\n{table}\n\n"
        f"The largest part is {_NAMES[largest]}: {memory(totals[largest])}.\n"
        f"To make it fit: {forecast.advice[largest]}.\n"
        "Nothing was started."
    )
