"""A browser with a stop-watch: when a slide is first seen whole, what was moved for it, how smoothly it
pans."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import quantiles

from playwright.sync_api import Page, sync_playwright

from tests.viewer.browser import ARGUMENTS, CHROMIUM

WINDOW = {"width": 1920, "height": 1080}
PATIENCE_MS = 120_000

FRAMES = """
() => {
  const seen = window.seen = { gap: 0, frames: [], stop: false };
  let last = performance.now();
  let empty = 0;
  const look = (now) => {
    seen.frames.push(now - last);
    empty = Number(document.querySelector("[data-viewer]").dataset.bare) > 0 ? empty + now - last : 0;
    seen.gap = Math.max(seen.gap, empty);
    last = now;
    if (!seen.stop) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
"""
REQUESTS = "() => Math.max(...performance.getEntriesByType('resource').map((one) => one.duration))"


@dataclass
class Moved:
    """Bytes as they came over the wire, by address."""

    addresses: dict[str, str] = field(default_factory=dict)
    bytes: dict[str, float] = field(default_factory=dict)

    def megabytes(self, *pixels: str) -> float:
        """Of addresses that hold one of these words; of all without any."""
        return sum(
            size for request, size in self.bytes.items()
            if not pixels or any(word in self.addresses.get(request, "") for word in pixels)
        ) / 1e6  # fmt: skip


@contextmanager
def watched(script: str, cookie: dict[str, str] | None = None) -> Iterator[tuple[Page, Moved]]:
    """A new browser whose pages run `script` first: it sets `window.firstPicture`, in ms."""
    moved = Moved()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]
        context.add_init_script("performance.setResourceTimingBufferSize(10000);" + script)
        if cookie:
            context.add_cookies([cookie])  # type: ignore[list-item]
        page = context.new_page()
        wire = context.new_cdp_session(page)
        wire.send("Network.enable")
        wire.on(
            "Network.responseReceived",
            lambda said: moved.addresses.update({said["requestId"]: said["response"]["url"]}),
        )
        wire.on(
            "Network.loadingFinished",
            lambda said: moved.bytes.update({said["requestId"]: said["encodedDataLength"]}),
        )
        try:
            yield page, moved
        finally:
            browser.close()


def first_picture(page: Page, address: str) -> float:
    """Seconds from navigation until the whole slide is painted."""
    page.goto(address, wait_until="commit")
    waited = 0
    while waited < PATIENCE_MS:
        at = page.evaluate("window.firstPicture ?? null")
        if at is not None:
            return float(at) / 1e3
        page.wait_for_timeout(50)
        waited += 50
    raise TimeoutError("the slide was never painted whole")


def panning(page: Page, steps: int, every_ms: int = 100) -> dict[str, float]:
    """To the right by the keyboard, as a reader does: 120 px at a time."""
    page.evaluate(FRAMES)
    for _ in range(steps):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(every_ms)
    page.evaluate("window.seen.stop = true")
    gap, frames = page.evaluate("[window.seen.gap, window.seen.frames]")
    return {"gap": gap, "frame_p95": quantiles(frames, n=20)[-1]}


def dragging(page: Page, rounds: int = 3) -> float:
    """Frames per second while the slide is dragged about by the mouse."""
    box = page.locator("[data-map]").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(FRAMES)
    for right, down in [(300, 150), (-300, 150), (-300, -150), (300, -150)] * rounds:
        page.mouse.move(x + right, y + down, steps=20)
    page.evaluate("window.seen.stop = true")
    page.mouse.up()
    frames: list[float] = page.evaluate("window.seen.frames")
    return 1e3 * len(frames) / sum(frames)
