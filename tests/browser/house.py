"""A laboratory of real processes and the persons who click in it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from config.lab.identity import marked
from config.lab.layout import CHECKOUT, open_lab

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--enable-unsafe-swiftshader",
]  # fmt: skip
SIZE = {"width": 1440, "height": 900}
# What a browser says by itself about an answer that the page shows as an error of its own.
HARMLESS = ("Failed to load resource", "GL Driver Message")


def lab_command(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    outside = ("_URL", "_ENDPOINT", "_ENDPOINTS")
    given = {name: value for name, value in os.environ.items() if not name.endswith(outside)}
    ours = {"NOCTURNE_VAR": str(var), "PYTHONPATH": str(CHECKOUT), "SIMULATED_FLAW_EVERY": "0"}
    argv = [sys.executable, "-P", "-m", "config.lab", *arguments]
    return subprocess.run(argv, env=given | ours, capture_output=True, text=True, timeout=240, check=False)


@contextmanager
def laboratory(var: Path) -> Iterator[Path]:
    """A laboratory that is up, with a person of each role; nothing of it is left afterwards."""
    started = lab_command(var, "up", "--detach")
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        cast = lab_command(var, "manage", "bootstrap", "--cast")
        assert cast.returncode == 0, cast.stdout + cast.stderr
        yield var
    finally:
        lab_command(var, "down")
        for left in marked(open_lab(var).identity):
            left.signal(signal.SIGKILL)


@contextmanager
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have Chromium")
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class House:
    """The laboratory as a browser sees it: every person has a window of their own, logged in by the form."""

    var: Path
    browser: Browser
    facts: dict[str, str] = field(default_factory=dict)  # addresses that one step leaves for the next
    complaints: list[str] = field(default_factory=list)
    windows: dict[str, Page] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.address = f"http://127.0.0.1:{json.loads((self.var / 'lab.json').read_text())['web_port']}"
        self.words: dict[str, str] = json.loads((self.var / "logins.json").read_text())

    def page(self, name: str = "") -> Page:
        """This person's window; "" is a visitor's."""
        if name not in self.windows:
            self.windows[name] = self._open(name)
        return self.windows[name]

    def _open(self, name: str) -> Page:
        context: BrowserContext = self.browser.new_context(base_url=self.address, viewport=SIZE)  # type: ignore[arg-type]
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._heard(page, message.type, message.text))
        page.on("dialog", lambda dialog: dialog.accept())
        if name:
            page.goto("/")
            page.get_by_label("Username").fill(name)
            page.get_by_label("Password").fill(self.words[name])
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(re.compile(r"^(?!.*/login/)"))
        return page

    def _heard(self, page: Page, kind: str, text: str) -> None:
        if kind == "error" and not any(word in text for word in HARMLESS):
            self.complaints.append(f"{page.url}: {text}")
