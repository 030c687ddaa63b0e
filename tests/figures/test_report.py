"""The report is one self-contained page, which no config or table can break."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.support.wait import WebDriverWait

from mlpcli.figures import KINDS
from mlpcli.figures.report import _PICTURES, _working, render_report
from mlpcli.figures.svg import Drawing
from mlpcli.specs import WeightLayer
from mlpcli.training.directory import RunDirectory
from mlpcli.training.finished import FinishedRun

SNAPSHOTS = "training.snapshots=3"
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
    monkeypatch.setattr("mlpcli.figures.report.take_apart", lambda *_, **__: Drawing([], [], ""))
    monkeypatch.setattr("mlpcli.figures.report.draw_frames", lambda *_: (Drawing([], [], ""), [], 0))


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave all pictures out, for tests that read what is said without them."""
    monkeypatch.setattr("mlpcli.figures.report._pictures", lambda _: ([], 0, []))


def render(directory: Path) -> tuple[str, Page]:
    html = render_report(FinishedRun.open(directory))
    return html, Page(html)


def test_a_page_has_everything_and_fetches_nothing(spiral: str) -> None:
    html, page = spiral, Page(spiral)
    assert len(html) < 2_000_000
    assert list(page.sections)[:3] == ["verdict", "boundary", "curves"]
    assert page.sections.keys() - {"examples"} == {
        *("verdict", "boundary", "curves", "network", "confusion", "hidden"),
        *("roc", "calibration", "importance", "health", "scores", "config", "again"),
    }
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64,")), tag
        if attributes.get("role") == "img":
            assert attributes["aria-label"]
    assert "http" not in html.replace("http-equiv", "")
    assert "180 train, 60 val, 60 test" in page.sections["verdict"]
    assert "It classifies " in page.sections["verdict"]
    for text in (
        "lossaccuracybalanced accuracylog lossROC AUCF1",
        "\n    test, most frequent33.33%33.33%1.0986",
    ):
        assert text in page.sections["scores"]
    assert "\n    test, linear" in page.sections["scores"]
    assert "2 x 100 + 100 = 300" in " ".join(page.sections["network"].split())
    assert "points: 300" in page.sections["config"]
    assert "mlp train " in page.sections["again"]
    assert "Python" in page.sections["again"]
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert links == {f"#{name}" for name in page.sections}
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_every_reference_within_a_picture_leads_somewhere(spiral: str) -> None:
    ids = set(re.findall(r'\bid=\\?"([^"\\]+)', spiral))
    references = set(re.findall(r'(?:href=\\?"#|url\(#)([^")\\]+)', spiral))
    assert len(references) > 30
    assert references <= ids


def test_the_slider_has_a_frame_for_each_snapshot_and_for_the_epoch_that_is_shown(
    trained: Trained, spiral: str
) -> None:
    run = FinishedRun.open(trained("spiral", "training.epochs=30", SNAPSHOTS).path)
    (slider,) = (attributes for tag, attributes in Page(spiral).tags if tag == "input")
    epochs = sorted({1, 5, 30, run.best_epoch})
    assert slider["max"] == str(len(epochs) - 1)
    assert slider["value"] == str(epochs.index(run.best_epoch))
    assert slider["aria-valuetext"] == f"epoch {run.best_epoch}"


@pytest.mark.usefixtures("bare")
def test_the_report_of_another_checkpoint_says_which_epoch_it_shows(trained: Trained) -> None:
    directory = trained("moons", "training.epochs=5", "optimizer.learning_rate=1e-30")
    best, last = (render(file)[1].sections for file in (directory.best, directory.last))
    assert "1 of 5" in best["verdict"]
    assert "Scores after epoch 1" in best["scores"]
    assert "this page shows" not in best["verdict"]
    assert "1 of 5; this page shows epoch 5" in last["verdict"]
    assert "Scores after epoch 5" in last["scores"]


@pytest.mark.usefixtures("bare")
def test_the_report_of_an_unfinished_run_says_so_and_how_to_resume(trained: Trained, tmp_path: Path) -> None:
    run = tmp_path / "stopped"
    shutil.copytree(trained("moons", "training.epochs=5").path, run)
    rows = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(rows[:4]))
    _, page = render(run)
    assert "Not finishedthe config asks for 5 epochs" in page.sections["verdict"].replace("\n", "").replace(
        "  ", ""
    )
    assert f"mlp train --resume {run}" in page.sections["again"]
    assert "bit for bit" not in page.sections["again"]
    _, whole = render(trained("moons", "training.epochs=5").path)
    assert "Not finished" not in whole.sections["verdict"]
    assert "bit for bit" in whole.sections["again"]
    patient = trained("moons", "training.epochs=50", "training.patience=2", "optimizer.learning_rate=1e-30")
    assert "Not finished" not in render(patient.path)[1].sections["verdict"]


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


@pytest.mark.usefixtures("bare")
def test_advice_is_on_the_page(trained_text: TrainText, tmp_path: Path) -> None:
    run = trained_text(
        "data: {name: spiral, points: 60}\n"
        "model: {hidden: [20], activation: relu, init: {name: he, bias: -30}}\n"
        "training: {epochs: 2}",
        tmp_path / "run",
    )
    _, page = render(run)
    assert "of its ReLUs are dead" in page.sections["verdict"]


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
    assert "<script>" in page.sections["verdict"]


# ------------------------------------------------------------------------------------- in a real browser


def opened(browser: Any, html: str, folder: Path) -> None:
    page = folder / "report.html"
    page.write_text(html, encoding="utf-8")
    browser.get(page.resolve().as_uri())


def seen(browser: Any) -> str:
    """Return what the network predicts on the page at this moment."""
    return str(browser.find_element("id", "under").get_attribute("innerHTML"))


@pytest.mark.exhaustive
def test_the_slider_works_by_keyboard(browser: Any, spiral: str, tmp_path: Path) -> None:
    opened(browser, spiral, tmp_path)
    slider, told = (browser.find_element("id", name) for name in ("epoch", "epoch-shown"))
    as_written = seen(browser)
    slider.send_keys("\ue011")  # Home
    assert told.text.startswith("Epoch 1, accuracy: train ")
    assert slider.get_attribute("aria-valuetext") == "epoch 1"
    pictures = [seen(browser)]
    for _ in range(int(slider.get_attribute("max"))):
        slider.send_keys("\ue014")  # the right arrow
        pictures.append(seen(browser))
    assert told.text.startswith("Epoch 30, ")
    assert len(set(pictures)) == len(pictures)
    assert as_written in pictures
    assert browser.get_log("browser") == []


@pytest.mark.exhaustive
def test_play_shows_the_frames_one_after_another(browser: Any, spiral: str, tmp_path: Path) -> None:
    hurried = re.sub(r"const times = \[.*?\]", "const times = Array(9).fill(5)", spiral)
    opened(browser, hurried, tmp_path)
    slider, play, told = (browser.find_element("id", name) for name in ("epoch", "play", "epoch-shown"))
    slider.send_keys("\ue011")
    first = seen(browser)
    assert play.text == "▶ Play"
    play.send_keys(" ")
    WebDriverWait(browser, 5, 0.05).until(lambda _: told.text.startswith("Epoch 30, "))
    assert play.text == "▶ Play"
    assert seen(browser) != first
    play.send_keys(" ")  # from the beginning
    WebDriverWait(browser, 5, 0.01).until(lambda _: told.text.startswith("Epoch 30, "))
    play.click()
    slider.send_keys("\ue011")  # whoever moves the slider has stopped it
    assert play.text == "▶ Play"
    assert browser.get_log("browser") == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_fits_the_window_and_anyone_can_use_it(
    browser: Any, axe: Callable[[Any], list[str]], spiral: str, tmp_path: Path, width: int, scheme: str
) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    opened(browser, spiral, tmp_path)
    assert axe(browser) == []
    inside, outside = browser.execute_script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert inside <= outside
    outer = browser.execute_script(
        "return [...document.querySelectorAll('figure, .panel > svg, .panel > svg text')].filter(shape => {"
        " const box = shape.getBoundingClientRect(), card = shape.closest('section').getBoundingClientRect();"
        " return box.left < card.left || box.right > card.right}).map(shape => shape.textContent)"
    )
    assert outer == []  # nothing is cut off, and no picture scrolls
    (table,) = browser.find_elements("css selector", "#network .scroll")
    assert browser.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", table)
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('.panel text')].map(one => one.getBoundingClientRect().height)"
    )
    assert min(sizes) > 5


@pytest.mark.exhaustive
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
    assert _working(WeightLayer(4, 32, 1, counts)) == "4 x 32 + 32 + 32 + 64 + 128 = 384"  # type: ignore[arg-type]


def test_captions_of_a_regression_speak_of_values(plain: None, plane_values: FinishedRun) -> None:
    page = Page(render_report(plane_values))
    assert "filled with the true values" in page.sections["boundary"]
    assert "classes" not in page.sections["boundary"] + page.sections["hidden"]


def test_every_kind_of_picture_has_a_place_on_the_page() -> None:
    assert set(_PICTURES) == set(KINDS)
