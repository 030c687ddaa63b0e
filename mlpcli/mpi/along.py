"""What all processes of a job but the first do: build its run, and train it along with it."""

from __future__ import annotations

from mlpcli.build.splits import load_splits
from mlpcli.config.schema import Experiment
from mlpcli.errors import DataError, MlpError
from mlpcli.mpi.job import Job
from mlpcli.mpi.ranks import Ranks
from mlpcli.training.checkpoints import Checkpoint
from mlpcli.training.resume import restore
from mlpcli.training.run import Run

__all__ = ["begin_along", "train_along"]


def begin_along(job: Job, *, force_memory: bool = False) -> Run | None:
    """Return the run that rank 0 has begun, as it stands there; None if that has begun none.

    Rank 0 has found that there is enough memory for all processes of its machine. Raises RunError, as it
    does, if a process cannot begin.
    """
    state: Checkpoint | None = job.world.bcast(None)
    job.waiting = False
    if state is None:
        return None
    ranks = Ranks(job, any_order=state.experiment.training.shard_sum == "any_order")
    error: str | None = None
    try:
        run = _begun(state, ranks, force_memory or job.hosts[job.rank] == job.hosts[0])
    except MlpError as reason:
        error = str(reason)
    except MemoryError:
        error = "out of memory"
    ranks.require_all(error)
    return run


def _begun(state: Checkpoint, ranks: Ranks, force_memory: bool) -> Run:
    experiment: Experiment = state.experiment
    splits = load_splits(experiment)
    if splits.fingerprint != state.fingerprint:
        raise DataError(f"{experiment.data.title} holds other data here than in process 0")
    run = Run(experiment, splits, start=state, force_memory=force_memory, processes=ranks)
    restore(run, state)
    return run


def train_along(run: Run) -> None:
    """Train the run to its end, and keep nothing of it; raises RunError where training diverges."""
    if run.scores_start:
        run.trainer.score_start()
    for _ in run.trainer.epochs(lambda _: None):
        pass
