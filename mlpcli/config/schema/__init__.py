"""Every key of the config with its default, its range and its one-line help, a file a section.

They are written here and nowhere else. A section that has a ``name`` is a choice: the name picks the model,
and with it the other keys. Where only the name matters the section may be that word alone: ``loss: hinge`` is
``loss: {name: hinge}``. What a name *does* stands in the table of the same names in its own room
(`mlpcli.nn.activations`, ...); `mlpcli.build` joins the two, and a test holds that neither knows a name that
the other does not.
"""

from mlpcli.config.schema.data import Cifar10, Data, data_sets
from mlpcli.config.schema.experiment import Experiment
from mlpcli.config.schema.loss import Loss
from mlpcli.config.schema.model import Layer, Model
from mlpcli.config.schema.optimizer import Adam, Optimizer
from mlpcli.config.schema.plain import flatten, to_plain
from mlpcli.config.schema.regularization import Regularization
from mlpcli.config.schema.training import Training

__all__ = [
    "Adam",
    "Cifar10",
    "Data",
    "Experiment",
    "Layer",
    "Loss",
    "Model",
    "Optimizer",
    "Regularization",
    "Training",
    "data_sets",
    "flatten",
    "to_plain",
]
