"""What `python -m build` makes: an sdist with all of the project, and a wheel that runs anywhere.

NumPy and the other packages that the wheel needs are those of the environment in which the tests run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from project import FILES, FOLDERS, copy_project

import mlpcli

pytest.importorskip("build", reason="needs build")
pytest.importorskip("setuptools", minversion="77", reason="needs setuptools")
pytest.importorskip("matplotlib", reason="needs matplotlib")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="programs stand elsewhere there")


def run(*command: str | Path, folder: Path, seconds: float = 120) -> str:
    """Return what a command prints, which has to succeed, whatever the environment says of Python."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MLP_"))}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project, since a build leaves files in the folder that it builds."""
    folder = tmp_path_factory.mktemp("project") / "mlp"
    copy_project(folder)
    return folder


@pytest.fixture(scope="module")
def built(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the sdist, and the wheel that was built from it."""
    place = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", place, folder=copy)
    return place


def wheel_names(folder: Path) -> list[str]:
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return sorted(archive.namelist())


@pytest.mark.exhaustive
def test_the_sdist_has_every_file(built: Path, copy: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        inside = {member.name.partition("/")[2] for member in archive if member.isfile()}
    ours = {
        path.relative_to(copy).as_posix()
        for place in (copy / name for name in (*FOLDERS, *FILES))
        for path in (place.rglob("*") if place.is_dir() else [place])
        if path.is_file() and path.suffix not in (".pyc", ".pyo")
    }
    assert ours - inside == set()
    assert {name.split("/")[0] for name in inside - ours} == {"PKG-INFO", "mlpcli.egg-info", "setup.cfg"}


@pytest.mark.exhaustive
def test_the_sdist_builds_the_wheel_that_the_checkout_builds(built: Path, copy: Path, tmp_path: Path) -> None:
    shutil.rmtree(copy / "mlpcli.egg-info")  # which lists the files of the sdist
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, folder=copy)
    assert wheel_names(tmp_path) == wheel_names(built)
    about = f"mlpcli-{mlpcli.__version__}.dist-info"
    assert {name.split("/")[0] for name in wheel_names(built)} == {"mlpcli", about}


@pytest.fixture(scope="module")
def programs(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the programs of a new environment into which the wheel was installed."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    [wheel] = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", "--no-deps"]
    run(*pip, wheel, folder=environment)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python.parent


@pytest.mark.exhaustive
def test_the_wheel_runs_in_an_empty_folder(programs: Path, tmp_path: Path) -> None:
    where = run(programs / "python", "-c", "import mlpcli; print(mlpcli.__file__)", folder=tmp_path)
    assert Path(where).is_relative_to(programs.parent)

    mlp = programs / "mlp"
    run(mlp, "train", "penguins", "--set", "training.epochs=2", folder=tmp_path)
    run(mlp, "plot", "--notes", "layer_sizes", folder=tmp_path)
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"penguins", "plots"}
    assert (tmp_path / "runs" / "penguins" / "best.npz").is_file()
    assert (tmp_path / "runs" / "plots" / "layer_sizes.png").is_file()
