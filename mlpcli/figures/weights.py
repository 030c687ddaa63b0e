"""Draws the weights of the first layer as images, one for each unit."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.figure import Figure

from mlpcli.figures import UnfitError
from mlpcli.figures.images import mosaic
from mlpcli.figures.style import label, new_figure, styled
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_weights"]

_MAX_UNITS = 200
_LETTERS = 100  # of the title in a line


@styled
def draw_weights(run: FinishedRun) -> Figure:
    """Draw the weight vector of each unit in the first layer as an image, longest vectors first.

    The weights apply to inputs that are scaled or whitened. Each image has its own scale, in which gray is 0.
    Of units that see a window of the image, it is this window. Raises UnfitError if the data are not images.
    """
    network = run.checkpoint.network
    pixels = len(run.checkpoint.columns)
    shape = run.experiment.data.image(pixels)
    if shape is None:
        raise UnfitError(
            "weights needs images: cifar10, or an .npz file whose number of features is a square"
        )
    of_image, window = _of_what(run, shape), network.spec.weight_layers()[0].window
    if window is not None:
        shape, pixels = (shape[0], window.size, window.size), window.fan_in
        of_image = f"windows of {window.size} x {window.size} out of {of_image}"
    W = network.dense[0].W[..., :pixels, :].astype(np.float64)  # terms and bins come behind
    if W.ndim > 2:  # side by side: (members or places, inputs, units) -> (inputs, all units)
        W = W.transpose(1, 0, 2).reshape(W.shape[1], -1)
    lengths = np.linalg.norm(W, axis=0)
    order = np.argsort(-lengths, kind="stable")[:_MAX_UNITS]
    largest = np.maximum(np.abs(W).max(axis=0), np.finfo(np.float32).tiny)
    images = (0.5 + 0.5 * W[:, order] / largest[order]).T.reshape(-1, *shape)
    columns = min(len(order), 20 if shape[1] > 16 or len(order) > 60 else 10)
    sheet = mosaic(images, columns)
    n, units = W.shape[1], network.members * network.widths[1]
    what = "units" if n == units else f"sums of {units:,} units"  # maxout takes the largest of several
    which = f"{len(order):,} of {n:,} {what}" if n > len(order) else f"{n:,} {what}"
    title = f"{label(run.name)}: weights of the first layer from the {of_image}, {which}, longest first"
    title = textwrap.fill(title, _LETTERS)
    width = 8.0
    height = max(width * sheet.shape[0] / sheet.shape[1], 1) + 0.7 + 0.15 * title.count("\n")
    figure = new_figure(width, height)
    figure.suptitle(
        f"{title}\nwhite adds, black takes away, gray is 0; lengths from {lengths[order[0]]:.3g} to "
        f"{lengths[order[-1]]:.3g}, each unit on its own scale",
        fontsize=10,
    )
    axes = figure.subplots(1, 1)
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()
    return figure


def _of_what(run: FinishedRun, shape: tuple[int, int, int]) -> str:
    channels, rows, columns = shape
    whitened = "" if run.checkpoint.transform.whitening is None else "whitened "
    return f"{rows} x {columns} {whitened}{'color ' if channels == 3 else ''}pixels"
