"""The job: what a launcher says, and what is wrong with it in a user's words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from mlpcli.errors import UsageError
from mlpcli.mpi import job
from mlpcli.mpi.job import Launched, join_job, launched

Together = Callable[..., subprocess.CompletedProcess[str]]
MPICH = {"PMI_SIZE": "4", "PMI_RANK": "2", "MPI_LOCALRANKID": "0"}
OPEN_MPI = {
    "OMPI_COMM_WORLD_SIZE": "8",
    "OMPI_COMM_WORLD_RANK": "7",
    "OMPI_COMM_WORLD_LOCAL_RANK": "3",
    "PMIX_RANK": "7",
}
LAUNCHERS: dict[str, tuple[dict[str, str], Launched | None]] = {
    "none": ({}, None),
    "mpich": (MPICH, Launched(4, 2, 0)),
    "open mpi": (OPEN_MPI, Launched(8, 7, 3)),
    "slurm with pmix": ({"SLURM_NTASKS": "2", "PMIX_RANK": "1", "SLURM_LOCALID": "1"}, Launched(2, 1, 1)),
    "a script of slurm": ({"SLURM_NTASKS": "2", "SLURM_PROCID": "0"}, None),
    "one process": ({"PMI_SIZE": "1", "PMI_RANK": "0"}, None),
    "switched off": ({**MPICH, "MLP_MPI": "0"}, None),
    "no numbers": ({"PMI_SIZE": "many", "PMI_RANK": "0"}, None),
}


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Return a function that sets the variables of a launcher, and no others."""
    names = {name for variables, _ in LAUNCHERS.values() for name in variables}

    def launcher(variables: dict[str, str]) -> None:
        for name in names:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return launcher


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launchers(launcher: Callable[[dict[str, str]], None], name: str) -> None:
    variables, expected = LAUNCHERS[name]
    launcher(variables)
    assert launched() == expected


def test_without_a_launcher_mpi_is_not_imported() -> None:
    program = "import sys; from mlpcli.cli import run; run(sys.argv[1:]); assert 'mpi4py' not in sys.modules"
    names = {name for variables, _ in LAUNCHERS.values() for name in variables}
    env = {key: value for key, value in os.environ.items() if key not in names}
    subprocess.run([sys.executable, "-c", program, "train", "spiral", "--dry-run"], check=True, env=env)


def test_a_missing_package_is_named(
    launcher: Callable[[dict[str, str]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher(MPICH)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(UsageError, match=r"4 processes (.|\n)*pip install 'mlpcli\[mpi\]'(.|\n)*MLP_MPI=0"):
        join_job()


def test_a_launcher_of_another_mpi_is_refused(
    launcher: Callable[[dict[str, str]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process would train by itself, and write what the others write."""
    launcher(OPEN_MPI)
    package = ModuleType("mpi4py")
    package.rc = SimpleNamespace()  # type: ignore[attr-defined]
    package.MPI = SimpleNamespace(  # type: ignore[attr-defined]
        COMM_WORLD=SimpleNamespace(Get_size=lambda: 1),
        Get_library_version=lambda: "MPICH Version:      5.0.2\nMPICH Release date: ...",
    )
    monkeypatch.setitem(sys.modules, "mpi4py", package)
    with pytest.raises(UsageError, match=r"8 processes were .* knows of 1: .*\(MPICH Version: 5.0.2\)"):
        join_job()
    assert job._job is None


HERE = """
import os, sys
from mlpcli.mpi.job import end_job, join_job
job = join_job()
if "numpy" in sys.modules or job.hosts != [os.uname().nodename] * 3:
    raise SystemExit(4)
with open(f"{job.rank}.txt", "w") as file:
    print(job.size, job.here, job.sharing, job.describe(), job.name(1), sep=";", file=file)
end_job(0, "")
"""


def test_processes_of_one_machine_share_its_cores(together: Together, tmp_path: Path) -> None:
    done = together(3, "-c", HERE)
    assert done.returncode == 0, done.stderr
    for rank in range(3):
        said = (tmp_path / f"{rank}.txt").read_text()
        assert said == "3;3;3;3 processes on this machine;process 1 of 3\n"
