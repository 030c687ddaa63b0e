"""The section ``training``: the training loop."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from mlpcli.config.schema.paths import FileName
from mlpcli.config.schema.section import Section, Task, other_names

__all__ = ["MONITORS", "Monitor", "Training"]

OTHER_MONITORS = {
    **dict.fromkeys(("val_loss", "validation_loss"), "loss"),
    **dict.fromkeys(("acc", "val_acc", "val_accuracy", "validation_accuracy"), "accuracy"),
    **dict.fromkeys(("balanced_acc", "bacc", "macro_recall"), "balanced_accuracy"),
    **dict.fromkeys(("neg_log_loss", "cross_entropy", "nll"), "log_loss"),
    **dict.fromkeys(("auc", "auroc", "roc"), "roc_auc"),
    **dict.fromkeys(("f1_score", "f1_macro", "macro_f1", "f_measure"), "f1"),
    **dict.fromkeys(("mean_squared_error", "neg_mean_squared_error", "rmse"), "mse"),
    **dict.fromkeys(("mean_absolute_error", "neg_mean_absolute_error"), "mae"),
    **dict.fromkeys(("r2_score", "r_squared", "coefficient_of_determination"), "r2"),
}
Monitor: TypeAlias = Literal[
    "loss", "accuracy", "balanced_accuracy", "log_loss", "roc_auc", "f1", "mse", "mae", "r2"
]
# The task that each is for; the loss is for both.
MONITORS: dict[Task, tuple[Monitor, ...]] = {
    "classification": ("loss", "accuracy", "balanced_accuracy", "log_loss", "roc_auc", "f1"),
    "regression": ("loss", "mse", "mae", "r2"),
}


class Training(Section):
    """The training loop."""

    epochs: int = Field(100, ge=1, le=10_000_000, description="passes over the training split")
    batch_size: int = Field(32, ge=1, le=1_000_000, description="examples in each step")
    patience: int | None = Field(
        None,
        ge=1,
        description="stop after this many epochs without a better validation score; null never stops early",
    )
    monitor: Annotated[Monitor, other_names(OTHER_MONITORS)] | None = Field(
        None,
        description="the validation score that chooses the best epoch, for patience and the schedule plateau "
        "too; null takes balanced_accuracy where classes are weighted, else accuracy, and loss in a "
        "regression; of equal scores the lower loss is better",
    )
    validation: Literal["split", "folds"] = Field(
        "split",
        description="examples on which the epochs are scored: split takes the validation split; folds needs "
        "none, whatever data.val_size says: it cuts all examples but those of the test split into as many "
        "folds as there are model.members, and each member leaves out one and is scored on it",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="what is multiplied in matrix products: with bfloat16, weights, inputs and gradients are "
        "rounded to 8 bits for it, and the products are added up in float32, as all else is computed; faster "
        "for wide layers, with pip install 'mlpcli[fast]' and a processor with AVX512_BF16 or AMX",
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**32,
        description="seed of all that is random: data, splits, weights, batches; data.points_seed and "
        "data.split_seed take its place for the first two",
    )
    start_from: FileName | None = Field(
        None,
        description="a run, or a checkpoint, relative to the config file, whose network this run begins with "
        "instead of random weights; from last.npz the same optimizer goes on with its state, too; null "
        "begins with random weights",
    )
    shards: int | None = Field(
        None,
        ge=1,
        le=65_536,
        description="parts that each batch is cut into: the gradient of each is computed by itself, with "
        "random numbers of its own, and they are added up in a fixed order, so that one process and several "
        "that share them leave the same bytes (docs/scaling.md); batch_norm takes the statistics of a part; "
        "null is 1, or one for each process that mpiexec has started",
    )
    shard_sum: Literal["in_order", "any_order"] = Field(
        "in_order",
        description="how several processes add up their gradients: in_order, to the same bytes for any "
        "number of them; any_order, by the all-reduce of MPI, which needs fewer messages",
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
        description="keep the weights of this many epochs, from the first to the last, most of them early, "
        "when the network changes most, to animate them; null keeps none",
    )
    tensorboard: bool = Field(
        False,
        description="also write event files for TensorBoard into the run's directory: the metrics of each "
        "epoch, and histograms of weights and activations; needs the extra tensorboard",
    )

    @property
    def snapshot_epochs(self) -> list[int]:
        """The epochs whose weights are kept: ``snapshots`` of them, in geometric steps, each at least 1."""
        if self.snapshots is None:
            return []
        kept, last = [1], self.epochs
        for left in range(min(self.snapshots, last) - 1, 0, -1):
            step = kept[-1] * (last / kept[-1]) ** (1 / left)
            kept.append(max(kept[-1] + 1, round(step)))
        return kept
