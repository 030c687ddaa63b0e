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
        self.until(lambda: self.run("return Boolean(window.shown?.frame)"))

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
        return int(self.at("epoch").text.split()[1].replace(",", ""))

    @property
    def build(self) -> int:
        return int(self.run("return shown.state.build"))

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

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        from selenium.webdriver import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()

    def screen(self, width: int, height: int, ratio: float = 1) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": width < 500}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def pixels(self, name: str) -> str:
        return str(self.run("return document.getElementById(arguments[0]).toDataURL()", name))

    def quiet(self) -> bool:
        """Return whether the console is empty, but for what refuses a value, or a network that ended."""
        refused = ("status of 422", "status of 404")
        rows = self.browser.get_log("browser")
        return [row for row in rows if not any(status in row["message"] for status in refused)] == []


# A server waits a second for a page that is open: start comes before browser, which is left first.
@pytest.fixture
def page(start: Any, browser: Any) -> Page:
    return Page(browser, start().address)


def test_start_pause_step_reset_and_seed(page: Page) -> None:
    first = page.pixels("plane-1")
    page.click("play")
    page.until(lambda: page.epoch > 3)
    assert page.at("play").text == "Pause"
    page.click("play")
    page.until(lambda: page.at("play").text == "Start")
    stood = page.epoch
    page.click("step")
    page.until(lambda: page.epoch == stood + 1)
    assert page.pixels("plane-1") != first
    assert len({page.pixels(name) for name in ("plane-1", "loss", "space", "network")}) == 4
    assert page.at("health").text.startswith("1 ")
    page.click("reset")
    page.until(lambda: page.epoch == 0)
    assert page.pixels("plane-1") == first
    page.click("seed")
    page.until(lambda: page.value("training.seed") == "1")
    page.until(lambda: page.pixels("plane-1") != first)
    page.run("document.getElementById('speed').value = 1000000")
    page.run("document.getElementById('speed').dispatchEvent(new Event('change'))")
    page.click("play")
    page.until(lambda: page.epoch > 100)
    assert page.quiet()


CHANGES = [
    ("data.name", "moons"),
    ("data.points", "200"),
    ("data.noise", "0.3"),
    ("data.val_size", "0.3"),
    ("data.test_size", "0.15"),
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
    assert {key for key, _ in CHANGES} | {"data.classes", "data.terms"} >= {
        control["key"] for control in page.run("return shown.state.controls")
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
    page.click("plane-1")
    page.until(lambda: page.run("return shown.state.added.length") == 1)
    added = "const { state } = shown, i = state.added.at(-1); return [state.labels[i], state.points[i]]"
    label, point = page.run(added)
    assert label == 2
    middle = [sum(reach) / 2 for reach in page.run("return shown.state.extent")]
    assert point == pytest.approx(middle, abs=0.1)  # the axes take room at the left and at the bottom
    page.at("plane-1").send_keys("\ue012\ue012\ue013\ue007")  # left, left, up, Enter
    page.until(lambda: page.run("return shown.state.added.length") == 2)
    x, y = page.run(added)[1]
    assert x < middle[0] - 0.05
    assert y > middle[1] + 0.02
    page.click("clear")
    page.until(lambda: page.run("return shown.state.points.length") == 300)
    assert page.quiet()


def test_an_added_point_is_dragged_and_removed(page: Page) -> None:
    """By mouse, and by keyboard: the arrows move the cross, with Shift the example that is chosen."""
    from selenium.webdriver import ActionChains

    plane, added = page.at("plane-1"), "return shown.state.added.length"
    point = "return shown.state.points[shown.state.added.at(-1)]"
    plane.click()
    page.until(lambda: page.run(added) == 1)
    x, y = page.run(point)
    hand = ActionChains(page.browser, duration=50)
    hand.move_to_element(plane).click_and_hold().move_by_offset(60, 30).release().perform()
    page.until(lambda: page.run(point)[0] > x + 0.1)
    assert page.run(point)[1] < y - 0.05
    plane.send_keys("\ue00f")  # Page Down chooses it
    before = page.run(point)
    plane.send_keys("\ue008\ue013\ue013")  # Shift with up, up
    page.until(lambda: page.run(point)[1] > before[1] + 0.03)
    plane.send_keys("\ue017")  # Delete
    page.until(lambda: page.run(added) == 0)
    plane.click()
    page.until(lambda: page.run(added) == 1)
    ActionChains(page.browser, duration=50).move_to_element(plane).click().perform()  # chooses it
    page.click("remove")
    page.until(lambda: page.run(added) == 0)
    assert page.quiet()


def test_changes_go_on_where_the_page_says_so(page: Page) -> None:
    page.click("play")
    page.until(lambda: page.epoch > 3)
    page.click("play")
    page.until(lambda: page.at("play").text == "Start")
    epoch = page.epoch
    page.change("optimizer.learning_rate", "0.01")
    assert page.epoch == epoch
    for control in page.run("return shown.state.controls"):
        mark = f'.setting:has([id="set-{control["key"]}"]) .restarts'
        shown = page.browser.find_element("css selector", mark).is_displayed()
        assert shown == (control["effect"] == "restarts"), control["key"]
    page.click("batch")
    page.until(lambda: page.at("epoch").text == f"epoch {epoch} + 1")
    page.click("show-yaml")
    page.until(lambda: page.at("changes").is_displayed())
    assert "learning rate" in page.at("changes-list").text
    page.click("yaml-close")
    page.change("model.hidden", "5")
    assert page.epoch == 0
    assert page.quiet()


def test_a_link_holds_the_settings(start: Any, browser: Any) -> None:
    """It is used at once where nothing was done yet, and otherwise only if the user wants it."""
    playing = start()
    page = Page(browser, playing.address)
    page.change("model.hidden", "7, 3")
    page.change("regularization.l2", "0.02")
    link = page.until(
        lambda: "l2=0.02" in page.run("return location.hash") and page.run("return location.hash")
    )
    other = Page(browser, start().address + link)
    other.until(lambda: other.run("return shown.state.hidden") == [7, 3])
    assert other.value("regularization.l2") == "0.02"
    assert not other.at("offer").is_displayed()
    page = Page(browser, playing.address + "#model.hidden=4")
    page.until(lambda: page.at("offer").is_displayed())
    assert "hidden sizes 4" in page.at("offer-text").text
    assert page.run("return shown.state.hidden") == [7, 3]
    page.click("offer-no")
    page.until(lambda: page.run("return location.hash") == link)
    page.run("location.hash = 'model.hidden=4'")
    page.until(lambda: page.at("offer").is_displayed())
    page.click("offer-yes")
    page.until(lambda: page.run("return shown.state.hidden") == [4])
    assert page.value("regularization.l2") != "0.02"
    assert page.quiet()


def test_two_networks_side_by_side(page: Page) -> None:
    page.click("compare")
    page.until(lambda: page.at("plane-2").is_displayed() and page.at("tabs").is_displayed())
    page.until(lambda: page.pixels("plane-1") == page.pixels("plane-2"))
    page.click("tab-2")
    page.change("model.hidden", "3")
    page.until(lambda: page.at("plane-title-1").text == "A, hidden sizes 24")
    assert page.at("plane-title-2").text == "B, hidden sizes 3"
    page.click("tab-1")
    page.until(lambda: page.value("model.hidden") == "24")
    page.click("play")
    page.until(lambda: page.epoch > 5)
    page.click("play")
    page.until(lambda: page.at("play").text == "Start")
    assert page.pixels("plane-1") != page.pixels("plane-2")
    address = page.run("return document.querySelector('#tabs a').href")
    page.click("tab-2")
    page.until(lambda: page.at("network-title").text == "Network B")
    assert page.quiet()
    other = Page(page.browser, address)  # B in a tab of its own
    assert other.run("return shown.state.hidden") == [3]
    assert not other.at("plane-2").is_displayed()
    page = Page(page.browser, address.partition("?")[0])
    page.until(lambda: page.at("plane-2").is_displayed())
    page.click("compare")
    page.until(lambda: not page.at("plane-2").is_displayed())
    assert page.quiet()


@pytest.mark.parametrize("name", ["sine", "peaks"])
def test_a_regression_is_drawn_as_a_curve_or_by_colors(page: Page, name: str) -> None:
    page.change("data.name", name)
    first = page.pixels("plane-1")
    page.click("step")
    page.until(lambda: page.epoch == 1)
    assert page.pixels("plane-1") != first
    assert "R²" in page.at("scores").text
    if name == "peaks":
        page.at("value").send_keys("\ue009a\ue009", "2.5")
    page.click("plane-1")
    page.until(lambda: page.run("return shown.state.added.length") == 1)
    if name == "peaks":
        assert page.run("return shown.state.values[shown.state.added[0]]") == 2.5
    assert page.quiet()


def test_hidden_spaces_can_be_chosen(page: Page) -> None:
    page.change("model.hidden", "6, 2")
    assert page.run("return shown.frame.hidden.layer") == 2
    page.at("layer").find_element("css selector", 'option[value="1"]').click()
    page.until(lambda: page.run("return shown.frame.hidden.layer") == 1)
    page.until(lambda: len(page.at("unit-b").find_elements("tag name", "option")) == 7)
    page.at("unit-b").find_element("css selector", 'option[value="5"]').click()
    page.until(lambda: page.run("return shown.frame.hidden.names") == ["unit 1", "unit 5"])
    page.change("model.hidden", "")
    page.until(lambda: "no hidden layer" in page.at("space").get_attribute("aria-label"))
    assert page.quiet()


def test_what_is_saved_trains_to_the_network_shown(start: Any, browser: Any, tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i * i % 11},{(EVIL, 'b', 'c')[i % 3]}\n" for i in range(60))
    (tmp_path / "own.csv").write_text(f"{EVIL},b,kind\n{rows}")
    (tmp_path / "own.yaml").write_text("data: {name: csv, path: own.csv, target: kind}\nmodel: {hidden: [5]}")
    page = Page(browser, start("own.yaml", folder=tmp_path).address)
    assert EVIL[:29] in page.at("target").text
    assert page.run("return shown.state.features[0]") == EVIL
    page.click("plane-1")
    page.until(lambda: page.run("return shown.state.added.length") == 1)
    page.click("play")
    page.until(lambda: page.epoch > 5)
    page.click("show-yaml")
    page.until(lambda: page.at("yaml-text").text)
    page.click("save")
    page.until(lambda: page.at("saved").text)
    assert page.at("saved").text == "Saved play.yaml. To train the same network: mlp train play.yaml"
    epoch, side, *shown = page.run(
        "const { frame } = shown; return [frame.epoch, frame.side, frame.labels, frame.strength]"
    )
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


SCREENS = {"phone": (390, 800), "tablet": (800, 1000), "laptop": (1280, 800), "hall": (1920, 1080)}


@pytest.mark.parametrize("screen", SCREENS)
def test_the_page_fits_the_window(page: Page, screen: str) -> None:
    width, height = SCREENS[screen]
    page.screen(width, height)
    size = "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
    page.until(lambda: page.run(size)[0] <= page.run(size)[1] <= width)


@pytest.mark.parametrize("lecture", [False, True])
def test_all_that_matters_is_above_the_fold(page: Page, lecture: bool) -> None:
    page.screen(*SCREENS["hall" if lecture else "laptop"])
    if lecture:
        page.press("f")
    for name in ("play", "set-optimizer.learning_rate", "network", "plane-1", "space", "loss"):
        low = page.run(
            "const box = document.getElementById(arguments[0]).getBoundingClientRect();"
            "return [box.top, innerHeight - box.bottom, box.height]",
            name,
        )
        assert min(low) >= 0, name
    size = float(page.run("return parseFloat(getComputedStyle(document.body).fontSize)"))
    assert size > 20 if lecture else size == 15


def test_canvases_have_the_pixels_of_the_screen(page: Page) -> None:
    page.run("shown.plane = document.getElementById('plane-1')")
    for ratio in (1, 2):
        page.screen(1280, 800 + ratio, ratio)
        sizes = "const c = shown.plane; return [c.width, c.height, c.clientWidth, c.clientHeight]"
        page.until(lambda: page.run(sizes)[0] == ratio * page.run(sizes)[2])  # noqa: B023
        width, height, across, up = page.run(sizes)
        assert [width, height] == [ratio * across, ratio * up]


LOOKS = {
    "light": {},
    "dark": {"dark": True},
    "phone": {"screen": "phone"},
    "lecture": {"screen": "hall", "lecture": True},
    "lecture in the dark": {"screen": "hall", "lecture": True, "dark": True},
}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(page: Page, axe: Any, look: str) -> None:
    if LOOKS[look].get("dark"):
        dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
        paper = page.run("return getComputedStyle(document.body).backgroundColor")
        assert max(map(int, paper[paper.index("(") + 1 : -1].split(",")[:3])) < 60
    page.screen(*SCREENS[LOOKS[look].get("screen", "laptop")])
    if LOOKS[look].get("lecture"):
        page.click("lecture")
    page.click("step")
    page.until(lambda: page.epoch == 1)
    assert axe(page.browser) == []
    page.browser.find_element("css selector", '[data-unit="1.3"]').click()
    page.until(lambda: page.at("unit").is_displayed())
    page.click("show-yaml")
    page.until(lambda: page.at("yaml-text").text)
    assert axe(page.browser) == []


def test_a_field_in_which_one_types_is_left_alone(page: Page) -> None:
    """Another tab changes settings meanwhile, and the values that the keyboard leaves are right."""
    field = page.at("set-optimizer.momentum")
    page.at("set-optimizer.learning_rate").send_keys("\ue004")  # Tab
    assert page.run("return document.activeElement.id") == "set-optimizer.momentum"
    for i, key in enumerate("0.95"):
        before = page.build
        page.press(key)
        page.run(
            "fetch('do', {method: 'POST', headers: {'content-type': 'application/json'},"
            "body: JSON.stringify({do: 'change', key: 'training.batch_size', value: arguments[0]})})",
            str(20 + i),
        )
        page.until(lambda: page.build > before)  # noqa: B023
    assert field.get_attribute("value") == "0.95"
    before = page.build
    page.press("\ue007")
    page.until(lambda: page.build > before)
    assert page.value("optimizer.momentum") == "0.95"
    assert page.value("training.batch_size") == "23"
    assert page.quiet()


def test_units_show_their_response_and_their_weights(page: Page) -> None:
    """By mouse, by keyboard, and kept by a click."""
    plain = page.pixels("plane-1")
    unit = page.browser.find_element("css selector", '[data-unit="1.3"]')
    unit.click()
    page.until(lambda: page.at("unit-title").text.startswith("Layer 1, unit 3"))
    weights = page.run("return shown.frame.network.weights[0].map((row) => row[2])")
    found = dict(page.run("return shown.frame.unit.from"))
    assert [found["x1"], found["x2"]] == pytest.approx(weights, rel=0.01)
    rows = [row.split() for row in page.at("unit-tables").text.splitlines()]
    assert {"x₁", "x₂", "bias", "class"} == {row[0] for row in rows if len(row) > 1 and row[0] != "Weights"}
    assert page.pixels("plane-1") != plain
    page.press("\ue015")  # down
    page.until(lambda: page.at("unit-title").text.startswith("Layer 1, unit 5"))  # in two columns
    page.press("\ue014\ue014")  # right, right
    page.until(lambda: page.at("unit-title").text.startswith("Output"))
    page.press("\ue00c")  # Escape
    page.until(lambda: not page.at("unit").is_displayed())
    assert page.quiet()


def test_layers_and_units_are_added_and_removed_on_the_network(page: Page) -> None:
    def press(name: str) -> list[int]:
        before = page.build
        page.browser.find_element("css selector", f'[aria-label="{name}"]').click()
        page.until(lambda: page.build > before)
        return list(page.run("return shown.state.hidden"))

    assert press("One unit fewer in layer 1") == [23]
    assert press("Add a hidden layer") == [23, 23]
    assert press("One unit more in layer 2") == [23, 24]
    assert press("Remove the last hidden layer") == [23]
    assert press("Remove the last hidden layer") == []
    assert press("Add a hidden layer") == [4]
    assert page.quiet()


def test_keys_work_unless_one_types(page: Page) -> None:
    page.click("step")  # the button keeps the focus, but the space bar is not meant for it
    page.until(lambda: page.epoch == 1)
    page.press(" ")
    page.until(lambda: page.epoch > 3)
    page.press(" ")
    page.until(lambda: page.at("play").text == "Start")
    page.press("r")
    page.until(lambda: page.epoch == 0)
    page.press("e")
    page.until(lambda: page.epoch == 1)
    page.at("set-model.hidden").send_keys("e", " ", "f")
    assert page.at("set-model.hidden").get_attribute("value") == "24e f"
    assert page.epoch == 1
    page.at("set-model.hidden").send_keys("\ue00c")
    assert page.at("set-model.hidden").get_attribute("value") == "24"
    page.at("plane-1").send_keys("?")
    page.until(lambda: page.at("keys-list").is_displayed())
    assert "start and pause" in page.at("keys-list").text
    assert page.quiet()


def test_a_server_that_stops_is_reported(start: Any, browser: Any) -> None:
    playing = start()
    page = Page(browser, playing.address)
    playing.end()
    page.until(lambda: "The server has stopped" in page.at("problem").text)


GRID = """
const done = arguments[0];
import("/grid.js").then(({ classPixels, valuePixels }) => {
  const gray = Uint32Array.from({ length: 256 }, (_, i) => i);
  const ramp = valuePixels(Uint8Array.of(0, 100, 200, 0, 100, 200, 0, 100, 200), 3, 40, gray);
  const labels = Uint8Array.of(0, 0, 1, 0, 0, 1, 0, 0, 1), strength = new Uint8Array(9).fill(255);
  const lead = Uint8Array.of(255, 150, 50, 255, 150, 50, 255, 150, 50);
  const flat = [0, 1].map((label) => new Uint32Array(256).fill(label));
  done([[...ramp.slice(0, 40)], [...classPixels({ labels, strength, lead }, 3, 40, flat).slice(0, 40)]]);
});
"""


def test_values_and_borders_are_interpolated(page: Page) -> None:
    """Values are linear between grid points; the border divides the distance as the leads do, 3 to 1."""
    ramp, labels = page.browser.execute_async_script(GRID)
    places = (np.arange(40) + 0.5) / 40
    np.testing.assert_allclose(ramp, 200 * places, atol=1)
    assert labels == [0] * 35 + [1] * 5  # at 1/2 + 3/4 * 1/2 of the width


TICKS = """
const done = arguments[0];
import("/canvas.js").then(({ ticks, logTicks, short }) => done([
  ticks(-1.2, 1.2, 5), logTicks(0.004, 30, 5), logTicks(0.3, 1.1, 5),
  [0, 0.1234, -12.345, 123456, 1e-7, 3.0e30].map((value) => short(value)),
]));
"""


def test_numbers_and_ticks_are_round_and_short(page: Page) -> None:
    linear, wide, narrow, texts = page.browser.execute_async_script(TICKS)
    assert linear == pytest.approx([-1, -0.5, 0, 0.5, 1])
    assert wide == pytest.approx([0.01, 0.1, 1, 10])
    assert narrow == pytest.approx([0.5, 1])
    assert texts == ["0", "0.123", "−12.3", "1.23e5", "1e−7", "3e30"]
