"""The section ``training``: the training loop."""

from __future__ import annotations

from pydantic import Field

from mlpcli.config.schema.section import Section

__all__ = ["Training"]


class Training(Section):
    """The training loop."""

    epochs: int = Field(100, ge=1, le=10_000_000, description="passes over the training split")
    batch_size: int = Field(32, ge=1, le=1_000_000, description="examples in each step")
    patience: int | None = Field(
        None,
        ge=1,
        description="stop after this many epochs without a better validation score; null never stops early",
    )
    seed: int = Field(
        0, ge=0, lt=2**32, description="seed of all that is random: data, splits, weights, batches"
    )
    checkpoint_every: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description="also save last.npz each time this many steps are done; null saves only at the ends of "
        "epochs, at most once a second",
    )
    snapshots: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="keep the weights of this many epochs, from the first to the last, to animate them; "
        "null keeps none",
    )
