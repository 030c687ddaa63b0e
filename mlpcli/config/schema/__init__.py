"""Every key of the config with its default, its range and its one-line help; a file for each section.

They are written here and nowhere else. A section with a ``name`` is a choice: the name decides which other
keys the section has. If only the name is given, it may stand alone: ``loss: hinge`` is the same as
``loss: {name: hinge}``. What a name *does* is in a table of the same names elsewhere
(`mlpcli.nn.activations`, ...). `mlpcli.build` joins the two, and a test checks that both know the same names.

Pydantic evaluates all annotations. So these files do without ``from __future__ import annotations``, which
would have each compiled from a string, at every start.
"""

from mlpcli.config.schema.data import Data, data_sections
from mlpcli.config.schema.data.cifar10 import Cifar10
from mlpcli.config.schema.data.splits import Fold
from mlpcli.config.schema.experiment import Experiment
from mlpcli.config.schema.loss import DEFAULT_LOSSES, Loss
from mlpcli.config.schema.model import Layer, Model
from mlpcli.config.schema.optimizer import Adam, Optimizer
from mlpcli.config.schema.plain import flatten, to_plain
from mlpcli.config.schema.regularization import Regularization
from mlpcli.config.schema.sweep import Range, Sweep
from mlpcli.config.schema.training import Training

__all__ = [
    "DEFAULT_LOSSES",
    "Adam",
    "Cifar10",
    "Data",
    "Experiment",
    "Fold",
    "Layer",
    "Loss",
    "Model",
    "Optimizer",
    "Range",
    "Regularization",
    "Sweep",
    "Training",
    "data_sections",
    "flatten",
    "to_plain",
]
