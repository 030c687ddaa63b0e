"""The page in a real browser: all controls work, no foreign code runs, and the saved network is as shown."""

from __future__ import annotations

import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EVIL = "<script>document.title='owned'</script>"


class Page:
    """The page as a user sees it."""

    def __init__(self, browser: Any, address: str) -> None:
        self.browser = browser
        browser.get(address)
        self.until(lambda: self.run("return frame !== null"))

    def run(self, script: str, *args: Any) -> Any:
        return self.browser.execute_script(script, *args)

    def until(self, what: Callable[[], Any]) -> Any:
        end = time.monotonic() + 8
        while time.monotonic() < end:
            if found := what():
                return found
            time.sleep(0.02)
        raise AssertionError("it did not happen in time")

    def at(self, name: str) -> Any:
        return self.browser.find_element("id", name)

    def click(self, name: str) -> None:
        self.at(name).click()

    @property
    def epoch(self) -> int:
        return int(self.at("epoch").text.removeprefix("epoch ").replace(",", ""))

    @property
    def build(self) -> int:
        return int(self.run("return state.build"))

    def change(self, key: str, value: str) -> None:
        """Set a control as a user does, and wait for the network with the new setting."""
        before = self.build
        self.type(key, value)
        self.until(lambda: self.build > before)

    def type(self, key: str, value: str) -> None:
        control = self.at(f"set-{key}")
        if control.tag_name == "select":
            option = f'option[value="{value}"]'
            control.find_element("css selector", option).click()
        else:
            control.send_keys("\ue009a", "\ue009")  # Control-A
            control.send_keys("\ue017", value, "\ue007")

    def value(self, key: str) -> str:
        return str(self.run("return document.getElementById(`set-${arguments[0]}`).value", key))

    def problem(self, key: str) -> str:
        return str(self.run("return document.getElementById(`problem-${arguments[0]}`).textContent", key))

    def pixels(self, name: str) -> str:
        return str(self.run("return document.getElementById(arguments[0]).toDataURL()", name))

    def quiet(self) -> bool:
        """Return whether the console is empty, apart from responses 422, which refuse a value."""
        return [row for row in self.browser.get_log("browser") if "422" not in row["message"]] == []


# A server waits a second for a page that is open: start comes before browser, which is left first.
@pytest.fixture
def page(start: Any, browser: Any) -> Page:
    return Page(browser, start().address)


def test_start_pause_step_reset_and_seed(page: Page) -> None:
    first = page.pixels("plane")
    page.click("play")
    page.until(lambda: page.epoch > 3)
    assert page.at("play").text == "Pause"
    page.click("play")
    page.until(lambda: page.at("play").text == "Start")
    stood = page.epoch
    page.click("step")
    page.until(lambda: page.epoch == stood + 1)
    assert page.pixels("plane") != first
    assert len({page.pixels(name) for name in ("plane", "loss", "hidden", "units")}) == 4
    assert page.at("health").text.startswith("1 ")
    page.click("reset")
    page.until(lambda: page.epoch == 0)
    assert page.pixels("plane") == first
    page.click("seed")
    page.until(lambda: page.value("training.seed") == "1")
    page.until(lambda: page.pixels("plane") != first)
    page.run("document.getElementById('speed').value = 1000000")
    page.run("document.getElementById('speed').dispatchEvent(new Event('change'))")
    page.click("play")
    page.until(lambda: page.epoch > 100)
    assert page.quiet()


CHANGES = [
    ("data.name", "moons"),
    ("data.points", "200"),
    ("data.noise", "0.3"),
    ("model.hidden", "9, 2"),
    ("model.activation", "tanh"),
    ("model.dropout", "0.1"),
    ("loss", "binary_hinge"),
    ("optimizer.name", "nesterov"),
    ("optimizer.learning_rate", "3e-2"),
    ("optimizer.momentum", "0.5"),
    ("regularization.l2", "0.002"),
    ("regularization.l1", "0.003"),
    ("training.batch_size", "16"),
    ("training.seed", "7"),
]


def test_every_setting_can_be_changed_and_the_yaml_says_so(page: Page) -> None:
    page.change("data.classes", "4")
    for key, value in CHANGES:
        page.change(key, value)
        assert page.value(key).replace("0.03", "3e-2") == value
    assert {key for key, _ in CHANGES} | {"data.classes"} >= {
        control["key"] for control in page.run("return state.controls")
    }
    page.click("show-yaml")
    text = page.until(lambda: page.at("yaml-text").text)
    for line in (
        "name: moons",
        "points: 200",
        "noise: 0.3",
        "- 9\n  - 2",
        "loss:",
        "binary_hinge",
        "seed: 7",
    ):
        assert line in text.replace("[9, 2]", "- 9\n  - 2")
    assert page.quiet()


def test_a_wrong_value_is_reported_beside_its_control(page: Page) -> None:
    page.click("step")
    page.until(lambda: page.epoch == 1)
    page.type("optimizer.learning_rate", "-1")
    page.until(lambda: page.problem("optimizer.learning_rate"))
    assert page.problem("optimizer.learning_rate") == ("optimizer.learning_rate: -1 is not a number above 0")
    assert page.at("set-optimizer.learning_rate").get_attribute("aria-invalid") == "true"
    assert page.epoch == 1
    page.type("model.hidden", f"8, {EVIL}")
    page.until(lambda: "<script>" in page.problem("model.hidden"))
    page.type("loss", "hinge")
    page.until(lambda: page.value("loss") == "hinge")
    assert page.browser.title == "mlp play"
    assert page.quiet()


def test_divergence_is_reported(page: Page) -> None:
    page.change("optimizer.learning_rate", "1e30")
    page.click("play")
    page.until(lambda: "training diverged" in page.at("problem").text)
    assert page.at("play").text == "Start"
    page.change("optimizer.learning_rate", "0.1")
    assert page.quiet()


def test_points_are_added_by_mouse_and_by_keyboard_and_removed(page: Page) -> None:
    page.browser.find_elements("css selector", "input[name=class]")[2].click()
    page.click("plane")
    page.until(lambda: page.run("return state.added.length") == 1)
    assert page.run("return state.labels.at(-1)") == 2
    middle = [sum(reach) / 2 for reach in page.run("return state.extent")]
    assert page.run("return state.points.at(-1)") == pytest.approx(middle, abs=0.02)
    page.at("plane").send_keys("\ue012\ue012\ue013\ue007")  # left, left, up, Enter
    page.until(lambda: page.run("return state.added.length") == 2)
    x, y = page.run("return state.points.at(-1)")
    assert x < middle[0] - 0.05
    assert y > middle[1] + 0.02
    page.click("clear")
    page.until(lambda: page.run("return state.points.length") == 300)
    assert page.quiet()


def test_hidden_spaces_can_be_chosen(page: Page) -> None:
    page.change("model.hidden", "6, 2")
    assert page.run("return frame.hidden.layer") == 2
    page.until(lambda: page.at("units-title").text == "Units of layer 2")
    page.at("layer").find_element("css selector", 'option[value="1"]').click()
    page.until(lambda: page.run("return frame.hidden.layer") == 1)
    page.until(lambda: len(page.at("unit-b").find_elements("tag name", "option")) == 7)
    page.at("unit-b").find_element("css selector", 'option[value="5"]').click()
    page.until(lambda: page.run("return frame.hidden.names") == ["unit 1", "unit 5"])
    page.change("model.hidden", "")
    page.until(lambda: page.at("hidden-names").text == "The network has no hidden layer.")
    assert page.quiet()


def test_what_is_saved_trains_to_the_network_shown(start: Any, browser: Any, tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i * i % 11},{(EVIL, 'b', 'c')[i % 3]}\n" for i in range(60))
    (tmp_path / "own.csv").write_text(f"{EVIL},b,kind\n{rows}")
    (tmp_path / "own.yaml").write_text("data: {name: csv, path: own.csv, target: kind}\nmodel: {hidden: [5]}")
    page = Page(browser, start("own.yaml", folder=tmp_path).address)
    assert EVIL[:29] in page.at("classes").text
    assert EVIL in page.at("x-axis").text
    page.click("plane")
    page.until(lambda: page.run("return state.added.length") == 1)
    page.click("play")
    page.until(lambda: page.epoch > 5)
    page.click("show-yaml")
    page.until(lambda: page.at("yaml-text").text)
    page.click("save")
    page.until(lambda: page.at("saved").text)
    assert page.at("saved").text == "Saved play.yaml. To train the same network: mlp train play.yaml"
    epoch, side, *shown = page.run("return [frame.epoch, frame.side, frame.labels, frame.strength]")
    train = [sys.executable, "-m", "mlpcli", "train", "play.yaml", "--quiet"]
    subprocess.run(train, cwd=tmp_path, check=True, capture_output=True)
    trained, labels, strength = drawn(tmp_path / "runs" / "play" / "last.npz", side)
    assert trained == epoch
    np.testing.assert_array_equal(np.frombuffer(b64decode(shown[0]), np.uint8), labels)
    np.testing.assert_allclose(np.frombuffer(b64decode(shown[1]), np.uint8), strength, atol=1.01)
    assert page.browser.title == "mlp play"
    assert page.quiet()


def drawn(checkpoint: Path, side: int) -> list[Any]:
    """Return the epoch of a checkpoint and its predictions over the plane, as the page gets them."""
    from mlpcli.training.finished import FinishedRun
    from mlpcli.training.plane import extent, grid_of

    run = FinishedRun.open(checkpoint)
    grid = grid_of(extent(run.splits), side)[2].astype(np.float64)
    predictions = run.loss.predict(run.predict_logits(grid))
    k = predictions.shape[1]
    sure = np.clip((predictions.max(axis=1) - 1 / k) / (1 - 1 / k), 0, 1)
    return [run.checkpoint.epoch, predictions.argmax(axis=1), sure * 255]


def test_the_boundary_follows_the_training_of_a_2_100_3_network(page: Page) -> None:
    """How often it is redrawn depends on the machine; a busy one shows several epochs at once."""
    page.change("model.hidden", "100")
    page.click("play")
    page.until(lambda: page.epoch > 5)
    epoch, latest = page.epoch, page.run("return boundaryUpdates.at(-1)")
    page.until(lambda: page.epoch >= epoch + 20)
    assert page.run(f"return boundaryUpdates.filter((t) => t > {latest}).length") >= 3


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_the_window(page: Page, width: int) -> None:
    page.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    inside, outside = page.run(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert inside <= outside <= width


def test_dark_mode_is_dark(start: Any, browser: Any) -> None:
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    page = Page(browser, start().address)
    paper = page.run("return getComputedStyle(document.body).backgroundColor")
    assert max(map(int, paper[paper.index("(") + 1 : -1].split(",")[:3])) < 60
