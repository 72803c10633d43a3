"""Drives a real Chromium without a window, and hears of every request, every console line and every broken rule."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver

DESKTOP, PHONE = 1280, 360
_OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--no-first-run")  # fmt: skip


@dataclass
class Browser:
    """A window of one width and colour scheme; ``origin`` is the service that it looks at."""

    driver: WebDriver
    origin: str

    def open(self, path: str) -> None:
        self.driver.get(self.origin + path)

    def script(self, text: str, *values: object) -> Any:
        return self.driver.execute_script(text, *values)

    def requests(self) -> list[str]:
        """Every address that the pages asked for since the last call."""
        messages = [json.loads(row["message"])["message"] for row in self.driver.get_log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def foreign_requests(self) -> list[str]:
        """Those that left the origin; what lies in the page itself is none, nor is the page of the empty window."""
        return [
            url
            for url in self.requests()
            if urlsplit(url).scheme not in ("data", "chrome", "about") and not url.startswith(self.origin + "/")
        ]

    def complaints(self) -> list[str]:
        """What stands in the console: errors, warnings, broken rules of the policy."""
        return [row["message"] for row in self.driver.get_log("browser")]


@contextmanager
def browser(
    origin: str, profile: Path, *, width: int = DESKTOP, dark: bool = False, script: bool = True, bypass: bool = False
) -> Iterator[Browser]:
    """A window; ``bypass`` lifts the pages' policy, so that a test may put a script of its own into them."""
    options = webdriver.ChromeOptions()
    for option in (*_OPTIONS, f"--window-size={width},1000", f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as scratch:  # it leaves files in TMPDIR
        service = Service("/usr/bin/chromedriver", env={**os.environ, "TMPDIR": scratch})
        driver = webdriver.Chrome(options=options, service=service)
        try:
            driver.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width <= PHONE},
            )
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
            if bypass:
                driver.execute_cdp_cmd("Page.enable", {})
                driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
            yield Browser(driver, origin)
        finally:
            driver.quit()
