"""The job that mpiexec has started: which process this is, how it joins the others, and how all of them end.

NumPy is imported later, since the number of processes on this machine decides its threads.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from mlpcli.errors import UsageError
from mlpcli.text import install_command

if TYPE_CHECKING:
    from mpi4py import MPI

__all__ = ["SWITCH", "Job", "Launched", "end_job", "join_job", "launched"]

SWITCH = "MLP_MPI"  # the variable of the environment that is 0 to train in each process by itself
# What launchers set: the number of processes, and that of this one. Slurm's is of MPI only beside PMIx's.
_VARIABLES = (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("PMI_SIZE", "PMI_RANK"),
    ("SLURM_NTASKS", "PMIX_RANK"),
)
_LOCAL = ("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")  # the number on its machine
_PATIENCE = 3.0  # seconds that a process waits for the others before it ends them


class Launched(NamedTuple):
    """How many processes a launcher has started, and which of them, and of those of its machine, this is."""

    size: int
    rank: int
    local_rank: int


def launched() -> Launched | None:
    """Return what a launcher of MPI says in the environment; None where this process is alone."""
    if os.environ.get(SWITCH) == "0":
        return None
    for names in _VARIABLES:
        values = [*map(_variable, names)]
        if all(value.isdecimal() for value in values) and int(values[0]) > 1:
            size, rank = map(int, values)
            return Launched(size, rank, int(next(filter(str.isdecimal, map(_variable, _LOCAL)), rank)))
    return None


def _variable(name: str) -> str:
    return os.environ.get(name, "")


class Job:
    """The processes of a job; ``world`` is MPI's communicator of them.

    ``here`` is the number of those on this machine, ``sharing`` that of those on the cores of this one, and
    ``hosts`` the machine of each.
    """

    def __init__(self, world: MPI.Intracomm, shared: int) -> None:
        self.world, self.rank, self.size = world, world.Get_rank(), world.Get_size()
        self._last = world.Dup()  # in which nothing else is waited for
        here = world.Split_type(shared)
        cores = _cores()
        self.here = here.Get_size()
        self.sharing = sum(not cores.isdisjoint(others) for others in here.allgather(cores))
        self.hosts: list[str] = world.allgather(os.uname().nodename if hasattr(os, "uname") else "")
        self.waiting = True  # whether the others wait for rank 0 to say what is trained

    def dismiss(self) -> None:
        """Let the others know that nothing is trained; only for rank 0."""
        if self.waiting:
            self.waiting = False
            self.world.bcast(None)

    def name(self, rank: int) -> str:
        """Return what a process is called in messages."""
        where = f" on {self.hosts[rank]}" if len(set(self.hosts)) > 1 else ""
        return f"process {rank} of {self.size}{where}"

    def describe(self) -> str:
        """Return in words how many processes there are, and where."""
        machines = len(set(self.hosts))
        return f"{self.size} processes on {f'{machines} machines' if machines > 1 else 'this machine'}"

    def all_end(self, seconds: float | None) -> bool:
        """Wait until all processes come to their end; return False if they do not in so many seconds."""
        arrived = self._last.Ibarrier()
        start = time.monotonic()
        while not arrived.Test():
            if seconds is not None and time.monotonic() - start > seconds:
                return False
            time.sleep(0.005)
        return True


_job: Job | None = None


def join_job() -> Job | None:
    """Join the other processes if a launcher has started several; return None where this one is alone.

    Raises UsageError if that is not possible.
    """
    global _job
    found = launched()
    if found is None or _job is not None:
        return _job
    alone = f"To train in each process by itself, set {SWITCH}=0 in the environment."
    try:
        import mpi4py

        mpi4py.rc.thread_level = "serialized"
        with warnings.catch_warnings():  # that the launcher is of another MPI is said below
            warnings.simplefilter("ignore", RuntimeWarning)
            from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise UsageError(
            f"{found.size} processes were started together, and mpi4py, by which they share the work, cannot "
            f"be imported ({error}).\nTo install it: {install_command('mlpcli[mpi]')}\n{alone}"
        ) from None
    if MPI.COMM_WORLD.Get_size() != found.size:
        library = " ".join(MPI.Get_library_version().partition("\n")[0].partition(",")[0].split())
        raise UsageError(
            f"{found.size} processes were started together, but MPI knows of "
            f"{MPI.COMM_WORLD.Get_size()}: the launcher belongs to another MPI than the one that mpi4py has "
            f"loaded ({library}). Start mlp with the mpiexec of that one.\n{alone}"
        )
    _job = Job(MPI.COMM_WORLD, MPI.COMM_TYPE_SHARED)
    return _job


def end_job(code: int, said: str) -> None:
    """End this process' part in the job, if there is one: with the others, or else end them too.

    ``said`` is what this process would have told the user, if it is another than rank 0.
    """
    if _job is None:
        return
    if _job.rank == 0:
        _job.dismiss()
    if _job.all_end(None if code == 0 else _PATIENCE):
        return
    if _job.rank and said:
        sys.stderr.write(f"In {_job.name(_job.rank)}: {said}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    _job.world.Abort(code)


def _cores() -> frozenset[Any]:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))
