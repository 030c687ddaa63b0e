"""mlp plot: which files it writes, what it says, and how it refuses."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from made_sweeps import make_sweep
from PIL import Image
from usual import only

from mlpcli.cli import pictures
from mlpcli.figures import NOTES
from mlpcli.training.directory import RunDirectory

Mlp = Callable[..., Any]
Trained = Callable[..., RunDirectory]

SHORT = "training.epochs=5"


@pytest.fixture
def spiral(trained: Trained, tmp_path: Path) -> Path:
    """Return a copy of a spiral run with snapshots, to be written to and damaged."""
    run = trained("spiral", SHORT, "training.snapshots=3").path
    shutil.copytree(run, tmp_path / "runs" / "spiral")
    return Path("runs/spiral")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("unrendered")
def test_a_kind_that_does_not_fit_keeps_no_other_from_being_drawn(mlp: Mlp, spiral: Path) -> None:
    code, out, err = mlp("plot", spiral, "--kind", "weights", "--kind", "curves", "--kind", "residuals")
    assert (code, out) == (2, f"{spiral}/plots/curves.png\n")
    assert "weights needs images" in err
    assert "residuals needs a regression" in err


def test_in_characters_too(mlp: Mlp, trained: Trained) -> None:
    code, out, err = mlp(
        "plot", trained("iris", SHORT).path, "--text", "--kind", "boundary", "--kind", "curves"
    )
    assert code == 2
    assert out.startswith("loss of ")
    assert "boundary as text needs 2 features" in err


def test_all_pictures_that_fit_are_beside_the_run(mlp: Mlp, spiral: Path) -> None:
    before = files(spiral)
    code, out, err = mlp("plot", spiral)
    kinds = ["curves", "boundary", "network", "confusion", "roc", "calibration", "importance"]
    kinds += ["health", "hidden", "examples"]
    assert (code, out.splitlines()) == (0, [f"{spiral}/plots/{kind}.png" for kind in kinds])
    assert err == ("not for this run: weights, residuals; --kind says why\n")
    assert files(spiral) - before == {f"plots/{kind}.png" for kind in kinds}
    for line in out.splitlines():
        with Image.open(line) as image:
            assert image.format == "PNG"
            assert 400 < image.width < 1600


@pytest.mark.exhaustive
def test_one_kind_goes_where_it_is_told(mlp: Mlp, spiral: Path) -> None:
    assert mlp("plot", spiral, "--kind", "curves", "--out", "new/loss.svg") == (0, "new/loss.svg\n", "")
    assert "<svg" in Path("new/loss.svg").read_text(encoding="utf-8")
    assert mlp("plot", spiral, "--kind", "curves", "--out", "pictures").out == "pictures/curves.png\n"
    snapshot = spiral / "snapshots" / "epoch-0001.npz"
    assert mlp("plot", snapshot, "--kind", "curves").out == f"{spiral}/plots/curves.png\n"


@pytest.mark.exhaustive
def test_several_kinds_are_drawn_and_no_other(mlp: Mlp, spiral: Path) -> None:
    code, out, err = mlp("plot", spiral, "--kind", "health", "--kind", "curves", "--kind", "health")
    assert (code, err) == (0, "")
    assert out.splitlines() == [f"{spiral}/plots/health.png", f"{spiral}/plots/curves.png"]
    code, _, err = mlp("plot", spiral, "--kind", "health", "--kind", "curves", "--out", "one.png")
    assert code == 2
    assert "--out one.png is one file" in err


@pytest.mark.usefixtures("unrendered")
def test_a_run_that_cannot_be_written_to_is_drawn_elsewhere(
    mlp: Mlp, spiral: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != spiral.absolute())  # root may always
    for command in (["plot", spiral, "--kind", "curves"], ["report", spiral]):
        code, out, err = mlp(*command)
        assert (code, out) == (2, "")
        assert f"the folder {spiral.absolute()} cannot be written to; name another place with --out" in err
    assert mlp("plot", spiral, "--kind", "curves", "--out", "c.png").out == "c.png\n"


@pytest.mark.exhaustive
def test_several_runs_are_overlaid_also_by_their_folder(mlp: Mlp, trained: Trained, tmp_path: Path) -> None:
    drawn = ("curves", "boundary", "health")
    for seed in (1, 2):
        run = trained("moons", SHORT, f"training.seed={seed}").path
        shutil.copytree(run, tmp_path / "sweep" / f"moons-{seed}")
    assert mlp("plot", "sweep") == (0, "".join(f"sweep/plots/{kind}.png\n" for kind in drawn), "")
    first = Path("sweep/plots/curves.png").read_bytes()
    code, out, _ = mlp("plot", "sweep/moons-1", "sweep/moons-2", "--kind", "curves", "--out", "two.png")
    assert (code, out) == (0, "two.png\n")
    assert Path("two.png").read_bytes() == first
    assert mlp("plot", "sweep").code == 0  # its own pictures are no runs


def test_the_boundary_is_animated(mlp: Mlp, spiral: Path) -> None:
    assert mlp("plot", spiral, "--animate") == (0, f"{spiral}/plots/boundary.gif  (3 frames)\n", "")
    with Image.open(spiral / "plots" / "boundary.gif") as gif:
        assert getattr(gif, "n_frames", 1) == 3


def test_without_snapshots_it_says_how_to_have_some(mlp: Mlp, trained: Trained) -> None:
    run = trained("moons", SHORT).path
    code, out, err = mlp("plot", run, "--animate", "--out", "a.gif")
    assert (code, out) == (2, "")
    assert f"mlp train {run}/config.yaml --set training.snapshots=30" in err
    assert not Path("a.gif").exists()


def test_text_fits_the_terminal_and_writes_no_file(
    mlp: Mlp, spiral: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(Path())
    for width in (40, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, err = mlp("plot", spiral, "--text")
        assert (code, err) == (0, "")
        assert max(map(len, out.splitlines())) <= width
        assert out.startswith("spiral, epoch ")
        assert "loss of spiral: " in out
    only = mlp("plot", spiral, "--text", "--kind", "curves").out
    assert only.startswith("loss of spiral: ")
    assert files(Path()) == before


def without(modules: str, *args: object, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    """Run ``mlp`` in a process of its own in which some modules cannot be imported."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({modules!r}.split()))\n"
        "from mlpcli.cli import run; sys.exit(run(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        capture_output=True,
        encoding=encoding,
        env={"PYTHONIOENCODING": encoding, "COLUMNS": "60"},
        check=False,
    )


DRAWING = ["plot RUN", "plot RUN --animate", "report RUN", "data draw moons"]


@pytest.mark.parametrize("words", only({"plot RUN"}, DRAWING))
def test_without_matplotlib_it_says_what_to_install(trained: Trained, words: str) -> None:
    run = trained("moons", SHORT).path
    result = without("matplotlib", *words.replace("RUN", str(run)).split())
    assert (result.returncode, result.stdout) == (2, "")
    assert f"{shlex.quote(sys.executable)} -m pip install 'mlpcli[plot]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_without_matplotlib_it_draws_in_characters(trained: Trained) -> None:
    result = without("matplotlib", "plot", trained("moons", SHORT).path, "--text", encoding="ascii")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("moons, epoch ")
    assert "+-----" in result.stdout


@pytest.mark.exhaustive
def test_a_page_needs_jinja2_and_says_so(trained: Trained) -> None:
    result = without("jinja2", "report", trained("moons", SHORT).path)
    assert (result.returncode, result.stdout) == (2, "")
    assert "jinja2" in result.stderr
    assert f"{shlex.quote(sys.executable)} -m pip install 'mlpcli[plot]'" in result.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "name a run, as in mlp plot runs/spiral"),
        (["nowhere"], "nowhere: there is no such run or checkpoint"),
        (["empty"], "empty is not the directory of a run: it has no config.yaml"),
        (["page.txt"], "page.txt"),
        (["RUN", "--kind", "curve"], "did you mean curves?"),
        (["RUN", "--kind", "weights"], "weights needs images"),
        (
            ["RUN", "--kind", "curves", "--out", "a.pdf"],
            "a.pdf: .pdf is not supported; its name has to end in",
        ),
        (["RUN", "--out", "a.jpg"], "--out a.jpg: .jpg is not supported; name a folder or"),
        (["RUN", "--out", "a.png"], "--out a.png is one file; name the one picture for it with --kind"),
        (["RUN", "--animate", "--out", "a.png"], "its name has to end in .gif"),
        (["RUN", "--animate", "--out", "empty"], "--out empty is a folder"),
        (["RUN", "--kind", "curves", "--out", "page.txt/a.png"], "page.txt is not a folder"),
        (["RUN", "--out", "page.txt/a"], "page.txt is not a folder"),
        (["RUN", "--text", "--out", "a.txt"], "--text writes to the terminal"),
        (["RUN", "--text", "--kind", "health"], "health needs matplotlib: leave out --text"),
        (["RUN", "--text", "--animate"], "give one of them"),
        (["RUN", "--animate", "--kind", "curves"], "leave out --kind curves"),
        (["RUN", "RUN", "--animate"], "--animate draws one run, and 2 are named"),
        (["RUN", "RUN", "--kind", "hidden"], "hidden is a picture of one run"),
        (["RUN", "--notes", "dead_relu"], "--notes trains its own runs"),
        (["--notes", "all", "--out", "a.png"], "--out a.png is one file; --notes all draws several"),
        (["--notes", "all", "--out", "page.txt"], "--out page.txt is one file; --notes all draws several"),
        (["--notes", "all", "--out", "page.txt/a"], "page.txt is not a folder"),
    ],
    ids=" ".join,
)
def test_refusals_say_what_is_allowed_and_write_nothing(
    mlp: Mlp, spiral: Path, args: list[str], said: str
) -> None:
    Path("empty").mkdir()
    Path("page.txt").write_text("hello")
    before = files(Path())
    code, out, err = mlp("plot", *(spiral if word == "RUN" else word for word in args))
    assert code in (1, 2)
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert files(Path()) == before


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize(
    "metrics",
    [
        *(b"", b'{"epoch": 1', b"{}\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"epoch": NaN}\n'),
        pytest.param(None, marks=pytest.mark.exhaustive),
    ],
    ids=["empty", "cut off", "no keys", "no text", "deep", "nan", "gone"],
)
def test_bad_metrics_keep_no_other_picture_from_being_drawn(
    mlp: Mlp, spiral: Path, metrics: bytes | None
) -> None:
    if metrics is None:
        (spiral / "metrics.jsonl").unlink()
    else:
        (spiral / "metrics.jsonl").write_bytes(metrics)
    kinds = [] if metrics is None else ["--kind", "curves", "--kind", "health", "--kind", "confusion"]
    code, out, err = mlp("plot", spiral, *kinds)
    assert code == 1
    assert "confusion.png" in out
    assert "curves.png" not in out
    assert err.count(f"{spiral}/metrics.jsonl") == 1  # said once, though two pictures need it
    assert "Traceback" not in err


@pytest.mark.usefixtures("unrendered")
def test_a_row_that_is_being_written_is_left_out(mlp: Mlp, spiral: Path) -> None:
    whole = (spiral / "metrics.jsonl").read_bytes()
    (spiral / "metrics.jsonl").write_bytes(whole[: -len(whole.splitlines()[-1]) // 2])
    code, out, _ = mlp("plot", spiral, "--kind", "curves")
    assert (code, out) == (0, f"{spiral}/plots/curves.png\n")


@pytest.mark.usefixtures("unrendered")
def test_a_damaged_checkpoint_is_named(mlp: Mlp, spiral: Path) -> None:
    whole = (spiral / "best.npz").read_bytes()
    (spiral / "best.npz").write_bytes(whole[: len(whole) // 2])
    code, out, err = mlp("plot", spiral)
    assert (code, out) == (1, "")
    assert "best.npz" in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("unrendered")
def test_snapshots_of_another_run_are_refused(mlp: Mlp, spiral: Path, trained: Trained) -> None:
    snapshot = next(spiral.rglob("epoch-*.npz"))
    shutil.copy(trained("moons", SHORT).best, snapshot)
    code, out, err = mlp("plot", spiral, "--animate")
    assert (code, out) == (1, "")
    assert f"{snapshot} does not belong to the run in {spiral}" in err
    assert not (spiral / "plots" / "boundary.gif").exists()


@pytest.mark.usefixtures("unrendered")
def test_data_that_have_gone_leave_the_curves(mlp: Mlp, tmp_path: Path) -> None:
    rows = "\n".join(f"{i},{i % 5},{'ab'[i % 2]}" for i in range(60))
    table = tmp_path / "table.csv"
    table.write_text(f"x,y,kind\n{rows}\n")
    config = "data: {name: csv, path: table.csv, target: kind}\ntraining: {epochs: 2}"
    (tmp_path / "mine.yaml").write_text(config)
    assert mlp("train", "mine.yaml", "--quiet").code == 0
    table.unlink()
    code, out, err = mlp("plot", "runs/mine")
    assert code == 1
    assert out == "runs/mine/plots/curves.png\nruns/mine/plots/network.png\nruns/mine/plots/health.png\n"
    assert "table.csv" in err
    assert "Traceback" not in err


def test_a_folder_that_cannot_be_written_to_is_named(
    mlp: Mlp, spiral: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever runs the tests may be allowed to write everywhere.
    monkeypatch.setattr(pictures, "os", SimpleNamespace(access=lambda *_: False, W_OK=2, X_OK=1))
    code, out, err = mlp("plot", spiral, "--kind", "curves", "--out", "a.png")
    assert (code, out) == (2, "")
    assert "cannot be written to; name another place" in err


@pytest.mark.exhaustive
def test_activations_of_the_notes_need_no_training(mlp: Mlp) -> None:
    assert mlp("plot", "--notes", "activations") == (0, "runs/plots/activations.png\n", "")
    assert Path("runs/plots/activations.png").stat().st_size > 10_000


@pytest.mark.slow
def test_all_figures_of_the_notes_are_drawn_by_one_command(mlp: Mlp) -> None:
    code, out, err = mlp("plot", "--notes", "all", "--out", "figures")
    assert (code, out.splitlines()) == (0, [f"figures/{name}.png" for name in NOTES])
    said = err.splitlines()
    assert all(re.fullmatch(r"\w+: \d+ runs", line) for line in said)
    assert len(said) == len({line.partition(":")[0] for line in said}) <= len(NOTES)
    assert {path.stem for path in Path("figures").iterdir()} == set(NOTES)


@pytest.mark.usefixtures("unrendered")
def test_runs_that_do_not_fit_are_passed_over_with_a_word(mlp: Mlp) -> None:
    for name, *options in (
        ("spiral",),
        ("iris",),
        ("moons",),
        ("spiral", "--set", "model.hidden=[3]"),
    ):
        assert mlp("train", name, "--set", "training.epochs=1", *options).code == 0
    Path("runs/new").mkdir()
    Path("runs/new/config.yaml").write_text("data: spiral\n")
    runs = sorted(Path("runs").iterdir())
    code, out, err = mlp("plot", *runs, "--kind", "boundary")
    assert (code, out) == (0, "runs/plots/boundary.png\n")
    assert err.splitlines() == [
        "passed over: runs/new has no best.npz yet: no epoch has been finished",
        "passed over for boundary: runs/iris: boundary needs 1 or 2 features, but iris.csv has 4",
        "passed over for boundary: runs/moons: has other data than runs/spiral",
    ]
    assert mlp("plot", "runs/new").code == 2
    code, _, err = mlp("plot", "runs/iris", "runs/iris", "--kind", "boundary")
    assert code == 2
    assert err.startswith("Error: boundary needs 1 or 2 features")


@pytest.mark.usefixtures("unrendered")
def test_the_pictures_of_a_sweep(mlp: Mlp, tmp_path: Path) -> None:
    make_sweep(tmp_path / "sweep", {"model.hidden": [[2], [9]]}, seeds=2)
    code, out, err = mlp("plot", "sweep")
    assert (code, out) == (0, "sweep/plots/parallel.png\nsweep/plots/keys.png\n")
    assert err.startswith("not drawn: key_importance: 4 runs finished, and it takes 20 or more")
    assert mlp("plot", "sweep", "--kind", "keys", "--out", "keys.svg").out == "keys.svg\n"
    out = mlp("plot", "sweep", "--kind", "parallel", "--kind", "curves", "--out", "both").out
    assert out == "both/parallel.png\nboth/curves.png\n"
    for args, expected in (
        (["sweep/run-1", "--kind", "keys"], "--kind keys draws one sweep; name its directory"),
        (["sweep", "--kind", "key_importance"], "4 runs finished, and it takes 20 or more"),
        (["sweep", "sweep/run-1", "--kind", "parallel"], "--kind parallel draws one sweep"),
    ):
        refused = mlp("plot", *args)
        assert (refused.code, refused.out) == (2, "")
        assert expected in refused.err
