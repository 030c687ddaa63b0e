"""The section ``loss``: what training makes small."""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema

from mlpcli.config.schema.section import Section, Task, by_name, other_names, written

__all__ = ["DEFAULT_LOSSES", "Auto", "Loss"]

DEFAULT_LOSSES: dict[Task, str] = {"classification": "cross_entropy", "regression": "mse"}


class _LossSection(Section):
    """What must be known of a loss before there are any data."""

    task: ClassVar[Task | None] = "classification"  # None: the target of the data decides
    binary: ClassVar[bool] = False

    @property
    def has_probabilities(self) -> bool:
        """Whether the network gives probabilities of classes; an SVM gives scores, a regression values."""
        return False


def _weights(value: Any) -> Any:
    if value in (None, "balanced"):
        return value
    if not isinstance(value, list) or not value:
        raise ValueError
    if any(
        isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight < 0 for weight in value
    ):
        raise ValueError
    if not any(value):
        raise ValueError
    return [float(weight) for weight in value]


ClassWeights = Annotated[
    Any,
    PlainValidator(_weights),
    WithJsonSchema(
        {"allowed": "balanced, null, or a list of weights, one for each class, 0 or more and not all 0"}
    ),
    written(
        {
            "anyOf": [
                {"const": "balanced"},
                {
                    "type": "array",
                    "items": {"type": "number", "minimum": 0},
                    "contains": {"type": "number", "exclusiveMinimum": 0},
                },
                {"type": "null"},
            ]
        }
    ),
]


class _OfClasses(_LossSection):
    """The keys that weigh and soften classes."""

    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="fraction of the target that is spread over all classes"
    )
    class_weights: ClassWeights = Field(
        None,
        description="weight of each class: a list in the order of the classes; balanced gives rare classes "
        "larger weights, by the training split; null gives all examples the same weight",
    )

    @property
    def has_probabilities(self) -> bool:
        """Whether the network gives probabilities of classes."""
        return True


class CrossEntropy(_OfClasses):
    """Softmax classifier: -log of the probability of the right class."""

    name: Literal["cross_entropy"] = Field(description="softmax classifier")


class Auto(_OfClasses):
    """The loss that follows from the target: cross_entropy for classes, mse for numbers.

    Only data sets of files and arrays have it, until they have been read.
    """

    task: ClassVar[Task | None] = None

    name: Literal["auto"] = Field(
        description="cross_entropy if the target holds classes, mse if it holds numbers"
    )


class Hinge(_LossSection):
    """Multiclass SVM (Weston-Watkins): each wrong class within the margin adds to the loss."""

    name: Literal["hinge"] = Field(description="multiclass SVM")
    delta: float = Field(1.0, gt=0, description="the margin")
    squared: bool = Field(False, description="square the violations of the margin (an L2-SVM)")


class BinaryLoss(_LossSection):
    """One output unit for two classes: logistic regression, or the two-class SVM."""

    binary: ClassVar[bool] = True

    name: Literal["binary_cross_entropy", "binary_hinge"] = Field(
        description="one output for two classes: logistic regression or SVM"
    )

    @property
    def has_probabilities(self) -> bool:
        """Whether the network gives probabilities of classes."""
        return self.name == "binary_cross_entropy"


class PlainRegression(_LossSection):
    """Mean squared or absolute error of a regression."""

    task: ClassVar[Task | None] = "regression"

    name: Literal["mse", "mae"] = Field(description="mean squared or absolute error, for a regression")


class Huber(_LossSection):
    """Squares the small errors of a regression, and takes the absolute value of large ones."""

    task: ClassVar[Task | None] = "regression"

    name: Literal["huber"] = Field(
        description="squared small errors and absolute large ones, for a regression"
    )
    delta: float = Field(
        1.0, gt=0, description="where an error becomes large, in standard deviations of the targets"
    )


OTHER_LOSSES = {
    **dict.fromkeys(("softmax", "ce", "xent", "nll", "nll_loss", "cross_entropy_loss"), "cross_entropy"),
    **dict.fromkeys(("categorical_crossentropy", "sparse_categorical_crossentropy"), "cross_entropy"),
    **dict.fromkeys(("log_loss", "multinomial", "softmax_cross_entropy"), "cross_entropy"),
    **dict.fromkeys(("logistic", "logistic_regression", "bce", "bce_loss"), "binary_cross_entropy"),
    **dict.fromkeys(("bce_with_logits", "bce_with_logits_loss", "sigmoid"), "binary_cross_entropy"),
    **dict.fromkeys(("svm", "multiclass_hinge", "categorical_hinge", "multi_margin_loss"), "hinge"),
    **dict.fromkeys(("margin", "max_margin", "hinge_loss"), "hinge"),
    **dict.fromkeys(("l2", "l2_loss", "squared_error", "squared_loss", "mean_squared_error"), "mse"),
    **dict.fromkeys(("mse_loss", "least_squares", "quadratic", "rmse", "root_mean_squared_error"), "mse"),
    **dict.fromkeys(("l1", "l1_loss", "absolute_error", "mean_absolute_error"), "mae"),
    **dict.fromkeys(("smooth_l1", "smooth_l1_loss", "huber_loss"), "huber"),
}

Loss: TypeAlias = Annotated[
    Auto | CrossEntropy | Hinge | BinaryLoss | PlainRegression | Huber,
    Field(discriminator="name", json_schema_extra={"unnamed": "auto"}),  # by Experiment, which knows the data
    other_names(OTHER_LOSSES),
    by_name(),
]
