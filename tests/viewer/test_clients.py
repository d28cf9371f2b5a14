"""Other people's programs read our slides: OpenSeadragon by Deep Zoom and by IIIF, and the IIIF validator."""

import io
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import tifffile
from django.test import Client
from numpy.typing import NDArray
from PIL import Image
from pytest_django.live_server_helper import LiveServer

import vslide
from tests.viewer.browser import chromium
from viewer.models import VirtualSlide

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]
SCRIPT = Path(__file__).parents[2] / "node_modules/openseadragon/build/openseadragon/openseadragon.min.js"
VALIDATOR = os.environ.get("NOCTURNE_IIIF_VALIDATOR", "")  # a Python that has iiif-validator
NOT_OURS = {
    *("format_gif", "format_jp2", "format_pdf", "format_tif", "format_webp"),  # optional, not offered
    "linkheader_canonical",  # optional
    "size_noup",  # wants 400 where the specification has !w,h stop at the region's own size
    "size_up",  # wants ^max not to enlarge, where the specification enlarges to the server's limit
}
PAGE = """<!doctype html>
<style>body { margin: 0 } #slide { width: 702px; height: 358px; background: #fff }</style>
<div id="slide"></div><script src="/openseadragon.min.js"></script><script>
const viewer = OpenSeadragon({ element: document.getElementById("slide"), tileSources: SOURCE,
  drawer: "canvas",
  crossOriginPolicy: "Anonymous", showNavigationControl: false, immediateRender: true, animationTime: 0 });
viewer.addHandler("open-failed", (event) => { document.title = "failed: " + event.message; });
viewer.addHandler("tile-load-failed", (event) => { document.title = "failed: " + event.message; });
viewer.addHandler("open", () => viewer.world.getItemAt(0).addHandler("fully-loaded-change", (event) => {
  if (event.fullyLoaded && !document.title.startsWith("failed")) document.title = "loaded";
}));
</script>"""


def signed(client: Client, virtual: VirtualSlide, server: str) -> dict[str, str]:
    told = client.post(f"/viewer/{virtual.slide.uid}/sign", {}, content_type="application/json").json()
    return {name: value.replace("http://testserver", server) for name, value in told.items()}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """`elsewhere(source)`: the address of a page on another origin that shows this with OpenSeadragon."""
    if not SCRIPT.exists():
        pytest.skip("needs OpenSeadragon in node_modules")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / SCRIPT.name).symlink_to(SCRIPT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def put(source: str) -> str:
        (folder / "index.html").write_text(PAGE.replace("SOURCE", json.dumps(source)))
        return f"http://127.0.0.1:{server.server_port}/"

    yield put
    server.shutdown()
    server.server_close()
    thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Tests say nothing on the way."""


@pytest.mark.browser
@pytest.mark.parametrize("way", ["deep_zoom", "iiif"])
@pytest.mark.parametrize("kind", ["brightfield", "vendor"])
def test_openseadragon_shows_a_slide_on_a_page_of_somebody_elses(
    way: str,
    kind: str,
    request: pytest.FixtureRequest,
    live_server: LiveServer,
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
    elsewhere: Callable[[str], str],
) -> None:
    file = request.getfixturevalue("vendor_file" if kind == "vendor" else "slide_files")
    virtual = register(file if kind == "vendor" else file[kind])
    source = signed(client_of("pathologist"), virtual, live_server.url)[way]
    with vslide.open(virtual.file) as reader:
        whole = np.moveaxis(reader.region(0, 0, *reader.size), 0, -1)
    with chromium(live_server.url, "") as page:
        page.goto(elsewhere(source))
        page.wait_for_function("document.title")
        assert page.title() == "loaded"
        picture = page.locator("#slide").screenshot()
    seen = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), np.int16)
    scale = min(702 / virtual.width, 358 / virtual.height)
    size = round(virtual.width * scale), round(virtual.height * scale)
    wanted = np.full((358, 702, 3), 255, np.int16)
    top, left = (358 - size[1]) // 2, (702 - size[0]) // 2
    small = np.asarray(Image.fromarray(whole).resize(size, Image.Resampling.BOX))
    wanted[top : top + size[1], left : left + size[0]] = small
    assert np.abs(coarse(seen) - coarse(wanted)).mean() < 4


def coarse(picture: NDArray[np.int16]) -> NDArray[np.float64]:
    """Means of 4 x 4 px: two programs shrink a picture in different ways."""
    means: NDArray[np.float64] = picture[:356, :700].reshape(89, 4, 175, 4, 3).mean(axis=(1, 3))
    return means


def squares() -> list[list[list[int]]]:
    """The colours of the validator's own picture, by column and row."""
    ask = "import json, iiif_validator.validator as it; print(json.dumps(it.ValidationInfo().colorInfo))"
    done = subprocess.run([VALIDATOR, "-c", ask], check=True, capture_output=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.skipif(not VALIDATOR, reason="needs NOCTURNE_IIIF_VALIDATOR: a Python with iiif-validator")
def test_the_iiif_validator_finds_nothing(
    tmp_path: Path,
    live_server: LiveServer,
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
) -> None:
    picture = np.array(squares(), np.uint8).transpose(1, 0, 2).repeat(100, axis=0).repeat(100, axis=1)
    file = tmp_path / "slides" / "validator.tif"
    file.parent.mkdir()
    tifffile.imwrite(file, picture, photometric="rgb", tile=(256, 256), metadata=None)
    virtual = register(file)
    base = signed(client_of("pathologist"), virtual, live_server.url)["base"]
    command = [VALIDATOR, f"{Path(VALIDATOR).parent}/iiif-validate.py", "--version=3.0", "--level=3"]
    place = [
        "-s",
        live_server.url.removeprefix("http://"),
        "-p",
        base.removeprefix(live_server.url + "/") + "iiif",
    ]
    done = subprocess.run(
        [*command, *place, "-i", str(virtual.slide.uid)], check=False, capture_output=True, text=True
    )
    results = [line.split() for line in done.stderr.splitlines() if line.startswith("[")]
    assert len(results) > 40
    assert {name for _, _, name, result in results if result == "FAIL"} == NOT_OURS
