"""A real Chromium on the live server, and an annotation service that a test can break."""

import base64
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, Route, sync_playwright

from viewer.models import VirtualSlide

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--enable-unsafe-swiftshader",
]  # fmt: skip
SIZE = {"width": 1240, "height": 760}


@contextmanager
def chromium(address: str, session: str) -> Iterator[Page]:
    """A page logged in by its session cookie. It must have nothing to complain of on its console."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have Chromium")
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
        context.add_cookies([{"name": "sessionid", "value": session, "url": address}])
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        yield page
        browser.close()
        assert [text for text in complaints if "Failed to load resource" not in text] == []


def canvas(page: Page) -> NDArray[np.uint8]:
    """The painted mosaic, read back (H, W, 3)."""
    data: str = page.evaluate("document.querySelector('.viewer-mosaic').toDataURL('image/png')")
    picture = Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("RGB")
    return np.asarray(picture)


def keep(page: Page, name: str) -> None:
    """A screenshot for people, where NOCTURNE_PICTURES names a folder."""
    if folder := os.environ.get("NOCTURNE_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def visit(page: Page, server: str, virtual: VirtualSlide, place: str = "") -> None:
    page.goto("about:blank")
    page.goto(f"{server}/viewer/{virtual.slide.uid}/{place}")
    settle(page)


def settle(page: Page) -> None:
    """Until everything in view is painted from the layer wanted."""
    page.wait_for_selector("[data-viewer][data-complete=true]", timeout=30_000)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_selector("[data-viewer][data-complete=true]", timeout=30_000)


class Annotations:
    """The annotation service as the viewer knows it, in memory, with failures to order."""

    def __init__(self, page: Page) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.failures: list[int] = []  # statuses of the next writes
        self.posts: list[str] = []
        page.route("**/api/annotations/**", self._answer)

    def _answer(self, route: Route) -> None:
        request = route.request
        if "/desk/" in request.url:
            return route.fulfill(json={"user": 1, "author": "pathologist", "study": "", "terms": []})
        if request.method == "GET":
            return route.fulfill(json={"next": None, "results": list(self.rows.values())})
        assert request.headers["x-csrftoken"]
        body = json.loads(request.post_data or "{}")
        if request.method == "POST":
            self.posts.append(body["client_id"])
        if self.failures:
            return route.fulfill(status=self.failures.pop(0), json={"error": {"code": "x", "message": "no"}})
        return self._write(route, request.method, body)

    def _write(self, route: Route, method: str, body: dict[str, Any]) -> None:
        current = self.rows.get(body["client_id"])
        if current and method == "PATCH" and current["version"] != body["version"]:
            error = {
                "code": "conflict",
                "message": "Somebody else changed it.",
                "detail": {"current": current},
            }
            return route.fulfill(status=409, json={"error": error})
        if method == "DELETE":
            del self.rows[body["client_id"]]
            return route.fulfill(status=204)
        written = {**body, "version": body["version"] + 1, "author": "pathologist"}
        row = current if method == "POST" and current else written
        self.rows[body["client_id"]] = row
        return route.fulfill(status=200 if current else 201, json=row)
