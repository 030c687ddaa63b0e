"""Draws how hidden layers bend the plane: a grid and the examples, as the first hidden layers map them."""

from __future__ import annotations

from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlpcli.figures import UnfitError
from mlpcli.figures.plane import class_handles, pick, scatter_classes, scatter_values, value_name
from mlpcli.figures.style import label, new_figure, styled
from mlpcli.training.finished import FinishedRun
from mlpcli.training.plane import extent, grid_lines, hidden_outputs, project, without_axis

__all__ = ["draw_hidden"]

_MAX_LAYERS = 3


@styled
def draw_hidden(run: FinishedRun) -> Figure:
    """Draw a grid over the plane and the training examples, and how the first hidden layers map both.

    The last panel is the output layer, where the classes should be separate. A layer of two units is drawn
    unchanged; a larger one is projected to the first two principal components of its outputs for the training
    examples. Raises UnfitError if the number of features is not 2, or there is no hidden layer.
    """
    network, features = run.checkpoint.network, run.checkpoint.columns
    if len(features) != 2 or not network.hidden:
        if len(features) == 2:
            raise UnfitError(f"hidden needs a hidden layer, but the network of {run.name} has none")
        raise UnfitError(f"hidden needs 2 features, but {run.experiment.data.title} has {len(features):,}")
    why_not = without_axis(features, run.checkpoint.kinds)
    if why_not is not None:
        raise UnfitError(f"hidden cannot draw {run.experiment.data.title}: {why_not}")
    split = run.splits.train
    chosen = pick(split)
    X, y = split.X[split.rows][chosen], split.y[split.rows][chosen]
    lines = grid_lines(extent(run.splits))
    transform = run.checkpoint.transform
    of_examples, of_lines = (
        [*hidden_outputs(network, transform.apply(points))[:_MAX_LAYERS], run.predict_logits(points)]
        for points in (X, lines.reshape(-1, 2))
    )
    names_of = [f"layer {i}: {_count(n)}" for i, n in enumerate(network.widths[1:-1], 1)][:_MAX_LAYERS]
    if network.widths[-1] > 1:
        names_of.append(f"output: {_count(network.widths[-1])}")
    of_which = "the network" if network.members == 1 else f"the first of {network.members:,} members"
    n = 1 + len(names_of)
    columns = n if n <= 3 else 2
    rows = -(-n // columns)
    figure = new_figure(4.3 * columns, 4.1 * rows + 0.8, f"{label(run.name)}: how {of_which} bends the plane")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    norm = Normalize(y[:, 0].min(), y[:, 0].max()) if run.checkpoint.classes is None else None
    for axes in panels[n:]:
        axes.set_axis_off()
    for i, (axes, title) in enumerate(zip(panels, ["the plane", *names_of], strict=False)):
        if i == 0:
            points, bent, names = X, lines, [label(name) for name in features]
        else:
            points, bent, names = project(of_examples[i - 1], of_lines[i - 1])
        bent = bent.reshape(lines.shape)
        half = len(bent) // 2
        for part, colour in ((bent[:half], "#9ecae1"), (bent[half:], "#bbbbbb")):
            axes.add_collection(LineCollection(list(part), colors=colour, linewidths=0.8, zorder=1))
        if run.checkpoint.classes is not None:
            scatter_classes(axes, points, y, size=18)
        else:
            scatter_values(axes, points, y[:, 0], norm, size=18)
        axes.autoscale_view()
        axes.locator_params(nbins=4)
        axes.set_title(title)
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
    if run.checkpoint.classes is None:
        bar = value_name(run.experiment, run.checkpoint.targets)
        figure.colorbar(panels[0].collections[-1], ax=panels, label=bar)
    handles = class_handles(run.checkpoint.classes or ())
    handles += [
        Line2D([], [], color="#9ecae1", label=f"same {label(features[1])}"),
        Line2D([], [], color="#bbbbbb", label=f"same {label(features[0])}"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6))
    return figure


def _count(units: int) -> str:
    return f"{units:,} unit{'' if units == 1 else 's'}"
