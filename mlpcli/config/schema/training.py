"""The section ``training``: the loop."""

from __future__ import annotations

from pydantic import Field

from mlpcli.config.schema.section import Section

__all__ = ["Training"]


class Training(Section):
    """The loop."""

    epochs: int = Field(100, ge=1, le=10_000_000, description="passes over the training split")
    batch_size: int = Field(32, ge=1, le=1_000_000, description="examples a step")
    patience: int | None = Field(
        None,
        ge=1,
        description="stop after so many epochs without a better validation score; null never stops early",
    )
    seed: int = Field(
        0, ge=0, lt=2**32, description="of everything that is random: data, split, weights, batches"
    )
    checkpoint_every: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description="also save last.npz every so many steps; null saves at the end of epochs alone, "
        "once a second at most",
    )
    snapshots: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="keep the weights of so many epochs, from the first to the last, for mlp plot --animate; "
        "null keeps none",
    )
