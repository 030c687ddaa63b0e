"""What the page draws: it fits screens, is sharp and accessible, and shows units and networks as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from page import Page
from usual import only


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
def test_the_boundary_follows_the_training_of_a_2_100_3_network(page: Page) -> None:
    """How often it is redrawn depends on the machine; a busy one shows several epochs at once."""
    page.change("model.hidden", "100")
    page.click("play")
    page.until(lambda: page.epoch > 5)
    epoch, latest = page.epoch, page.run("return boundaryUpdates.at(-1)")
    page.until(lambda: page.epoch >= epoch + 20)
    assert page.run(f"return boundaryUpdates.filter((t) => t > {latest}).length") >= 3


SCREENS = {"phone": (390, 800), "tablet": (800, 1000), "laptop": (1280, 800), "hall": (1920, 1080)}


def test_the_page_fits_the_window(still: Page) -> None:
    size = "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
    for width, height in SCREENS.values():
        still.screen(width, height)
        still.until(lambda: still.run(size)[0] <= still.run(size)[1] <= width)  # noqa: B023


def test_all_that_matters_is_above_the_fold(still: Page) -> None:
    """Also in lecture mode, whose letters are larger."""
    for lecture in (False, True):
        still.screen(*SCREENS["hall" if lecture else "laptop"])
        if lecture:
            still.press("f")
        for name in ("play", "set-optimizer.learning_rate", "network", "plane-1", "space", "loss"):
            low = still.run(
                "const box = document.getElementById(arguments[0]).getBoundingClientRect();"
                "return [box.top, innerHeight - box.bottom, box.height]",
                name,
            )
            assert min(low) >= 0, name
        size = float(still.run("return parseFloat(getComputedStyle(document.body).fontSize)"))
        assert size > 20 if lecture else size == 15
    still.press("f")


def test_canvases_have_the_pixels_of_the_screen(still: Page) -> None:
    sharp = (
        "const c = document.getElementById('plane-1'), ratio = devicePixelRatio;"
        "return c.width === ratio * c.clientWidth && c.height === ratio * c.clientHeight && ratio"
    )
    for ratio in (1, 2):
        still.screen(1280, 800 + ratio, ratio)
        still.until(lambda: still.run(sharp) == ratio)  # noqa: B023


LOOKS = {
    "light": {},
    "dark": {"dark": True},
    "phone": {"screen": "phone"},
    "lecture": {"screen": "hall", "lecture": True},
    "lecture in the dark": {"screen": "hall", "lecture": True, "dark": True},
}


@pytest.mark.parametrize("look", only({"lecture in the dark"}, LOOKS))  # each check takes a second
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
    page.browser.find_element("css selector", '[data-unit="1.3"]').click()
    page.until(lambda: page.at("unit").is_displayed())
    assert axe(page.browser) == []


@pytest.mark.parametrize("name", ["yaml", pytest.param("keys", marks=pytest.mark.exhaustive)])
def test_axe_finds_nothing_in_dialogs(still: Page, axe: Any, name: str) -> None:
    still.click(f"show-{name}")
    still.until(lambda: len(still.at(name).text.splitlines()) > 8)  # it is open, and filled
    assert axe(still.browser) == []
    still.press("\ue00c")  # Escape


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
    page.press("\ue004")  # Tab, to the weights
    assert page.run("return document.activeElement.id") == "unit-close"
    page.press("\ue004")
    assert page.run("return document.activeElement.id") == "unit-tables"
    page.press("\ue00c")  # Escape
    page.until(lambda: not page.at("unit").is_displayed())
    assert page.run("return document.activeElement.dataset.unit").startswith("2.")
    assert page.quiet()


@pytest.mark.exhaustive
def test_pointing_at_a_unit_shows_its_response(page: Page) -> None:
    from selenium.webdriver import ActionChains

    page.until(lambda: page.browser.find_elements("css selector", '[data-unit="1.1"]'))
    plain, hand = page.pixels("plane-1"), ActionChains(page.browser, duration=50)
    hand.move_to_element(page.browser.find_element("css selector", '[data-unit="1.1"]')).perform()
    page.until(lambda: page.at("unit-title").text.startswith("Layer 1, unit 1"))
    assert page.pixels("plane-1") != plain
    hand.move_to_element(page.at("loss")).perform()
    page.until(lambda: not page.at("unit").is_displayed())
    assert page.pixels("plane-1") == plain


DARK = """
const canvas = document.getElementById("plane-1");
const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
let dark = 0;
for (let i = 0; i < data.length; i += 4) {
  dark += Math.max(data[i], data[i + 1], data[i + 2]) < 40 && data[i + 3] > 200;
}
return dark;
"""


@pytest.mark.exhaustive
def test_first_weights_are_not_called_wrong(page: Page) -> None:
    """Rings are the only dark things on the plane of three classes."""
    assert page.run("return shown.frame.wrong.length") > 50
    assert page.run(DARK) == 0
    page.click("play")
    page.until(lambda: 0 < page.run("return shown.frame.wrong.length") < 50)
    page.until(lambda: page.run(DARK) > 10)


@pytest.mark.exhaustive
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


def test_values_and_borders_are_interpolated(still: Page) -> None:
    """Values are linear between grid points; the border divides the distance as the leads do, 3 to 1."""
    ramp, labels = still.browser.execute_async_script(GRID)
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


def test_numbers_and_ticks_are_round_and_short(still: Page) -> None:
    linear, wide, narrow, texts = still.browser.execute_async_script(TICKS)
    assert linear == pytest.approx([-1, -0.5, 0, 0.5, 1])
    assert wide == pytest.approx([0.01, 0.1, 1, 10])
    assert narrow == pytest.approx([0.5, 1])
    assert texts == ["0", "0.123", "−12.3", "1.23e5", "1e−7", "3e30"]
