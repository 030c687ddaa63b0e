"""Times the training steps of one network in the processes that mpiexec starts, or in one.

Arguments: batch size, seconds, and the widths of the hidden layers. Prints JSON: the median milliseconds of a
step, and of what is exchanged and of the optimizer in it. Images are random bytes.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from mlpcli.blas import prepare_blas
from mlpcli.mpi.job import end_job, join_job

IMAGES = 4096


def main() -> None:
    """Time steps for so many seconds."""
    batch, seconds, hidden = int(sys.argv[1]), float(sys.argv[2]), [int(word) for word in sys.argv[3:]]
    job = join_job()
    prepare_blas()
    import numpy as np

    from mlpcli.build.parts import build_loss, build_network
    from mlpcli.config.loader import validate_experiment
    from mlpcli.data.batches import Batches, Split
    from mlpcli.data.transform import Transform
    from mlpcli.streams import stream
    from mlpcli.training.run import build_trainer

    processes: Any = None
    if job is not None:
        from mlpcli.mpi.ranks import Ranks

        processes = Ranks(job)
    config = validate_experiment(
        {
            "data": "cifar10",
            "model": {"hidden": hidden},
            "optimizer": {"name": "nesterov", "learning_rate": 1e-3},
            "regularization": {"l2": 1e-2},
            "training": {"epochs": 10**6, "batch_size": batch, "shards": 1 if job is None else job.size},
        },
        Path(),
    )
    rng = np.random.default_rng(0)
    n = -(-IMAGES // batch) * batch
    X, y = rng.integers(0, 256, (n, 3072), np.uint8), rng.integers(0, 10, n)
    names = tuple(map(str, range(3072)))
    transform = Transform.fit("standardize", X, np.arange(1000), names, {}, 0, None, ())
    network = build_network(config, (3072, *hidden, 10))
    network.initialize(stream(0, "init"))
    batches = Batches(Split(X, y, np.arange(n)), transform)
    trainer = build_trainer(config, network, build_loss(config), batches, processes=processes)

    times: dict[str, list[float]] = {"step": [], "exchange": [], "optimizer": []}
    spent = dict.fromkeys(times, 0.0)

    def timed(what: str, owner: Any, name: str) -> None:
        method = getattr(owner, name)

        def call(*arguments: Any, **settings: Any) -> Any:
            start = time.perf_counter()
            result = method(*arguments, **settings)
            spent[what] += time.perf_counter() - start
            return result

        setattr(owner, name, call)

    for name in ("collect", "add_up", "share") if processes is not None else ():
        timed("exchange", processes, name)
    timed("optimizer", trainer.optimizer, "step")
    take_step, last = trainer._take_step, time.perf_counter()
    end = last + seconds

    def step(state: Any) -> None:
        nonlocal last
        take_step(state)
        now = time.perf_counter()
        spent["step"], last = now - last, now
        for what, found in times.items():
            found.append(spent[what])
            spent[what] = 0.0
        if now > end:
            trainer.stop()

    trainer._take_step = step  # type: ignore[method-assign]
    for _ in trainer.epochs():
        pass
    if job is None or job.rank == 0:
        print(json.dumps({what: 1e3 * statistics.median(found[3:]) for what, found in times.items()}))
    end_job(0, "")


if __name__ == "__main__":
    main()
