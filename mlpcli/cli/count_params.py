"""``mlp count-params``: counts neurons, weights and biases, with the arithmetic, and says what they cost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.completing import complete_source
from mlpcli.cli.configs import read_config
from mlpcli.cli.output import show, show_json
from mlpcli.errors import DataError, UsageError
from mlpcli.machine import available_memory
from mlpcli.text import columns, memory, shortened

if TYPE_CHECKING:
    from mlpcli.config.schema import Experiment
    from mlpcli.specs import NetworkSpec, WeightLayer
    from mlpcli.training.memory import DataSize, Forecast

__all__ = ["count_params", "describe_costs", "describe_network"]

_MOST_TERMS = 6  # of a sum that is shown whole


@click.command("count-params")
@click.argument(
    "source",
    metavar="[CONFIG|CHECKPOINT]",
    required=False,
    type=click.Path(path_type=Path),
    shell_complete=complete_source,
)
@click.option("--layers", metavar="SIZES", help="Inputs, hidden layers and outputs, as in 3,4,4,1.")
@click.option(
    "--memory", "with_memory", is_flag=True, help="Also show the memory and the FLOPs that training takes."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with memory and FLOPs.")
def count_params(source: Path | None, layers: str | None, with_memory: bool, as_json: bool) -> None:
    """Count the neurons and parameters of a network, layer by layer, and show the arithmetic.

    The network is that of a CONFIG, of a CHECKPOINT, of the run in a directory, or the one that --layers
    describes. The data are read only if the CONFIG does not tell how many features and classes they have.
    With --layers, --memory is told for the default optimizer and batch size.
    """
    if (source is None) == (layers is None):
        raise UsageError(
            "name one network: a config, a checkpoint, or --layers, as in\n"
            "  mlp count-params spiral\n"
            "  mlp count-params --layers 3,4,4,1"
        )
    if layers is not None:
        experiment, networks, data = None, [_parse_layers(layers)], None
    else:
        assert source is not None
        experiment, networks, data = _read(source)
    in_all = sum(_plan(widths, experiment).count() for widths in networks)
    if as_json:
        of_all = {"networks": len(networks), "parameters_in_all": in_all} if len(networks) > 1 else {}
        show_json(_costs(networks[0], experiment, data) | of_all)
        return
    show(describe_network(networks[0], experiment))
    if with_memory:
        show(f"\n{describe_costs(networks[0], experiment, data)}")
    if len(networks) > 1:
        show(
            f"\nThis is the first of {len(networks):,} networks, whose predictions are averaged; "
            f"in all they have {in_all:,} parameters."
        )


def _parse_layers(layers: str) -> tuple[int, ...]:
    words = [word.strip() for word in layers.split(",")]
    wrong = [
        word for word in words if not (word.isdecimal() and word.isascii() and 0 < int(word[:10]) < 10**9)
    ]
    if wrong or len(words) < 2 or any(len(word) > 9 for word in words):
        what = f"{shortened(wrong[0])} is not a number of neurons" if wrong else "that is not a network"
        raise UsageError(
            f"--layers {layers}: {what}; give the inputs and then each layer's neurons, "
            "from 1 to 999,999,999, as in 3,4,4,1"
        )
    return tuple(map(int, words))


def _read(source: Path) -> tuple[Experiment, list[tuple[int, ...]], DataSize | None]:
    """Return the experiment and the widths of a config or, told by its first bytes, of a checkpoint.

    A checkpoint may hold several networks. The size of the data stands beside the widths if they had to be
    read.
    """
    if not source.exists() and re.fullmatch(r"\d+(,\d+)+", str(source)):
        raise UsageError(f"{source}: there is no such file; did you mean --layers {source}?")
    prepare_blas()
    best = next((file for name in ("best.npz", "folds.npz") if (file := source / name).is_file()), source)
    if _is_zip(best):
        from mlpcli.training.checkpoints import read_plan

        return *read_plan(best), None
    experiment = read_config(source)
    widths = experiment.widths()
    if widths is not None:
        return experiment, [widths], None
    from mlpcli.training.plan import plan_run

    try:
        plan = plan_run(experiment)
    except DataError as error:
        raise DataError(
            f"{error}\nWithout the data: give model.inputs and model.outputs in the config, or use --layers."
        ) from None
    return plan.experiment, [plan.widths], plan.data


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == b"PK"
    except (OSError, ValueError):  # the config reader has the better message
        return False


def _plan(widths: Sequence[int], experiment: Experiment | None) -> NetworkSpec:
    from mlpcli.config.plan import plan_experiment, plan_widths

    return plan_widths(widths) if experiment is None else plan_experiment(experiment, widths)


def _product(layer: WeightLayer) -> str:
    pieces = f" x {layer.pieces}" if layer.pieces > 1 else ""
    return f"{layer.fan_in:,} x {layer.fan_out:,}{pieces} = {layer.counts['weights']:,}"


def _forecast(spec: NetworkSpec, experiment: Experiment | None, data: DataSize | None) -> Forecast:
    from mlpcli.training.memory import forecast_memory, known_data

    if data is None and experiment is not None:
        data = known_data(experiment)
    return forecast_memory(spec, experiment, data)


def _costs(widths: Sequence[int], experiment: Experiment | None, data: DataSize | None) -> dict[str, Any]:
    """Return all counts; bytes and FLOPs too."""
    from mlpcli.config.schema import Adam, Training
    from mlpcli.specs import COUNTS

    optimizer: Any = Adam(name="adam") if experiment is None else experiment.optimizer
    batch_size = (Training() if experiment is None else experiment.training).batch_size
    spec = _plan(widths, experiment)
    forecast = _forecast(spec, experiment, data)
    return {
        "layers": [
            {
                "fan_in": layer.fan_in,
                "fan_out": layer.fan_out,
                **layer.counts,
                "parameters": layer.parameters,
            }
            for layer in spec.weight_layers()
        ],
        "neurons": spec.neurons,
        **{what: spec.count(what) for what in COUNTS},
        "parameters": spec.count(),
        "batch_size": batch_size,
        "optimizer": optimizer.name,
        "bytes": {**{part.key: part.bytes for part in forecast.parts}, "total": forecast.total},
        "flops": {
            "forward_per_example": spec.forward_flops,
            "training_per_example": spec.step_flops,
            "training_step": spec.step_flops * batch_size,
        },
    }


def describe_network(widths: Sequence[int], experiment: Experiment | None) -> str:
    """Return a table of the layers, and the sums, with the working."""
    from mlpcli.specs import COUNTS

    spec = _plan(widths, experiment)
    layers = spec.weight_layers()
    others = [what for what in COUNTS if what not in ("weights", "biases") and spec.count(what)]
    rows = [["layer", "", "weights", "biases", *(COUNTS[what] for what in others), "parameters"]]
    for number, layer in enumerate(layers, start=1):
        rows.append(
            [
                str(number),
                _kind(number, len(layers), experiment),
                _product(layer),
                f"{layer.counts['biases']:,}",
                *(f"{layer.counts[what]:,}" for what in others),
                f"{layer.parameters:,}",
            ]
        )
    neurons = _sum([spec.members * layer.fan_out for layer in layers])
    sums = [["neurons", f"{neurons}  ({_inputs(widths[0])} not counted)"]]
    sums = [
        *([f"layer {number}", _seen(layer)] for number, layer in enumerate(layers, 1) if layer.window),
        *sums,
    ]
    learned = []
    for what, name in COUNTS.items():
        if spec.count(what):
            sums.append([name, _sum([layer.counts[what] for layer in layers if layer.counts[what]])])
            learned.append(spec.count(what))
    sums.append(["parameters", _sum(learned)])
    return f"{columns(rows, '><<>>' + '>' * len(others))}\n\n{columns(sums, '<<')}"


def describe_costs(widths: Sequence[int], experiment: Experiment | None, data: DataSize | None) -> str:
    """Return a table of the memory and the arithmetic that training takes.

    ``data`` is what the data set turned out to be, where the config alone does not tell.
    """
    costs = _costs(widths, experiment, data)
    flops, batch = costs["flops"], costs["batch_size"]
    forecast = _forecast(_plan(widths, experiment), experiment, data)
    parts = forecast.parts if experiment is not None else forecast.network
    total = sum(part.bytes for part in parts)
    available = available_memory()
    too_much = available is not None and total > available.size
    resources = [
        *([part.label, memory(part.bytes), part.working] for part in parts),
        [
            "total",
            memory(total),
            f"more than the {memory(available.size)} left here" if available and too_much else "",
        ],
        ["forward, an example", f"{flops['forward_per_example']:,}", "2 a weight, 1 a bias"],
        [f"training step of {batch}", f"{flops['training_step']:,}", "forward, dW, db and dX"],
    ]
    heads = {0: "memory, float32", len(parts) + 1: "FLOPs"}
    return columns([[heads.get(i, ""), *row] for i, row in enumerate(resources)], "<<><")


def _inputs(n: int) -> str:
    return "the input is" if n == 1 else f"the {n:,} inputs are"


def _kind(number: int, last: int, experiment: Experiment | None) -> str:
    if number == last:
        return "output"
    if experiment is None:
        return "hidden"
    model = experiment.model
    return (model.hidden[number - 1].activation or model.activation).name


def _seen(layer: WeightLayer) -> str:
    """Return in words what the units of a locally connected layer see."""
    window = layer.window
    assert window is not None
    of = f"{window.side} x {window.side}" + (f" x {window.channels}" if window.channels > 1 else "")
    seen = f"{window.size} x {window.size}" + (f" x {window.channels}" if window.channels > 1 else "")
    units = layer.fan_out // window.places
    return f"{units:,} units at each of {window.across} x {window.across} places see {seen} of {of}"


def _sum(terms: Sequence[int]) -> str:
    """Return ``3 + 4 = 7``, without the middle of a long one."""
    if len(terms) == 1:
        return f"{terms[0]:,}"
    shown = [f"{term:,}" for term in terms]
    if len(shown) > _MOST_TERMS:
        shown = [*shown[: _MOST_TERMS - 2], "...", shown[-1]]
    return f"{' + '.join(shown)} = {sum(terms):,}"
