"""A whole config: its sections, and checks that they fit each other."""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mlpcli.config.recipes import fill_in
from mlpcli.config.schema.data import Data
from mlpcli.config.schema.loss import DEFAULT_LOSSES, Auto, Loss
from mlpcli.config.schema.model import Model
from mlpcli.config.schema.optimizer import Adam, Optimizer
from mlpcli.config.schema.regularization import Regularization
from mlpcli.config.schema.section import Section, Task, problem
from mlpcli.config.schema.sweep import Sweep
from mlpcli.config.schema.training import MONITORS, Monitor, Training
from mlpcli.errors import ConfigError
from mlpcli.specs import Window

__all__ = ["Experiment"]


def _fit_windows(data: Data, model: Model, inputs: int | None) -> list[Window | None]:
    """Return the windows of each hidden layer, as far as so many inputs are the pixels of an image.

    Raises PydanticCustomError if the data are no images, or a window does not fit them.
    """
    first = next((i for i, layer in enumerate(model.hidden) if layer.window is not None), None)
    if first is None:
        return [None] * len(model.hidden)
    size, at = model.hidden[first].window, ("model", "hidden", first, "window")
    for key in ("terms", "bins"):
        if getattr(data, key, None):
            raise problem(f"{size} needs pixels alone as inputs; delete data.{key}, or leave window out", at)
    image = None if inputs is None else data.image(inputs)
    if image is None and (inputs is not None or not data.may_be_images):
        which = "" if inputs is None else f", with {inputs:,} features,"
        raise problem(
            f"{size} needs images, and {data.name}{which} has none; leave window out, or use cifar10, or an "
            ".npz file with square images, of at least 4 x 4 pixels",
            at,
        )
    return [] if image is None else model.windows(image)


class Experiment(Section):
    """A whole config file."""

    data: Data = Field(description="what to learn from")
    recipe: Literal["table", "plain"] = Field(
        "plain",
        description="where the keys that are left out come from: table has what is best for most tables, "
        "several small networks beside a linear model, and fits the epochs to the number of rows; plain has "
        "the defaults that are named here. A CSV file and a data frame get table if the config says nothing "
        "of model, optimizer and regularization",
    )
    model: Model = Field(Model(), description="the network")
    loss: Loss = Field(
        None,
        validate_default=True,
        description="what training minimizes; if it is left out, it follows from the target",
    )
    optimizer: Optimizer = Field(Adam(name="adam"), description="how the weights follow the gradient")
    regularization: Regularization = Field(Regularization(), description="what keeps the weights small")
    training: Training = Field(Training(), description="the training loop")
    sweep: Sweep = Field(Sweep(), exclude=True, description="what a sweep varies")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, value: Any) -> Any:
        """Read an empty section as one that is left out, if it may be, and fill in what a recipe has."""
        if not isinstance(value, dict):
            return value
        optional = {key for key, section in cls.model_fields.items() if not section.is_required()}
        return fill_in({key: item for key, item in value.items() if item is not None or key not in optional})

    @field_validator("model")
    @classmethod
    def _model_fits_data(cls, model: Model, info: ValidationInfo) -> Model:
        data = info.data.get("data")
        if data is not None and None not in (data.inputs, model.inputs) and data.inputs != model.inputs:
            raise problem(
                f"{model.inputs} does not fit {data.name}, which has {data.inputs} features; delete the key",
                ("model", "inputs"),
            )
        if data is not None and model.has_windows:
            _fit_windows(data, model, data.inputs or model.inputs)
        return model

    @field_validator("loss", mode="before")
    @classmethod
    def _default_loss(cls, loss: Any, info: ValidationInfo) -> Any:
        """Name a loss that has no name, or auto: by the data, or auto if only the target tells."""
        if loss is None or loss == "auto":
            loss = {}
        if not isinstance(loss, dict) or not loss.keys() <= Auto.model_fields.keys():
            return loss
        if loss.get("name", "auto") != "auto":
            return loss
        data = info.data.get("data")
        tasks: tuple[Task, ...] = () if data is None else data.tasks
        return {**loss, "name": DEFAULT_LOSSES[tasks[0]] if len(tasks) == 1 else "auto"}

    @field_validator("loss")
    @classmethod
    def _loss_fits_data(cls, loss: Any, info: ValidationInfo) -> Any:
        data, model = info.data.get("data"), info.data.get("model")
        if data is None:
            return loss
        if loss.task is not None and loss.task not in data.tasks:
            what = {"regression": "numbers", "classification": "classes"}[data.tasks[0]]
            fitting = DEFAULT_LOSSES[data.tasks[0]]
            raise problem(f"{loss.name} does not fit {data.name}, whose targets are {what}; use {fitting}")
        bend = getattr(data, "target_transform", "none")
        if bend != "none" and loss.task == "classification":
            raise problem(
                f"{bend} is for the numbers of a regression, and {loss.name} is for classes; "
                "set loss: mse, or delete the key",
                ("data", "target_transform"),
            )
        if model is not None and model.clip_outputs and loss.task == "classification":
            raise problem(
                f"it is for the numbers of a regression, and {loss.name} is for classes; delete the key",
                ("model", "clip_outputs"),
            )
        several = getattr(data, "target", None)
        if isinstance(several, list) and loss.task == "classification":
            raise problem(
                f"{loss.name} is for one target of classes, and data.target names {len(several)}; "
                "set loss: mse, or name one"
            )
        targets = data.targets(loss.task)
        if loss.binary and targets not in (2, None):
            raise problem(
                f"{loss.name} is for two classes, and {data.name} has {targets}; use cross_entropy or hinge"
            )
        weights = getattr(loss, "class_weights", None)
        if isinstance(weights, list) and targets not in (len(weights), None):
            raise problem(
                f"class_weights has {len(weights)} weights, and {data.name} has {targets} classes; "
                "give one weight for each class"
            )
        outputs = 1 if loss.binary else targets
        if model is not None and None not in (outputs, model.outputs) and outputs != model.outputs:
            classes = loss.task == "regression" and model.outputs > 1 and "classification" in data.tasks
            raise problem(
                f"{model.outputs} does not fit {loss.name} on {data.name}, which needs {outputs}; "
                "delete the key" + (", or set loss: cross_entropy to predict classes" if classes else ""),
                ("model", "outputs"),
            )
        return loss

    @field_validator("training")
    @classmethod
    def _monitor_fits_loss(cls, training: Training, info: ValidationInfo) -> Training:
        loss, monitor = info.data.get("loss"), training.monitor
        if loss is None or loss.task is None or monitor is None:
            return training
        fitting = [name for name in MONITORS[loss.task] if name != "log_loss" or loss.has_probabilities]
        if monitor not in fitting:
            why = (
                "which gives scores, not probabilities"
                if monitor in MONITORS[loss.task]
                else f"which is for a {loss.task}"
            )
            raise problem(
                f"{monitor} does not fit {loss.name}, {why}; use {', '.join(fitting[:-1])} or {fitting[-1]}",
                ("training", "monitor"),
            )
        return training

    @field_validator("training")
    @classmethod
    def _folds_need_members(cls, training: Training, info: ValidationInfo) -> Training:
        model = info.data.get("model")
        if training.validation == "folds" and model is not None and model.members == 1:
            raise problem(
                "folds needs several members, each of which leaves out one; set model.members, as in 8",
                ("training", "validation"),
            )
        return training

    @field_validator("training")
    @classmethod
    def _shards_fit(cls, training: Training, info: ValidationInfo) -> Training:
        model, shards = info.data.get("model"), training.shards or 1
        if shards > training.batch_size:
            raise problem(
                f"{shards:,} are more than the examples of a batch; give at most training.batch_size, "
                f"{training.batch_size:,}",
                ("training", "shards"),
            )
        if shards > 1 and model is not None and model.members > 1:
            raise problem(
                f"{shards:,} do not go with model.members: {model.members}, which train side by side; "
                "leave one of them out",
                ("training", "shards"),
            )
        return training

    @property
    def monitor(self) -> Monitor:
        """The score that chooses the best epoch: the one asked for, or the one that suits the loss."""
        if self.training.monitor is not None:
            return self.training.monitor
        if self.loss.task == "regression":
            return "loss"
        return "accuracy" if getattr(self.loss, "class_weights", None) is None else "balanced_accuracy"

    @property
    def points_seed(self) -> int:
        """The seed by which the points of a toy set are drawn."""
        own: int | None = getattr(self.data, "points_seed", None)
        return self.training.seed if own is None else own

    @property
    def split_seed(self) -> int:
        """The seed by which examples are divided into splits and folds."""
        return self.training.seed if self.data.split_seed is None else self.data.split_seed

    @property
    def classification(self) -> bool | None:
        """Whether the target holds classes, as far as the config tells; None if the data are to tell."""
        if self.loss.task is not None:
            return self.loss.task == "classification"
        section: Any = self.data
        is_bent = getattr(section, "target_transform", "none") != "none"
        return False if is_bent or isinstance(getattr(section, "target", None), list) else None

    def widths(self, inputs: int | None = None, targets: int | None = None) -> tuple[int, ...] | None:
        """Return (inputs, hidden ..., outputs) of the network.

        ``inputs`` and ``targets`` (classes, or values of a regression) are what the data have. Without them
        the config must say; returns None if it does not. Raises ConfigError if windows do not fit the inputs.
        """
        inputs = inputs or self.data.inputs or self.model.inputs
        outputs = (
            1 if self.loss.binary else targets or self.data.targets(self.loss.task) or self.model.outputs
        )
        if inputs is None or outputs is None:
            return None
        places = [1 if window is None else window.places for window in self.windows(inputs)]
        hidden = (n * layer.units for n, layer in zip(places, self.model.hidden, strict=True))
        return (inputs, *hidden, outputs)

    def windows(self, inputs: int) -> list[Window | None]:
        """Return the windows of each hidden layer, None for a fully connected one.

        Raises ConfigError if they do not fit so many inputs.
        """
        try:
            return _fit_windows(self.data, self.model, inputs)
        except PydanticCustomError as error:
            raise ConfigError(
                f"{'.'.join(map(str, (error.context or {})['at']))}: {error.message()}"
            ) from None

    @property
    def l2(self) -> float:
        """The strength of the squared penalty; by default the weights are shrunk in one way, not in two."""
        asked = self.regularization.l2
        return asked if asked is not None else 0.0 if self.weight_decay else 1e-4

    @property
    def weight_decay(self) -> float:
        """The strength of the decoupled weight decay."""
        asked = self.regularization.weight_decay
        return asked if asked is not None else 0.01 if self.optimizer.name == "adamw" else 0.0
