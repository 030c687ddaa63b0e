"""The page of mlp play in a real browser, as a user sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


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


def renew(browser: Any) -> None:
    """Make a browser as if it were new, but for its page: light, 1280 x 1000, its console empty."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.set_window_size(1280, 1000)
    browser.get_log("browser")
