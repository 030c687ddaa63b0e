"""The first layer's weights as the images that each unit looks for."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from mlpcli.figures import UnfitError
from mlpcli.figures.images import image_shape, mosaic
from mlpcli.figures.style import label, new_figure, styled
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_weights"]

_MOST = 200  # units that are shown


@styled
def draw_weights(run: FinishedRun) -> Figure:
    """Draw the weights into each unit of the first layer as an image, the longest vectors of weights first.

    Weights are those by the scaled inputs, as the network sees them; each image has a scale of its own, from
    its smallest to its largest weight through grey for 0. Raises UnfitError where the data are no images.
    """
    network = run.checkpoint.network
    shape = image_shape(run.experiment, network.widths[0])
    if shape is None:
        raise UnfitError("weights needs images: cifar10, or an .npz file with a square number of features")
    W = network.dense[0].W.astype(np.float64)  # (inputs, units)
    lengths = np.linalg.norm(W, axis=0)
    order = np.argsort(-lengths, kind="stable")[:_MOST]
    largest = np.maximum(np.abs(W).max(axis=0), np.finfo(np.float32).tiny)
    images = (0.5 + 0.5 * W[:, order] / largest[order]).T.reshape(-1, *shape)
    columns = min(len(order), 20 if shape[1] > 16 or len(order) > 60 else 10)
    sheet = mosaic(images, columns)
    width = 8.0
    figure = new_figure(width, max(width * sheet.shape[0] / sheet.shape[1], 1) + 0.7)
    n, units = W.shape[1], network.widths[1]
    what = "units" if n == units else f"sums of {units:,} units"  # maxout takes the largest of several
    which = f"{len(order):,} of {n:,} {what}" if n > len(order) else f"{n:,} {what}"
    figure.suptitle(f"{label(run.name)}: weights of the first layer, {which}, longest first", fontsize=11)
    axes = figure.subplots(1, 1)
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(
        f"length of the weights {lengths[order[0]]:.3g} (first) to {lengths[order[-1]]:.3g} (last); "
        "grey is 0, each image has its own scale",
        fontsize=9,
    )
    return figure
