"""Trains each of CONFIGS into a folder of its own; all processes of a job run this together.

Arguments: the folder, and the number of shards, which the configs leave open.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

from mlpcli.mpi.job import end_job, join_job

CONFIGS: dict[str, dict[str, Any]] = {
    "plateau": {
        "data": {"name": "spiral", "points": 90},
        "model": {"hidden": [20, 10], "activation": "prelu", "norm": "batch", "dropout": 0.2},
        "optimizer": {"name": "momentum", "clip_norm": 1, "schedule": {"name": "plateau", "patience": 2}},
        "regularization": {"l1": 1e-4, "l2": 1e-3, "max_norm": 3},
        "training": {"epochs": 4, "batch_size": 30, "patience": 3, "checkpoint_every": 1},
    },
    "images": {
        "data": {
            "name": "cifar10",
            "val_size": 6,
            "augment": {"flip": True, "rotate": 10, "crop": 2, "cutout": 4, "mixup": 0.2},
        },
        "model": {"hidden": [8], "input_noise": 0.1, "input_dropout": 0.1},
        "optimizer": {"name": "adamw", "schedule": "cosine"},
        "training": {"epochs": 1, "batch_size": 7, "snapshots": 2},
    },
    "regression": {
        "data": {"name": "sine", "points": 50, "val_size": 0},
        "model": {"hidden": [{"units": 30, "activation": "tanh"}, {"units": 10, "dropout": 0.1}]},
        "optimizer": {"name": "rmsprop", "schedule": "one_cycle"},
        "training": {"epochs": 2, "batch_size": 16, "monitor": "r2"},
    },
    "weights of classes, and a linear path": {
        "data": {"name": "moons", "points": 1300, "val_size": 600, "train_size": 60},  # two blocks are scored
        "model": {"hidden": [10], "linear_path": "fitted"},
        "loss": {"name": "cross_entropy", "class_weights": [1, 3], "label_smoothing": 0.1},
        "training": {"epochs": 2, "batch_size": 16},
    },
    "blocks": {  # of files that the test has written
        "data": {"name": "npy", "X": "X.npy", "y": "y.npy", "weights": "weights.npy"},
        "model": {"hidden": [10], "dropout": 0.1},
        "training": {"epochs": 2, "batch_size": 13},
    },
}


def read_in_blocks() -> None:
    """Let small files be read in blocks of 20 rows, of which five are shuffled together."""
    import mlpcli.data.npy
    import mlpcli.training.run

    mlpcli.data.npy.LARGE = 1000
    mlpcli.data.npy.rows_of_a_block = lambda _: 20
    mlpcli.training.run.WINDOW = 100 * 6 * 4


def train_all(folder: Path, shards: int, processes: Any = None) -> None:
    """Train the configs in this process, with the others if there are any."""
    from mlpcli.config.loader import validate_experiment
    from mlpcli.training.start import start_run, take_directory, train_to_end

    for name, sections in CONFIGS.items():
        training = {**sections["training"], "shards": shards}
        config = validate_experiment({**sections, "training": training}, folder.parent)
        directory = take_directory(name, folder / name)
        train_to_end(start_run(config, directory, processes=processes), None)
        directory.close()


def main() -> None:
    """Train, in process 0; train along in the others."""
    from mlpcli.blas import prepare_blas

    job = join_job()
    prepare_blas(1)
    read_in_blocks()
    folder, shards = Path(sys.argv[1]), int(sys.argv[2])
    if job is None:
        train_all(folder, shards)
        return
    from mlpcli.mpi.along import begin_along, train_along
    from mlpcli.mpi.ranks import Ranks

    if job.rank == 0:
        train_all(folder, shards, Ranks(job))
    else:
        for _ in CONFIGS:
            run = begin_along(job)
            assert run is not None
            train_along(run)
    end_job(0, "")


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc()
        end_job(1, "")
        raise
