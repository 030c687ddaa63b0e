"""Starts several processes with the mpiexec of the MPI that mpi4py finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

# One thread each, so that processes compute alike however many there are. Open MPI starts no more processes
# than there are cores, and none for root, unless it is told to.
ALONE = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    **dict.fromkeys(("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"), "1"),
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


@pytest.fixture(scope="session")
def mpiexec() -> Callable[..., list[str]]:
    """Return a function that makes the command line of several processes; skip where there is no MPI."""
    if find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed")
    beside = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("mpiexec")
    if found is None:
        pytest.skip("there is no mpiexec")
    return lambda n, *command: [found, "-n", str(n), *command]


@pytest.fixture
def environment() -> dict[str, str]:
    """Return the environment in which `mpiexec` starts processes."""
    return {**os.environ, **ALONE}


@pytest.fixture
def together(
    mpiexec: Callable[..., list[str]], environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs a Python command line in several processes, in the folder of the test."""

    def together(n: int, *arguments: Any, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(
            mpiexec(n, *command) if n > 1 else command,
            cwd=tmp_path,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return together
