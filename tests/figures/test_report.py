"""The report is one self-contained page, which no config or table can break."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mlpcli.figures.report import _working, render_report
from mlpcli.specs import WeightLayer
from mlpcli.training.directory import RunDirectory
from mlpcli.training.finished import FinishedRun

SNAPSHOTS = "training.snapshots=6"
Trained = Callable[..., RunDirectory]
TrainText = Callable[[str, Path], Path]


class Page(HTMLParser):
    """The contents of a page: the text of each section, and every attribute of every tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {}
        self._section = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self._section = str(dict(attrs)["id"])
            self.sections[self._section] = ""

    def handle_data(self, data: str) -> None:
        if self._section:
            self.sections[self._section] += data


@pytest.fixture(scope="module")
def spiral(trained: Trained) -> str:
    """Return the page of a spiral with snapshots."""
    return render_report(FinishedRun.open(trained("spiral", "training.epochs=30", SNAPSHOTS).path))


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every picture without rendering it, which takes a second a page, for tests that read the text."""
    monkeypatch.setattr("mlpcli.figures.report.write", lambda figure, stream, kind: None)


def render(directory: Path) -> tuple[str, Page]:
    html = render_report(FinishedRun.open(directory))
    return html, Page(html)


def test_a_page_has_everything_and_fetches_nothing(spiral: str) -> None:
    html, page = spiral, Page(spiral)
    assert len(html) < 3_000_000
    assert list(page.sections) == [
        *("summary", "network", "curves", "boundary", "hidden", "confusion"),
        *("roc", "calibration", "importance", "health"),
        *(["examples"] if "examples" in page.sections else []),
        *("config", "again"),
    ]
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64,")), tag
        if tag == "img":
            assert attributes["alt"]
    assert "http" not in html.replace("http-equiv", "")
    assert "180 train, 60 val, 60 test" in page.sections["summary"]
    for text in (
        "lossaccuracybalanced accuracylog lossROC AUCF1",
        "\n    test, most frequent33.33%33.33%1.0986",
    ):
        assert text in page.sections["summary"]
    assert "\n    test, linear" in page.sections["summary"]
    assert "2 x 100 + 100 = 300" in " ".join(page.sections["network"].split())
    assert "points: 300" in page.sections["config"]
    assert "mlp train " in page.sections["again"]
    assert "Python" in page.sections["again"]
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert links == {f"#{name}" for name in page.sections}
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_slider_has_a_frame_for_each_snapshot(spiral: str) -> None:
    (slider,) = (attributes for tag, attributes in Page(spiral).tags if tag == "input")
    assert slider["max"] == "5"
    assert re.findall(r'"epoch": (\d+)', spiral)[0::5] == ["1", "30"]


@pytest.mark.usefixtures("plain")
def test_the_report_of_another_checkpoint_says_which_epoch_it_shows(trained: Trained) -> None:
    directory = trained("moons", "training.epochs=5", "optimizer.learning_rate=1e-30")
    best, last = (render(file)[1].sections["summary"] for file in (directory.best, directory.last))
    assert "1 of 5" in best
    assert "Scores of epoch 1" in best
    assert "this page shows" not in best
    assert "1 of 5; this page shows epoch 5" in last
    assert "Scores of epoch 5" in last


@pytest.mark.usefixtures("plain")
def test_the_report_of_an_unfinished_run_says_so_and_how_to_resume(trained: Trained, tmp_path: Path) -> None:
    run = tmp_path / "stopped"
    shutil.copytree(trained("moons", "training.epochs=5").path, run)
    rows = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(rows[:4]))
    _, page = render(run)
    assert "Not finishedthe config asks for 5 epochs" in page.sections["summary"].replace("\n", "").replace(
        "  ", ""
    )
    assert f"mlp train --resume {run}" in page.sections["again"]
    assert "bit for bit" not in page.sections["again"]
    _, whole = render(trained("moons", "training.epochs=5").path)
    assert "Not finished" not in whole.sections["summary"]
    assert "bit for bit" in whole.sections["again"]
    patient = trained("moons", "training.epochs=50", "training.patience=2", "optimizer.learning_rate=1e-30")
    assert "Not finished" not in render(patient.path)[1].sections["summary"]


@pytest.mark.usefixtures("plain")
def test_without_snapshots_there_is_no_slider(trained: Trained) -> None:
    _, page = render(trained("moons", "training.epochs=5").path)
    assert "boundary" in page.sections
    assert "input" not in {tag for tag, _ in page.tags}


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("name", "there", "not_there"), [("sine", "boundary", "confusion"), ("iris", "confusion", "boundary")]
)
def test_pictures_that_do_not_fit_are_left_out(
    trained: Trained, name: str, there: str, not_there: str
) -> None:
    _, page = render(trained(name, "training.epochs=5").path)
    assert there in page.sections
    assert not_there not in page.sections


@pytest.mark.usefixtures("plain")
def test_advice_is_on_the_page(trained_text: TrainText, tmp_path: Path) -> None:
    run = trained_text(
        "data: {name: spiral, points: 60}\n"
        "model: {hidden: [20], activation: relu, init: {name: he, bias: -30}}\n"
        "training: {epochs: 2}",
        tmp_path / "run",
    )
    _, page = render(run)
    assert "of its ReLUs are dead" in page.sections["summary"]


EVIL = "<script>document.title='owned'</script>"


@pytest.fixture
def evil(trained_text: TrainText, tmp_path: Path) -> Path:
    """Return a run whose folder, columns and classes are markup."""
    rows = "\n".join(f"{i % 7},{(i * i) % 5},{(EVIL, 'b')[i % 2]}" for i in range(40))
    (tmp_path / "evil.csv").write_text(f"{EVIL} a,</style>&amp;,class\n{rows}\n")
    config = "data: {name: csv, path: evil.csv, target: class}\nmodel: {hidden: [4]}\ntraining: {epochs: 2}"
    return trained_text(config, tmp_path / "<img src=x onerror=alert(1)>")


@pytest.mark.usefixtures("plain")
def test_names_from_outside_are_escaped(evil: Path) -> None:
    html, page = render(evil)
    assert EVIL not in html
    assert "script" not in {tag for tag, _ in page.tags}
    assert all("onerror" not in attributes for _, attributes in page.tags)
    assert "<script>" in page.sections["summary"]


# ------------------------------------------------------------------------------------- in a real browser


def opened(browser: Any, html: str, folder: Path) -> None:
    page = folder / "report.html"
    page.write_text(html, encoding="utf-8")
    browser.get(page.resolve().as_uri())


def test_the_slider_works_by_keyboard(browser: Any, spiral: str, tmp_path: Path) -> None:
    opened(browser, spiral, tmp_path)
    slider, frame = (browser.find_element("id", name) for name in ("epoch", "frame"))
    last = frame.get_attribute("src")
    seen = {last}
    for _ in range(5):
        slider.send_keys("\ue012")  # the left arrow
        seen.add(frame.get_attribute("src"))
    assert len(seen) == 6
    assert browser.find_element("id", "epoch-shown").text == "1"
    assert slider.get_attribute("aria-valuetext") == "epoch 1"
    assert frame.get_attribute("alt") == "Predictions after epoch 1."
    assert browser.execute_script("return arguments[0].naturalWidth", frame) > 100
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_fits_the_window(browser: Any, spiral: str, tmp_path: Path, width: int) -> None:
    browser.set_window_size(width, 800)
    opened(browser, spiral, tmp_path)
    inside, outside = browser.execute_script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert inside <= outside
    curves = browser.find_element("css selector", "#curves img").size["width"]
    assert curves >= 600  # in a narrower window it scrolls, so that it stays legible


@pytest.mark.usefixtures("plain")
def test_the_text_below_the_layers_does_not_overlap(browser: Any, trained: Trained, tmp_path: Path) -> None:
    run = trained("iris", "training.epochs=1", "model.hidden=[1500, 1200]").path
    opened(browser, render(run)[0], tmp_path)
    boxes = browser.execute_script(
        "return [...document.querySelectorAll('svg text')].map(text => {"
        " const box = text.getBoundingClientRect();"
        " return [text.textContent, box.left, box.top, box.right, box.bottom]})"
    )
    assert {"1,500 x 1,200 + 1,200", "= 1,801,200"} < {box[0] for box in boxes}
    for i, (name, left, top, right, bottom) in enumerate(boxes):
        for other, a, b, c, d in boxes[i + 1 :]:
            assert right < a or c < left or bottom <= b or d <= top, (name, other)


def test_dark_mode_is_dark_and_injected_markup_is_harmless(browser: Any, evil: Path, tmp_path: Path) -> None:
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    opened(browser, render(evil)[0], tmp_path)
    assert browser.title == "<img src=x onerror=alert(1)>: report"
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", paper)[:3])) < 60
    assert browser.get_log("browser") == []


def test_the_sum_below_a_layer_has_all_its_parameters() -> None:
    counts = {"weights": 128, "biases": 32, "slopes": 32, "norm_parameters": 64, "projections": 128}
    sum_, total = _working(WeightLayer(4, 32, 1, counts))  # type: ignore[arg-type]
    assert (sum_, total) == ("4 x 32 + 32 + 32 + 64 + 128", "= 384")
