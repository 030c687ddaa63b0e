"""The section ``regularization``: what keeps the weights small."""

from pydantic import Field

from mlpcli.config.schema.section import Section

__all__ = ["Regularization"]


class Regularization(Section):
    """What keeps the weights small; biases and slopes are never penalized."""

    l1: float = Field(0.0, ge=0, description="adds l1 * sum(abs(W)) to the loss; with l2 an elastic net")
    l2: float | None = Field(
        None,
        ge=0,
        description="adds 0.5 * l2 * sum(W**2) to the loss, whatever the batch size; null is 0 where "
        "weight_decay shrinks the weights already, as it does with adamw, and 1e-4 elsewhere",
    )
    weight_decay: float | None = Field(
        None,
        ge=0,
        description="shrinks W by learning_rate * weight_decay before each step, independently of the "
        "gradient; null is 0.01 with adamw, and 0 with others",
    )
    max_norm: float | None = Field(
        None, gt=0, description="largest norm of the weights into one unit; null sets no limit"
    )
