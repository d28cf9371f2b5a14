"""The same slide in OpenSeadragon, on tiles of large_image served by threads of one process."""

import importlib
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.bench.viewer import SCRIPTS
from tests.bench.viewer_browser import REQUESTS, first_picture, watched

PAGE = """<!doctype html><title>slide</title>
<style>html, body, #slide { margin: 0; height: 100%%; background: black }</style>
<div id="slide"></div><script src="/openseadragon.js"></script>
<script>
  const source = %s;
  const viewer = OpenSeadragon({
    id: "slide", showNavigationControl: false, immediateRender: true, blendTime: 0, animationTime: 0,
    tileSources: { ...source, getTileUrl: (level, x, y) => `/tile/${level}/${x}/${y}.jpg` },
  });
  viewer.addHandler("open", () => {
    const slide = viewer.world.getItemAt(0);
    const whole = () => requestAnimationFrame(() => (window.firstPicture ??= performance.now()));
    slide.addHandler("fully-loaded-change", ({ fullyLoaded }) => fullyLoaded && whole());
  });
</script>"""


def main(arguments: Sequence[str]) -> int:
    picture, figures = map(Path, arguments)
    with served(picture) as port, watched("") as (page, moved):
        found = {"first_picture": first_picture(page, f"http://127.0.0.1:{port}/")}
        found |= {"moved": moved.megabytes(), "pixels_moved": moved.megabytes("/tile/")}
        found["longest_request"] = page.evaluate(REQUESTS) / 1e3
    figures.write_text(json.dumps(found), encoding="utf-8")
    return 0


@contextmanager
def served(picture: Path) -> Iterator[int]:
    source = importlib.import_module("large_image_source_openslide").open(
        picture, encoding="JPEG", jpegQuality=85
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), answering(source))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def answering(source: Any) -> type[BaseHTTPRequestHandler]:
    """A handler of this slide's page, script and tiles."""
    about = {
        "width": source.sizeX, "height": source.sizeY, "minLevel": 0, "maxLevel": source.levels - 1,
        "tileWidth": source.tileWidth, "tileHeight": source.tileHeight,
    }  # fmt: skip
    script = (SCRIPTS / "openseadragon.min.js").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            match self.path.strip("/").removesuffix(".jpg").split("/"):
                case [""]:
                    self._send((PAGE % json.dumps(about)).encode(), "text/html")
                case ["openseadragon.js"]:
                    self._send(script, "text/javascript")
                case ["tile", level, x, y]:
                    self._send(source.getTile(int(x), int(y), int(level)), "image/jpeg")
                case _:
                    self.send_error(404)

        def _send(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *given: object) -> None:
            """A benchmark's log would be about itself."""

    return Handler
