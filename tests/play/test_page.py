"""The page in a real browser: all controls work, no foreign code runs, and the saved network is as shown."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page import Page

EVIL = "<script>document.title='owned'</script>"


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


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
def test_divergence_is_reported(page: Page) -> None:
    page.change("optimizer.learning_rate", "1e30")
    page.click("play")
    page.until(lambda: "Training diverged" in page.at("problem").text)
    assert page.at("play").text == "Start"
    page.change("optimizer.learning_rate", "0.1")
    assert page.quiet()


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
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
    page.until(lambda: page.at("yaml-goes-on").is_displayed())
    assert f"epoch {epoch}: learning rate 0.1 -> 0.01" in page.at("yaml-text").text
    page.click("yaml-close")
    page.change("model.hidden", "5")
    assert page.epoch == 0
    assert page.quiet()


@pytest.mark.exhaustive
def test_a_link_holds_a_comparison(start: Any, browser: Any) -> None:
    playing = start()
    page = Page(browser, playing.address)
    page.change("model.hidden", "6")
    page.click("compare")
    page.until(lambda: "compare=" in page.run("return location.hash"))
    playing.do(do="change", network=2, key="model.hidden", value="20")
    link = page.until(
        lambda: "B.model.hidden=20" in page.run("return location.hash") and page.run("return location.hash")
    )
    other = start()
    page = Page(browser, other.address + link)
    page.until(lambda: other.get("/state")["networks"] == [1, 2])
    assert [other.get(f"/state?network={number}")["hidden"] for number in (1, 2)] == [[6], [20]]
    page.until(lambda: page.run("return location.hash") == link)
    assert not page.at("offer").is_displayed()
    page.click("compare")
    page.until(lambda: page.run("return location.hash") == "#model.hidden=6")
    assert page.quiet()


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
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
    assert page.at("saved").text == (
        "Saved play.yaml and play.csv. To train the same network: mlp train play.yaml"
    )
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


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
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
    playing.kill()
    page.until(lambda: "The server has stopped" in page.at("problem").text)
