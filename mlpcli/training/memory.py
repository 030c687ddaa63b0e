"""Forecasts the memory that a run needs, before any of it is allocated; without NumPy.

The memory of a network follows from its sizes and the config. The forecast is the peak, which a run reaches
at the end of training, when the best weights are loaded into a second network for the final scores.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

from mlpcli.blas import ENGINE
from mlpcli.config.plan import plan_experiment
from mlpcli.config.schema import Adam, Experiment, Training
from mlpcli.errors import ConfigError
from mlpcli.machine import Available, available_memory
from mlpcli.specs import NetworkSpec
from mlpcli.text import columns, memory

if TYPE_CHECKING:
    from mlpcli.build.splits import Splits
    from mlpcli.data.dataset import TableSize
    from mlpcli.data.transform import Transform
    from mlpcli.training.shards import Processes

__all__ = [
    "EVALUATION_ROWS",
    "MOST_CONFUSED",
    "WINDOW",
    "DataSize",
    "Forecast",
    "Part",
    "baseline_rows",
    "describe_shortage",
    "forecast_memory",
    "known_data",
    "loaded_data",
    "measured_data",
    "ranked_rows",
    "require_memory",
    "require_room_for_data",
    "scored_rows",
]

SCORED_OUTPUTS = 1 << 21  # of a split that does not fit into memory
_AHEAD = 72 << 20  # bytes that threads keep which read blocks ahead, and oneDNN, as measured
_RANKED_OUTPUTS = 1 << 20  # of a file that is scored piece by piece
WINDOW = 1 << 26  # bytes of the inputs of a large training split that are shuffled together
EVALUATION_ROWS = 500  # at a time: large enough for the BLAS, small enough for the cache
_FLOAT = 4  # bytes of a float32
_BFLOAT16 = 2  # where NumPy does the rounding, they are float32, too
_PROGRAM = 66_000_000  # Python, NumPy with its BLAS, and the rest
_MARGIN = 0.06  # of all else: what the allocator cannot use
# Bytes of a logit while a score that chooses the best epoch is computed.
_MONITORED = {"balanced_accuracy": 8, "f1": 8, "log_loss": 32, "roc_auc": 52, "mse": 24, "mae": 24}
_JUDGED, _OF_SCORES, _WRITTEN = 50, 40, 112  # bytes of a logit that is judged, of an SVM, or written as text
_OF_INPUT, _OF_OUTPUT = 36, 56  # bytes of each in an example while a linear model is fitted
_MOST_ROWS, _MOST_CELLS, _MOST_STEPS = 20_000, 2_000_000, 300_000_000  # of that fit
_MANY_CLASSES = 20  # for which a linear model needs two examples of each, on average
# Bytes per example of a toy set while it is drawn.
_DRAWN = {"moons": 80, "blobs": 48, "xor": 40, "sine": 29, "peaks": 48}
_DRAWN_OTHERS = 56
MOST_CONFUSED = 1000  # classes of a confusion matrix; more would take gigabytes
_GATHERED = 1 << 12  # rows that are transformed at once


@dataclass(frozen=True)
class Part:
    """One part of the forecast: its key in JSON, its label, its bytes, and how they are calculated."""

    key: str
    label: str
    bytes: int
    working: str


@dataclass(frozen=True)
class DataSize:
    """The bytes of a data set while it is read, and its shape as far as it is known.

    ``trained``, ``validated``, ``tested`` and ``scored`` are the numbers of examples in the training split,
    the validation split, the test split and the largest split, or upper bounds. ``itemsize`` is the number
    of bytes of a feature in memory, 1 for images. ``columns`` are those of the table, ``inputs`` those of the
    network that they become, and ``direct`` those of them that are no bins. ``spare`` bytes are freed once
    the data are loaded. Of data that are read in blocks, at most ``sampled`` rows of each split are kept.
    ``whitened`` images are kept as floats.
    """

    bytes: int
    working: str
    trained: int | None = None
    scored: int | None = None
    itemsize: int = _FLOAT
    inputs: int | None = None
    outputs: int | None = None
    spare: int = 0
    validated: int = 0
    tested: int = 0
    columns: int | None = None
    direct: int | None = None
    sampled: int | None = None
    whitened: bool = False

    @property
    def kept(self) -> int:
        """The number of examples whose inputs a run keeps: of training and validation.

        Those of images are made from their bytes for each batch, unless they are whitened.
        """
        is_kept = (self.itemsize != 1 or self.whitened) and self.sampled is None
        return (self.trained or 0) + self.validated if is_kept else 0


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
    spec: NetworkSpec | None,
    experiment: Experiment | None,
    data: DataSize | None = None,
    processes: int = 1,
) -> Forecast:
    """Return the memory that training the network ``spec`` takes with the settings of ``experiment``.

    Without an experiment, the optimizer is adam and the batch size the default. Without a network, only the
    data count. It is what each of the ``processes`` takes that share the batches.
    """
    if spec is None:
        return Forecast((), tuple(_around(data, ())), _advice(None, experiment))
    optimizer: Any = Adam(name="adam") if experiment is None else experiment.optimizer
    training = Training() if experiment is None else experiment.training
    batch, shards = training.batch_size, training.shards or 1
    if data is not None and data.trained is not None:
        batch = min(batch, data.trained)
    gathered, batch = -(-batch // processes), -(-batch // shards)
    sums = (shards // processes - 1).bit_length() + (processes > 1)
    parameters = _FLOAT * spec.count()
    network = (
        Part("parameters", "weights and biases", parameters, "4 bytes a parameter"),
        Part(
            "gradients",
            "gradients",
            parameters * (1 + sums),
            f"{1 + sums} x the same, for sums of shards" if sums else "the same",
        ),
        Part(
            "optimizer",
            "optimizer state",
            parameters * optimizer.slots,
            f"{optimizer.name}: {optimizer.slots} x the same",
        ),
        Part(
            "activations",
            "activations",
            _FLOAT * (batch * spec.activations + (gathered - batch) * spec.widths[0]),
            f"{batch:,} x {spec.activations:,}, with the inputs" + (" of all shards" if shards > 1 else ""),
        ),
        Part("buffers", "work buffers", *_buffers(spec, experiment, data, batch)),
        Part(
            "copies",
            "copies",
            4 * parameters,
            "4 x: previous and best",
        ),
    )
    around = _around(data, network)
    if data is not None and data.kept:
        inputs = spec.widths[0]
        taken = data.kept * (_FLOAT * inputs + 8)  # and a place in the order
        around.append(Part("inputs", "inputs", taken, f"{data.kept:,} x {inputs:,}, scaled"))
    if data is not None and data.sampled is not None and data.trained is not None:
        inputs = spec.widths[0]
        rows = -(-min(data.trained, max(1, WINDOW // (_FLOAT * inputs))) // processes)
        taken = 2 * rows * (_FLOAT * inputs + 8)
        around.append(Part("windows", "windows", taken, f"2 x {rows:,} x {inputs:,}, while learned"))
        around.append(Part("ahead", "blocks", _AHEAD, "read ahead by threads"))
    if data is not None:
        around += _once(spec, experiment, data, sum(part.bytes for part in (*network, *around)) - _PROGRAM)
    return Forecast(network, _with_margin(network, around), _advice(spec, experiment))


def forecast_scoring(
    specs: Sequence[NetworkSpec], experiment: Experiment, data: DataSize | None, *, written: bool = False
) -> Forecast:
    """Return the memory that scoring networks on data takes, or predicting for them, if it is ``written``."""
    spec = specs[0]
    inputs, outputs = spec.widths[0], spec.widths[-1]
    parameters = _FLOAT * sum(each.count() for each in specs)
    itemsize = _FLOAT if data is None else data.itemsize
    rows = EVALUATION_ROWS if data is None or data.scored is None else min(EVALUATION_ROWS, data.scored)
    rows = max(1, rows // spec.members)
    forward = rows * (_FLOAT * spec.activations + itemsize * inputs + spec.masks)
    forward += rows * _FLOAT * spec.scratch
    network = (
        Part("parameters", "weights and biases", 2 * parameters, "and as many gradients"),
        Part("buffers", "work buffers", len(specs) * forward, f"{rows:,} rows at a time"),
    )
    around = _around(data, network)
    if data is not None and data.scored is not None:
        n, regression = data.scored, experiment.loss.task == "regression"
        width = outputs if regression else max(2, outputs)
        if written:
            taken = n * (50 + _WRITTEN * width)
        elif regression:
            taken = n * (40 + 56 * width)
        else:
            has_scores = experiment.loss.name in ("hinge", "binary_hinge")
            taken = n * (60 + (_OF_SCORES if has_scores else _JUDGED) * width)
            taken += 24 * width**2 if width <= MOST_CONFUSED else 0
        taken += 3 * _FLOAT * (len(specs) - 1) * n * width  # outputs of each network
        label = "predictions" if written else "scores"
        around.append(Part("scores", label, taken, f"{n:,} x {width:,}"))
    if data is not None:
        held = sum(part.bytes for part in (*network, *around)) - _PROGRAM
        if data.bytes > held:
            around.append(Part("reading", "reading", data.bytes - held, f"{data.working}, before it is kept"))
    room = "free some memory, since the network has this size"
    advice = _advice(None, experiment) | {"parameters": room, "batch": room}
    return Forecast(network, _with_margin(network, around), advice)


def _around(data: DataSize | None, network: Sequence[Part]) -> list[Part]:
    """Return the parts of the program and of the data as they are kept or, without a network, read."""
    around = [Part("program", "Python and NumPy", _PROGRAM, "")]
    if data is not None:
        size = data.bytes - (data.spare if network else 0)
        around.append(Part("data", "data set", size, data.working))
    return around


def _with_margin(network: Sequence[Part], around: Sequence[Part]) -> tuple[Part, ...]:
    margin = round(_MARGIN * sum(part.bytes for part in (*network, *around[1:])))
    return *around, Part("margin", "margin", margin, f"{100 * _MARGIN:.0f} % of all but the program")


def _once(spec: NetworkSpec, experiment: Experiment | None, data: DataSize, held: int) -> list[Part]:
    """Return what is taken at one time or another, beside the ``held`` bytes: the largest of them."""
    inputs, outputs = spec.widths[0], spec.widths[-1]
    regression = experiment is not None and experiment.loss.task == "regression"
    width = outputs if regression else max(2, outputs)
    monitored = 0 if experiment is None else _MONITORED.get(experiment.monitor, 0) * width
    found = [Part("reading", "reading", data.bytes - held, f"{data.working}, before it is kept")]
    fitted = fit = 0
    if data.trained is not None:
        direct = inputs if data.direct is None else data.direct
        trained = data.trained if data.sampled is None else min(data.trained, data.sampled)
        fitted = baseline_rows(trained, direct, 0 if regression else width) or 0
        fit = fitted * (_OF_INPUT * direct + _OF_OUTPUT * width)
        fit += 3 * 8 * min(direct, fitted) ** 2 * (1 if regression else width)
        working = f"{fitted:,} x {direct:,}, for a linear model"
        found.append(Part("baseline", "baseline", fit, working))
    if data.scored is not None:
        # The loss keeps its buffers for the validation split.
        of_loss = 6 if experiment is not None and experiment.loss.name == "hinge" else 8
        most = data.scored if data.sampled is None else scored_rows(outputs)
        kept = min(most, data.validated) * (of_loss * outputs + 32)
        each = 56 * outputs + 40 if regression else (4 + of_loss) * outputs + monitored + 60
        if fitted and not regression:  # the linear model is scored, too, in float64
            each = max(each, 19 * width + 60)
        n = min(most, data.scored)
        found.append(Part("scores", "scores", kept + n * each, f"{n:,} x {outputs:,}"))
    columns = inputs if data.columns is None else data.columns
    rows = min(_GATHERED, data.trained or 0) if data.kept else 0
    found.append(Part("inputs", "inputs", rows * data.itemsize * columns, "while they are scaled"))
    largest = max(found, key=lambda part: part.bytes)
    return [largest] if largest.bytes > 0 else []


def scored_rows(outputs: int) -> int:
    """Return how many rows of a split that does not fit into memory are scored, by a network's outputs."""
    return max(10_000, SCORED_OUTPUTS // outputs)


def ranked_rows(outputs: int) -> int:
    """Return how many rows of a file that is scored piece by piece are ranked, by a network's outputs."""
    return max(10_000, _RANKED_OUTPUTS // max(2, outputs))


def baseline_rows(n: int, features: int, classes: int) -> int | None:
    """Return to how many of ``n`` training examples a linear model is fitted in about a second.

    ``classes`` is 0 for a regression. Returns None if they are too few for so many features, or for so many
    classes that most have but one.
    """
    if classes > _MANY_CLASSES and n < 2 * classes:
        return None
    steps = _MOST_STEPS // (features**2 * classes) if classes else 10 * _MOST_STEPS // features**2
    rows = min(n, _MOST_ROWS, _MOST_CELLS // features, steps)
    return rows if rows >= min(n, 5 * features) else None


def _buffers(
    spec: NetworkSpec, experiment: Experiment | None, data: DataSize | None, batch: int
) -> tuple[int, str]:
    """Return the bytes of all buffers of training, except the activations, and of scoring; and the reason."""
    inputs, outputs = spec.widths[0], spec.widths[-1]
    numbers = spec.members * max(spec.widths[1:-1], default=0)  # for finding dead units
    numbers += 5 * spec.members * outputs  # gradients of the logits, and buffers of the loss
    augment = None if experiment is None else getattr(experiment.data, "augment", None)
    if augment is not None and (augment.crop or augment.flip):
        numbers += inputs * (32 + 2 * augment.crop) ** 2 // 32**2 + (inputs if augment.crop else 0)
    if augment is not None and (augment.rotate or augment.scale or augment.stretch):
        numbers += inputs // 2  # maps of pixels, each of which is shared by several images
    if augment is not None and augment.mixup:
        numbers += inputs
    itemsize = _FLOAT if data is None else data.itemsize
    columns = inputs if data is None or data.columns is None else data.columns
    rows = EVALUATION_ROWS if data is None or data.scored is None else min(EVALUATION_ROWS, data.scored)
    rows = max(1, rows // spec.members)
    scratch = _FLOAT * spec.scratch + spec.masks
    raw = itemsize * columns
    gathered = spec.members * (raw if data is None or not data.kept else 0)
    layers = _FLOAT * (spec.activations - spec.members * inputs) + scratch
    # The buffers of training grow to the rows of evaluation; the second network has its own.
    taken = batch * (_FLOAT * numbers + gathered + scratch) + layers * (max(0, rows - batch) + rows)
    # Inputs are gathered for the validation split, and for the last scores of one split after the other:
    # the network keeps those of the one before.
    validated = rows if data is None else min(rows, data.validated)
    taken += (2 * validated + rows) * _FLOAT * inputs + (validated + max(validated, rows)) * raw
    if experiment is not None and experiment.training.precision == "bfloat16":
        matrices = [
            array
            for layer in spec.walk()
            if layer.kind != "linear_path"  # which is not rounded
            for array in layer.parameters
            if array.penalized
        ]
        before, after = (
            sum(prod(array.shape[:-2]) * array.shape[axis] for array in matrices) for axis in (-2, -1)
        )
        rounded = (before + after) * batch + before * rows  # gradients are rounded in training alone
        rounded += 2 * sum(array.size for array in matrices)
        taken += rounded * (_FLOAT if os.environ.get(ENGINE) == "numpy" else _BFLOAT16)
    scored = f"2 x {rows:,} rows scored at once" if rows > batch else f"a batch, and {rows:,} rows scored"
    return taken, scored


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
    "data": ("data", "reading", "inputs", "windows", "ahead", "scores", "baseline"),
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
        size = n * (section.n_columns + 24)
        return _sized(experiment, n, size, f"{n:,} images of bytes", own_test=n // 6, itemsize=1)
    kept = _FLOAT * (section.n_columns or 2) + (_FLOAT if experiment.loss.task == "regression" else 8) + 8
    drawn = _DRAWN.get(section.name, _DRAWN_OTHERS)
    spare = n * (drawn - kept)
    return _sized(
        experiment,
        n,
        n * drawn,
        f"{n:,} points, while drawn",
        spare=spare,
        columns=section.n_columns,
    )


def _sized(
    experiment: Experiment, n: int, size: int, working: str, own_test: int = 0, **more: Any
) -> DataSize:
    """Return the size of a data set of n examples, as they are divided."""
    trained, val, test = _split_sizes(experiment, n, own_test)
    whitened = experiment.data.scaling == "whiten"
    return DataSize(
        size,
        working,
        trained,
        max(trained, val, test),
        validated=val,
        tested=test,
        whitened=whitened,
        **more,
    )


def _count(size: float | None, of: int, rest: int) -> int:
    return rest if size is None else min(of, round(size * of) if isinstance(size, float) else size)


def _val_size(experiment: Experiment, learned: int) -> int:
    return 0 if experiment.training.validation == "folds" else _count(experiment.data.val_size, learned, 0)


def _split_sizes(experiment: Experiment, n: int, own_test: int = 0) -> tuple[int, int, int]:
    """Return roughly how many of n examples the splits for training, validation and test have."""
    section: Any = experiment.data
    learned = n - own_test
    fold = getattr(section, "fold", None)
    test_size = section.test_size if fold is None else 1 / fold.of
    test = _count(test_size, own_test or n, own_test)
    val = _val_size(experiment, learned)
    train = max(1, _count(section.train_size, learned, learned - val - (0 if own_test else test)))
    return train, val, test


def measured_data(experiment: Experiment) -> DataSize | None:
    """Return the size of the data set, for a file from its size and headers; raises DataError."""
    from mlpcli.build.readers import READERS

    section, measure = experiment.data, READERS[experiment.data.name].measure
    if measure is None:
        return known_data(experiment)
    table = measure(section, experiment.classification)
    bins = getattr(section, "bins", 0)
    known: dict[str, Any] = {
        "itemsize": table.itemsize,
        "inputs": table.inputs * (1 + bins) if table.features is None else table.features,
        "outputs": table.outputs,
        "spare": table.spare,
        "columns": table.inputs,
        "direct": table.inputs if table.direct is None else table.direct,
        "sampled": table.sampled,
    }
    n = table.examples or table.about
    if n is None:
        return DataSize(table.bytes, section.title, **known)
    of_rows = 16 * n if table.sampled is None else 0
    return _sized(experiment, n, table.bytes + of_rows, section.title, **known)


def loaded_data(splits: Splits, transform: Transform) -> DataSize:
    """Return the size of data that have been loaded, whose columns ``transform`` makes the inputs of."""
    parts = [split for split in (splits.train, splits.val, splits.test) if split is not None]
    arrays = {
        id(array): array
        for split in parts
        for array in (split.X, split.y, split.weights)
        if array is not None
    }
    rows = 8 * sum(map(len, parts))
    whole = splits.train.whole
    return DataSize(
        sum(array.nbytes for array in arrays.values()) + rows,
        f"{sum(map(len, parts)):,} x {len(splits.columns):,}",
        splits.train.size,
        max(split.size for split in parts),
        splits.train.X.itemsize,
        transform.n_features,
        splits.targets,
        validated=0 if splits.val is None else splits.val.size,
        tested=0 if splits.test is None else splits.test.size,
        columns=len(splits.columns),
        direct=transform.n_direct,
        sampled=None if whole is None else len(splits.train),
        whitened=transform.whitening is not None,
    )


def require_memory(
    experiment: Experiment, loaded: DataSize | None = None, processes: Processes | None = None
) -> None:
    """Raise ConfigError, with the forecast as a table, if the run will not fit into memory.

    Before the data are read, their size is taken from the config and from the headers of files. If the number
    of classes is not known yet, it is assumed to be two, the smallest number. The data that have been
    ``loaded`` are in memory already. Several ``processes`` that train together share the memory of a machine.
    """
    available = available_memory()
    if available is None:
        return
    data = loaded or measured_data(experiment)
    size, here = (1, 1) if processes is None else (processes.size, processes.here)
    forecast = forecast_memory(_plan(experiment, data), experiment, data, size)
    held = sum(part.bytes for part in forecast.parts if part.key in ("program", "data")) if loaded else 0
    if here > 1:
        where = f"for each of {here} processes {available.where}"
        available, held = available._replace(size=available.size // here, where=where), held // here
    if forecast.total > available.size + held:
        raise ConfigError(describe_shortage(forecast, available), topic="memory")


def require_room_for_data(
    experiment: Experiment, networks: Sequence[NetworkSpec] = (), part: str | None = None
) -> None:
    """Raise ConfigError if there is not enough memory to read the data set and score ``networks`` on it.

    ``part`` is the split that is scored, if it is a single one.
    """
    available = available_memory()
    if available is None:
        return
    data = measured_data(experiment)
    if data is not None and part is not None:
        sizes = {"train": data.trained, "val": data.validated, "test": data.tested}
        data = replace(data, scored=sizes[part])
    forecast = (
        forecast_scoring(networks, experiment, data) if networks else forecast_memory(None, experiment, data)
    )
    if forecast.total > available.size:
        raise ConfigError(
            describe_shortage(forecast, available, "scoring" if networks else "reading the data")
        )


def require_room_for_rows(
    experiment: Experiment,
    networks: Sequence[NetworkSpec],
    table: TableSize | None,
    where: str,
    *,
    written: bool,
) -> None:
    """Raise ConfigError if there is not enough memory to read new rows and score networks on them.

    ``table`` is their size, if it is known. ``written`` says that predictions are to be written instead.
    """
    available = available_memory()
    if available is None or table is None:
        return
    data = DataSize(
        table.bytes, where, None, table.examples, table.itemsize, spare=table.spare, columns=table.inputs
    )
    forecast = forecast_scoring(networks, experiment, data, written=written)
    forecast.advice["data"] = f"cut {where} into several files, and give them one after the other"
    if forecast.total > available.size:
        what = "predicting" if written else "scoring"
        raise ConfigError(describe_shortage(forecast, available, what))


def _plan(experiment: Experiment, data: DataSize | None) -> NetworkSpec | None:
    inputs, outputs = (None, None) if data is None else (data.inputs, data.outputs)
    if data is not None and experiment.model.has_windows:
        inputs = data.columns  # there may be no others
    widths = experiment.widths(inputs, outputs) or experiment.widths(inputs, 2)
    return None if widths is None else plan_experiment(experiment, widths)


def describe_shortage(forecast: Forecast, available: Available, what: str = "training") -> str:
    """Return the forecast of ``what`` as a table, its largest part and what to lower."""
    totals = {
        kind: sum(part.bytes for part in forecast.parts if part.key in keys) for kind, keys in _KINDS.items()
    }
    largest = max(totals, key=lambda kind: totals[kind])
    table = columns([*forecast.rows(), ["total", memory(forecast.total), ""]], "<><")
    return (
        f"{what} would take about "
        f"{memory(forecast.total)} of memory, "
        f"but {available.where} has {memory(available.size)} left.\n\n{table}\n\n"
        f"The largest part is {_NAMES[largest]}: {memory(totals[largest])}.\n"
        f"To make it fit: {forecast.advice[largest]}.\n"
        "Nothing was started."
    )
