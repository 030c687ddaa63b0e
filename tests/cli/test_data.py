"""``mlp data``: what there is, what is in it, and how CIFAR-10 comes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mlpcli.config.schema import data_sections
from mlpcli.data.fetch import CIFAR10, Archive

CONFIGS = Path(__file__).parents[2] / "configs"
Mlp = Callable[..., Any]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLP_DATA", raising=False)


def fits(out: str) -> bool:
    return all(len(line) <= 80 for line in out.splitlines())


# list


def test_list_names_every_set_and_where_cifar10_was_looked_for(mlp: Mlp) -> None:
    code, out, err = mlp("data", "list")
    assert (code, err) == (0, "")
    assert fits(out)
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[: len(data_sections())]] == list(data_sections())
    assert any(line.startswith("cifar10 ") and line.endswith("not found") for line in lines)
    assert "MLP_DATA is not set" in out
    for folder in ("", f"{os.sep}cifar-10-batches-bin", f"{os.sep}cifar-10-batches-py"):
        assert f"  datasets{folder} " in out
    assert out.count("no cifar10 there") == 3
    assert "mlp data fetch cifar10" in out


def test_list_says_what_was_found(
    mlp: Mlp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_cifar10: Callable[..., Any]
) -> None:
    monkeypatch.setenv("MLP_DATA", str(tmp_path))
    make_cifar10(tmp_path / "cifar-10-batches-py", "", n=1)
    make_cifar10(tmp_path / "cifar-10-batches-bin", n=1)
    (tmp_path / "cifar-10-batches-bin" / "test_batch.bin").unlink()
    _, out, _ = mlp("data", "list")
    rows = dict(line.split(maxsplit=1) for line in out.splitlines() if line.startswith("  "))
    assert rows == {
        str(tmp_path): "no cifar10 there",
        str(tmp_path / "cifar-10-batches-bin"): "binary version, 5 of its 6 files",
        str(tmp_path / "cifar-10-batches-py"): "python version",
    }
    assert "fetch" not in out
    sets = {row["name"]: row for row in json.loads(mlp("data", "list", "--json").out)["data_sets"]}
    assert sets["cifar10"]["found"] == str(tmp_path / "cifar-10-batches-bin")
    assert sets["spiral"] == {
        "name": "spiral",
        "description": "interleaved spiral arms, one for each class",
        "source": "drawn",
    }


# describe


DRAWN = [name for name, section in data_sections().items() if name != "cifar10" and not section.is_file()]


@pytest.mark.parametrize("name", DRAWN)
def test_describe_knows_every_toy_set_by_name(mlp: Mlp, name: str) -> None:
    code, out, err = mlp("data", "describe", name)
    assert (code, err) == (0, "")
    assert fits(out)
    assert out.startswith(f"{name}: 300 examples, ")
    assert "180 train, 60 val, 60 test" in out


def test_describe_a_config(mlp: Mlp) -> None:
    _, out, _ = mlp("data", "describe", CONFIGS / "iris.yaml", "--set", "data.test_size=0")
    lines = out.splitlines()
    assert lines[0] == "iris.csv: 150 examples, 4 features, 3 classes"
    assert ["class", "train", "val"] in [line.split() for line in lines]
    assert ["setosa", "40", "10"] in [line.split() for line in lines]
    assert ["column", "kind", "missing", "distinct", "values", "features"] in [line.split() for line in lines]
    assert lines[-1].split() == ["petal_width", "number", "0", "22", "0.1", "to", "2.5", "1"]
    assert fits(out)
    report = json.loads(mlp("data", "describe", CONFIGS / "iris.yaml", "--json").out)
    assert report["splits"] == {"train": 90, "val": 30, "test": 30}


def test_describe_cuts_long_tables(mlp: Mlp) -> None:
    _, out, _ = mlp("data", "describe", CONFIGS / "digits.yaml")
    assert fits(out)
    assert "\nx20 " in out
    assert "\nx21 " not in out
    assert "(and 44 more features; --json has them all)" in out
    features = json.loads(mlp("data", "describe", CONFIGS / "digits.yaml", "--json").out)["features"]
    assert len(features) == 64


def test_describe_names_the_terms(mlp: Mlp) -> None:
    out = mlp("data", "describe", "moons", "--set", "data.terms=[product, square]").out
    assert "moons: 300 examples, 2 columns as 5 features, 2 classes\n" in out
    assert "\nterms   x1 * x2, x1^2, x2^2\n" in out


def test_describe_a_regression(mlp: Mlp) -> None:
    _, out, _ = mlp("data", "describe", "sine", "--set", "data.noise=0")
    rows = [line.split() for line in out.splitlines()]
    assert ["target", "split", "min", "mean", "max", "std"] in rows
    for part in ("train", "val", "test"):
        low, _, high, _ = next(map(float, row[2:]) for row in rows if row[:2] == ["y", part])
        assert -1 <= low < -0.9
        assert 0.9 < high <= 1


def test_describe_images(mlp: Mlp, tmp_path: Path, make_cifar10: Callable[..., Any]) -> None:
    make_cifar10(tmp_path / "datasets" / "cifar-10-batches-bin", n=12)
    _, out, _ = mlp("data", "describe", "cifar10", "--set", "data.val_size=10")
    assert out.startswith("cifar10: 72 examples, 3 x 32 x 32 pixels, 10 classes\n")
    assert "50 train, 10 val, 12 test" in out
    (blue,) = [line.split() for line in out.splitlines() if line.startswith("blue")]
    assert (blue[1], blue[3]) == ("0.0000", "255.0000")


def test_what_is_not_used_is_told(mlp: Mlp) -> None:
    _, out, _ = mlp("data", "describe", "blobs", "--set", "data.train_size=100")
    assert "100 train, 60 val, 60 test, 80 unused" in out


WRONG = {
    "no such set": (["spirals"], 2, "there is no such data set; did you mean spiral?"),
    "a kind of file": (["csv"], 2, "data: {name: csv, path: my.csv, target: COLUMN}"),
    "a file": (["a/b.npz"], 2, "data: {name: npz, path: a/b.npz}"),
    "no such config": (["x.yaml"], 2, "x.yaml: there is no such file"),
    "a wrong key": (["spiral", "--set", "data.noize=1"], 2, 'did you mean "noise"?'),
    "not there": (["cifar10"], 1, "Download it with: mlp data fetch cifar10 --root datasets"),
}


@pytest.mark.parametrize(("args", "expected_code", "expected"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_described(mlp: Mlp, args: list[str], expected_code: int, expected: str) -> None:
    code, out, err = mlp("data", "describe", *args)
    assert (code, out) == (expected_code, "")
    assert expected in err


# draw


@pytest.mark.parametrize("file", ["my.csv", "my.csv.gz", "my.npy"])
def test_a_file_of_data_in_the_place_of_a_config_leads_to_init(mlp: Mlp, file: str) -> None:
    Path(file).write_text("a,b\n1,2\n")
    code, _, err = mlp("data", "describe", file)
    assert code == 2
    assert err.endswith(f"To write a config with comments: mlp init --data {file}\n")


def test_draw_makes_a_picture_called_as_the_data_set(mlp: Mlp) -> None:
    assert mlp("data", "draw", "spiral") == (0, "spiral.png\n", "")
    assert mlp("data", "draw", CONFIGS / "digits.yaml").out == "digits.png\n"
    for name in ("spiral", "digits"):
        with Image.open(f"{name}.png") as image:
            assert image.format == "PNG"


def test_draw_takes_overrides_and_another_place(mlp: Mlp) -> None:
    few = ("--set", "data.points=30", "--set", "data.classes=2")
    assert mlp("data", "draw", "spiral", *few, "--out", "new/few.svg") == (0, "new/few.svg\n", "")
    picture = Path("new/few.svg").read_text(encoding="utf-8")
    assert "<!-- spiral: 18 train, 6 val, 6 test -->" in picture
    assert "<!-- class 1 -->" in picture
    assert "<!-- class 2 -->" not in picture


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["spirals"], "did you mean spiral?"),
        (["cifar10"], "mlp data fetch cifar10"),
        ([CONFIGS / "iris.yaml"], "a picture needs 1 or 2 features, or images, but iris.csv has 4 features"),
        (["spiral", "--out", "a.pdf"], "its name has to end in .png or .svg"),
        (["spiral", "--out", "."], "--out . is a folder; name a file in it"),
        (["csv"], "is described through a config that names it"),
    ],
    ids=["unknown", "not there", "too many features", "pdf", "folder", "a file"],
)
def test_draw_refuses_and_writes_nothing(mlp: Mlp, args: list[object], said: str) -> None:
    code, out, err = mlp("data", "draw", *args)
    assert code in (1, 2)
    assert out == ""
    assert said in err
    assert list(Path().iterdir()) == []


# fetch


class Handler(SimpleHTTPRequestHandler):
    """Serves the folder."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(
    tmp_path_factory: pytest.TempPathFactory, make_cifar10: Callable[..., Any]
) -> Iterator[tuple[str, Archive]]:
    """Serve a small archive of the binary version; give its address and its facts."""
    folder = tmp_path_factory.mktemp("mirror")
    make_cifar10(folder / "cifar-10-batches-bin", n=2)
    with tarfile.open(folder / "small.tar.gz", "w:gz") as file:
        file.add(folder / "cifar-10-batches-bin", "cifar-10-batches-bin")
    data = (folder / "small.tar.gz").read_bytes()
    sizes = {path.name: path.stat().st_size for path in (folder / "cifar-10-batches-bin").iterdir()}
    with HTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/small.tar.gz"
        official = CIFAR10["binary"].url
        yield url, Archive(official, len(data), hashlib.md5(data).hexdigest(), "cifar-10-batches-bin", sizes)
        server.shutdown()
        thread.join()


@pytest.fixture
def url(mirror: tuple[str, Archive], monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the small archive be the official one; give the address of its mirror."""
    monkeypatch.setitem(CIFAR10, "binary", mirror[1])
    return mirror[0]


def test_fetch_puts_it_where_it_is_looked_for(mlp: Mlp, url: str, tmp_path: Path) -> None:
    code, out, err = mlp("data", "fetch", "cifar10", "--url", url)
    folder = Path("datasets") / "cifar-10-batches-bin"
    assert code == 0
    assert out.startswith(f"cifar10 is in {folder}: ")
    assert out.endswith("next  mlp train cifar10\n")
    assert err.startswith(f"{url}: ")
    assert err.count("\n") == 1  # no bar where stderr is no terminal
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["cifar-10-batches-bin"]
    assert mlp("data", "describe", "cifar10", "--set", "data.val_size=2").code == 0
    code, out, err = mlp("data", "fetch", "cifar10")
    assert (code, err) == (0, "")
    assert out == f"cifar10 is already in {folder}; to fetch it again, remove that folder first\n"


def test_fetch_goes_where_mlp_data_or_root_says(
    mlp: Mlp, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLP_DATA", str(tmp_path / "variable"))
    assert mlp("data", "fetch", "cifar10", "--url", url).code == 0
    assert (tmp_path / "variable" / "cifar-10-batches-bin").is_dir()
    out = mlp("data", "fetch", "cifar10", "--url", url, "--root", "my root").out
    assert (tmp_path / "my root" / "cifar-10-batches-bin").is_dir()
    root = tmp_path / "my root"
    assert out.endswith(f"next  mlp train cifar10 --set data.root='{root}'\n")
    monkeypatch.setenv("MLP_DATA", str(tmp_path / "variable" / "cifar-10-batches-bin"))  # the folder itself
    assert "already" in mlp("data", "fetch", "cifar10").out


def test_fetch_shows_a_bar_in_a_terminal(mlp: Mlp, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    err = mlp("data", "fetch", "cifar10", "--url", url).err
    assert "100%" in err
    assert "\r" in err


def test_fetch_python_asks_for_the_other_archive(mlp: Mlp) -> None:
    code, out, err = mlp("data", "fetch", "cifar10", "--format", "python", "--url", "http://127.0.0.1:9/x")
    assert (code, out) == (1, "")
    assert err.startswith("http://127.0.0.1:9/x: 170 MB\nError: http://127.0.0.1:9/x: ")


def test_an_interrupt_says_what_is_kept(
    mlp: Mlp, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mlpcli.data.fetch._check_sum", interrupt)
        code, out, err = mlp("data", "fetch", "cifar10", "--url", url)
    part = Path("datasets") / "cifar-10-binary.tar.gz.part"
    assert (code, out) == (130, "")
    assert err.endswith(f"kB are kept in {part}: the same command continues from there.\n")
    code, _, err = mlp("data", "fetch", "cifar10", "--url", url)
    assert code == 0
    assert ", continuing after " in err


def test_an_interrupt_before_anything_came(
    mlp: Mlp, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlpcli.data.download._open", interrupt)
    code, _, err = mlp("data", "fetch", "cifar10", "--url", url)
    assert code == 130
    assert err.endswith("\nInterrupted; nothing was downloaded yet.\n")
    assert list((tmp_path / "datasets").iterdir()) == []


def test_what_is_there_by_half_is_not_touched(mlp: Mlp, url: str, tmp_path: Path) -> None:
    folder = tmp_path / "datasets" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    (folder / "test_batch.bin").touch()
    code, out, err = mlp("data", "fetch", "cifar10", "--url", url)
    assert (code, out) == (1, "")
    assert "is already there; remove or rename it to fetch it again" in err
    assert [path.name for path in folder.iterdir()] == ["test_batch.bin"]


@pytest.mark.parametrize(
    ("args", "expected"),
    [(["mnist"], "cifar10"), ([], "Missing argument"), (["cifar10", "--format", "mat"], "binary")],
)
def test_fetch_knows_what_it_can_fetch(mlp: Mlp, args: list[str], expected: str) -> None:
    code, out, err = mlp("data", "fetch", *args)
    assert (code, out) == (2, "")
    assert expected in err


def test_data_alone_shows_its_commands(mlp: Mlp) -> None:
    _, out, err = mlp("data")
    for text in ("Usage: mlp data", "list ", "describe ", "fetch "):
        assert text in out + err


def test_a_description_fits_the_terminal(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long names of columns and texts, and the sentence on the loss."""
    rows = "".join(f"{'abc'[i % 3] * 14},{i % 7},{i * 1.5}\n" for i in range(90))
    Path("t.csv").write_text(f"a_rather_long_name_of_a_column,b,an_amount_that_is_predicted\n{rows}")
    Path("t.yaml").write_text("data: {name: csv, path: t.csv, target: an_amount_that_is_predicted}\n")
    for width in (80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        out = mlp("data", "describe", "t.yaml").out
        lines = [line for line in out.splitlines() if not line.startswith("source")]  # paths stay whole
        assert max(map(len, lines)) <= width
        assert "loss    mse, since" in out


def test_a_description_says_how_to_keep_what_is_left_out(mlp: Mlp) -> None:
    rows = "".join(f"{i % 7},1,{i * 1.5}\n" for i in range(90))
    Path("t.csv").write_text(f"x,one,y\n{rows}")
    Path("t.yaml").write_text("data: {name: csv, path: t.csv, target: y}\n")
    out = mlp("data", "describe", "t.yaml").out
    assert out.splitlines()[0].endswith("features, 1 target")
    assert "left out  one: holds 1 in every row\n          To keep a column, say in data.columns what" in out


@pytest.mark.parametrize(
    ("columns", "said"), [(80, " 2019-01 to 2024-12 "), (100, " 2019-01-01 to 2024-12-28 ")]
)
def test_dates_are_described_as_dates(
    mlp: Mlp, columns: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    rows = "".join(f"{1 + i % 28}.{1 + i % 12}.{2019 + i % 6},{i % 2}\n" for i in range(84))
    Path("t.csv").write_text(f"signup_date,y\n{rows}")
    Path("t.yaml").write_text("data: {name: csv, path: t.csv, target: y, columns: {signup_date: date}}\n")
    assert said in mlp("data", "describe", "t.yaml").out
    found = json.loads(mlp("data", "describe", "t.yaml", "--json").out)["columns"]
    (row,) = (row for row in found if row["column"] == "signup_date seconds")
    assert row["first"] == "2019-01-01T00:00:00"


def test_a_table_is_converted(mlp: Mlp) -> None:
    table = CONFIGS.parent / "datasets" / "penguins.csv"
    done = mlp("data", "convert", table, "--out", "p", "--target", "species")
    assert done.out == ("p: 344 rows of 7 columns, 3 classes to predict\nnext  mlp train p/data.yaml\n")
    assert mlp("train", "p/data.yaml", "--quiet", "--set", "training.epochs=1", "--out", "r").code == 0
    assert len(mlp("predict", "r", table).out.splitlines()) == 345
    again = mlp("data", "convert", table, "--out", "p", "--target", "species")
    assert again.code == 1
    assert "p: is there already" in again.err
    unsaid = mlp("data", "convert", table, "--out", "q")
    assert "which column is to be predicted?" in unsaid.err
    assert unsaid.err.endswith("Name it with --target.\n")
    assert not Path("q").exists()
