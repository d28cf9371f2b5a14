"""The screenshots in `docs/screenshots/`: every page of every room of a laboratory that has run a demo.

    NOCTURNE_VAR=/tmp/show ./nocturne demo --slides 20          # and in another shell, while it is up:
    .venv/bin/python docs/screenshots.py --var /tmp/show

Besides what the demo left it lives one more short night: loading, review and the running night are seen too.
"""

import argparse
import io
import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Error, Page, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
ARGUMENTS = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--enable-unsafe-swiftshader",
]  # fmt: skip
WIDE, NARROW = (1440, 900), (390, 844)
MOST_BYTES = 290_000
ALL_SEEN = "[...document.images].every((i) => i.complete || i.getBoundingClientRect().top > innerHeight)"
PATIENCE_S = 240
# Three of these glasses are stained so faintly that they are doubtful; two fail under the demo's seed, 7.
EXTRA = [f"TRIAL-{number:03d}" for number in (45, 593, 480, 3, 325, 13, 630, 6, 160, 7, 210, 8)]
STAINS = ("H&E", "IHC Ki-67", "IF DAPI/FITC/TRITC/Cy5")


@dataclass(frozen=True)
class Shot:
    """One picture: `route` is the page's name in the URL configuration, `who` looks at it."""

    name: str
    route: str
    who: str
    address: str
    theme: str = "dark"
    size: tuple[int, int] = WIDE
    settled: str = ""  # a selector to wait for


LOADING = (
    Shot("batch-loading", "lims:batch", "tess", "/lab/batches/{extra}/"),
    Shot("batch-loading-light", "lims:batch", "tess", "/lab/batches/{extra}/", "light"),
    Shot("scan-refused", "scanning:night", "tess", "/scan/batches/{extra}/"),
)
REVIEW = (
    Shot("reviews", "scanning:reviews", "tess", "/scan/batches/{extra}/reviews/"),
    Shot("review", "scanning:review", "tess", "/scan/snapshots/{doubtful}/", settled="[data-review] .point"),
    Shot(
        "review-light", "scanning:review", "tess", "/scan/snapshots/{doubtful}/", "light",
        settled="[data-review] .point",
    ),
    Shot(
        "review-narrow", "scanning:review", "tess", "/scan/snapshots/{doubtful}/", size=NARROW,
        settled="[data-review] .point",
    ),
    Shot("night-review", "scanning:night", "tess", "/scan/batches/{extra}/"),
)  # fmt: skip
NIGHT = (
    Shot("night", "scanning:night", "tess", "/scan/batches/{extra}/"),
    Shot("night-light", "scanning:night", "tess", "/scan/batches/{extra}/", "light"),
    Shot("night-narrow", "scanning:night", "tess", "/scan/batches/{extra}/", size=NARROW),
    Shot("queue", "scanning:queue", "tess", "/scan/batches/{extra}/queue/"),
    Shot("queue-light", "scanning:queue", "tess", "/scan/batches/{extra}/queue/", "light"),
    Shot("home-technician", "home", "tess", "/"),
    Shot("home-technician-narrow", "home", "tess", "/", size=NARROW),
    Shot("scanners", "scanning:scanners", "tess", "/scan/scanners/"),
)
READING = "[data-viewer][data-complete=true]"
MORNING = (
    Shot("login", "login", "", "/login/"),
    Shot("login-light", "login", "", "/login/", "light"),
    Shot("morning", "scanning:morning", "tess", "/scan/batches/{batch}/morning/"),
    Shot("morning-light", "scanning:morning", "tess", "/scan/batches/{batch}/morning/", "light"),
    Shot("morning-narrow", "scanning:morning", "tess", "/scan/batches/{batch}/morning/", size=NARROW),
    Shot("morning-second", "scanning:morning", "tess", "/scan/batches/{extra}/morning/"),
    Shot("batches", "lims:batches", "tess", "/lab/batches/"),
    Shot("batch", "lims:batch", "tess", "/lab/batches/{batch}/"),
    Shot("pull-list", "lims:pull-list", "tess", "/lab/batches/{rescan}/pull-list/"),
    Shot("alerts", "scanning:alerts", "tess", "/scan/alerts/"),
    Shot("alerts-light", "scanning:alerts", "tess", "/scan/alerts/", "light"),
    Shot("alerts-narrow", "scanning:alerts", "tess", "/scan/alerts/", size=NARROW),
    Shot("imports", "scanning:imports", "tess", "/scan/imports/"),
    Shot("qualities", "scanning:qualities", "tess", "/scan/quality/"),
    Shot("quality", "scanning:quality", "tess", "/scan/quality/{quality}/"),
    Shot("quality-light", "scanning:quality", "tess", "/scan/quality/{quality}/", "light"),
    Shot("profiles", "scanning:profiles", "tess", "/scan/profiles/"),
    Shot("profile", "scanning:profile", "tess", "/scan/profiles/{profile}/"),
    Shot("profile-new", "scanning:profile-new", "tess", "/scan/profiles/new/"),
    Shot("slides", "lims:slides", "tess", "/lab/slides/"),
    Shot("slides-narrow", "lims:slides", "tess", "/lab/slides/", size=NARROW),
    Shot("slide", "lims:slide", "tess", "/lab/slides/{slide}/"),
    Shot("slide-light", "lims:slide", "tess", "/lab/slides/{slide}/", "light"),
    Shot("register", "lims:register", "tess", "/lab/register/"),
    Shot("import", "lims:import", "tess", "/lab/import/"),
    Shot("cases", "lims:cases", "tess", "/lab/cases/"),
    Shot("case", "lims:case", "tess", "/lab/cases/{case}/"),
    Shot("home-pathologist", "home", "paul", "/"),
    Shot("worklist", "annotation:worklist", "paul", "/reading/"),
    Shot("read", "annotation:read", "paul", "/reading/{assignment}/", settled=READING),
    Shot("viewer", "viewer:slide", "paul", "/viewer/{uid}/", settled=READING),
    Shot("viewer-channels", "viewer:slide", "paul", "/viewer/{fluorescent}/", settled=READING),
    Shot("viewer-light", "viewer:slide", "paul", "/viewer/{uid}/", "light", settled=READING),
    Shot("read-light", "annotation:read", "paul", "/reading/{assignment}/", "light", settled=READING),
    Shot("viewer-beside", "viewer:beside", "paul", "/viewer/{uid}/beside/{fluorescent}/", settled=READING),
    Shot("transfers", "annotation:transfers", "mara", "/reading/slides/{uid}/files/"),
    Shot("deidentified-report", "deidentify:report", "paul", "/deidentify/reports/of/{uid}/"),
    Shot("home-manager", "home", "mara", "/"),
    Shot("home-manager-narrow", "home", "mara", "/", size=NARROW),
    Shot("figures", "overview:figures", "mara", "/figures/", settled=".u-wrap, canvas"),
    Shot("figures-light", "overview:figures", "mara", "/figures/", "light", settled=".u-wrap, canvas"),
    Shot("figures-narrow", "overview:figures", "mara", "/figures/", size=NARROW, settled=".u-wrap, canvas"),
    Shot("behind", "overview:behind", "mara", "/figures/slides/?state=released"),
    Shot("passport", "overview:passport", "mara", "/slides/{slide}/passport/"),
    Shot("passport-light", "overview:passport", "mara", "/slides/{slide}/passport/", "light"),
    Shot("assignments", "annotation:assignments", "mara", "/reading/assignments/"),
    Shot("reader", "annotation:reader", "mara", "/reading/readers/1/"),
    Shot("study", "annotation:study", "mara", "/reading/studies/1/"),
    Shot("study-new", "annotation:study-new", "mara", "/reading/studies/new/"),
    Shot("home-steward", "home", "stella", "/"),
    Shot("deidentified", "deidentify:list", "stella", "/deidentify/"),
    Shot("deidentified-item", "deidentify:item", "stella", "/deidentify/slides/{item}/"),
    Shot("cover", "deidentify:cover", "stella", "/deidentify/slides/{covering}/cover/"),
    Shot("report-reviews", "deidentify:reviews", "stella", "/deidentify/reviews/?state=signed"),
    Shot("report-review", "deidentify:review", "stella", "/deidentify/reviews/{report}/"),
    Shot("releases", "corpus:releases", "stella", "/corpus/"),
    Shot("search", "corpus:search", "paul", "/corpus/search/?q=gleason"),
    Shot("release", "corpus:release", "adam", "/corpus/1/"),
    Shot("naming-templates", "corpus:names", "stella", "/corpus/names/"),
    Shot("withdrawals", "corpus:withdrawals", "stella", "/corpus/withdrawals/?name={slide}"),
    Shot("home-administrator", "home", "adam", "/"),
    Shot("audit", "lims:audit", "adam", "/lab/audit/"),
    Shot("api-docs", "api-docs", "adam", "/api/docs/", settled=".opblock"),
    Shot("not-found", "", "tess", "/lab/slides/NOBODY/"),
    Shot("not-allowed", "", "tess", "/lab/audit/"),
)
SHOTS = (*LOADING, *REVIEW, *NIGHT, *MORNING)


class Person:
    """Someone who is logged in, with a window of their own."""

    def __init__(self, browser: Browser, address: str, name: str, password: str) -> None:
        self._address = address
        self.context = browser.new_context(base_url=address, reduced_motion="reduce")
        self.page: Page = self.context.new_page()
        if name:
            self.page.goto("/login/")
            self.page.get_by_label("Username").fill(name)
            self.page.get_by_label("Password").fill(password)
            self.page.get_by_role("button", name="Log in").click()
            self.page.wait_for_url(re.compile(r"^(?!.*/login/)"))

    def get(self, path: str) -> Any:
        """What the API says at `path`; of a list all its rows."""
        answer = self.context.request.get(f"/api/{path}")
        said = answer.json()
        if not answer.ok:
            raise Error(f"GET {path}: {answer.status} {said}")
        if not (isinstance(said, dict) and "results" in said):
            return said
        following = (said["next"] or "").partition("/api/")[2]
        return said["results"] + (self.get(following) if following else [])

    def post(self, path: str, data: Any = None) -> Any:
        cookies = {cookie.get("name"): cookie.get("value") for cookie in self.context.cookies()}
        headers = {"X-CSRFToken": str(cookies.get("csrftoken")), "Referer": self._address}
        answer = self.context.request.post(f"/api/{path}", data=data, headers=headers)
        if not answer.ok:
            raise Error(f"POST {path}: {answer.status} {answer.text()}")
        return answer.json() if answer.body() else None


class Gallery:
    """Takes the pictures; `facts` fills the addresses."""

    def __init__(self, people: dict[str, Person], folder: Path, only: str) -> None:
        self.people, self.folder, self.only = people, folder, re.compile(only)
        self.facts: dict[str, Any] = {}

    def hang(self, shots: tuple[Shot, ...]) -> None:
        for shot in shots:
            if self.only.search(shot.name):
                self._take(shot)

    def _take(self, shot: Shot) -> None:
        page = self.people[shot.who].page
        page.set_viewport_size({"width": shot.size[0], "height": shot.size[1]})
        page.emulate_media(color_scheme="light" if shot.theme == "light" else "dark")
        answer = page.goto(shot.address.format(**self.facts))
        if shot.route and not (answer and answer.ok):
            raise Error(f"{page.url}: {answer.status if answer else 'no answer'}")
        if shot.settled:
            page.locator(shot.settled).first.wait_for(timeout=90_000)
        wait_for_pictures(page)
        file = self.folder / f"{shot.name}.png"
        size = keep(page.screenshot(), file)
        sys.stdout.write(f"{file.name:<28} {size / 1000:6.0f} kB\n")


def wait_for_pictures(page: Page) -> None:
    """Asked again and again from here: the pages' policy lets nobody evaluate text in them for long."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(ALL_SEEN) and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    page.wait_for_timeout(250)


def keep(png: bytes, file: Path) -> int:
    """Write a picture with 256 colours, as large as its bytes allow; the bytes it takes."""
    whole = Image.open(io.BytesIO(png)).convert("RGB")
    for share in (1.0, 0.8, 0.65, 0.5):
        size = round(whole.width * share), round(whole.height * share)
        picture = whole if share == 1 else whole.resize(size, Image.Resampling.LANCZOS)
        written = packed(picture.quantize(palette=palette(picture), dither=Image.Dither.NONE))
        if len(written) <= MOST_BYTES:
            break
    file.write_bytes(written)
    return len(written)


def palette(picture: Image.Image, colours: int = 256) -> Image.Image:
    """The flat colours of the page and those that say a state as they are, the rest shared out over the
    tissue.
    """
    counts: list[tuple[int, Any]] = picture.getcolors(picture.width * picture.height) or []
    said = house_colours() & {colour for _, colour in counts}
    often = [colour for _, colour in sorted(counts, reverse=True)[: colours // 3]]
    flat = [*said, *(colour for colour in often if colour not in said)]
    tissue = picture.quantize(colours - len(flat), dither=Image.Dither.NONE).getpalette() or []
    found = Image.new("P", (1, 1))
    found.putpalette([part for colour in flat for part in colour] + tissue)
    return found


@cache
def house_colours() -> set[tuple[int, ...]]:
    """Every colour that a stylesheet of ours names: few pixels may have it, and it means something."""
    sheets = Path(__file__).parents[1].glob("*/static/*/*.css")
    found = {code for sheet in sheets for code in re.findall(r"#([0-9a-f]{6})\b", sheet.read_text())}
    return {tuple(bytes.fromhex(code)) for code in found}


def packed(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def wait_for(technician: Person, batch: int, phases: tuple[str, ...], queued: int = len(EXTRA)) -> None:
    """Until the batch is in one of the phases, and so many of its slides at most wait in the queue."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        night = technician.get(f"nights/{batch}/")
        if night["phase"] in phases and night["progress"]["queued"] <= queued:
            return
        time.sleep(0.2)
    raise Error(f"batch {batch} did not come to {phases}")


def register(technician: Person) -> None:
    for index, barcode in enumerate(EXTRA):
        technician.post(
            "slides/",
            {
                "barcode": barcode, "accession": f"T26-{index // 3 + 1:05d}", "mrn": f"90000{index // 3}",
                "family_name": "Example", "given_name": "Robin", "tissue": "breast", "site_code": "0s01",
                "block": "A1", "stain": STAINS[index % 3], "cut": "lvl", "cut_number": index % 3 + 1,
            },
        )  # fmt: skip


def second_night(gallery: Gallery) -> None:
    """Load, look, review, scan: each step is photographed."""
    tess = gallery.people["tess"]
    register(tess)
    number = len(tess.get("batches/")) + 1
    batch = tess.post("batches/", {"name": f"Night {number}"})["id"]
    gallery.facts["extra"] = batch
    places = [
        {"carousel": 1 + index // 10, "position": 1 + index % 10, "barcode": barcode}
        for index, barcode in enumerate(EXTRA)
    ]
    tess.post(f"batches/{batch}/load/", [*places, {"carousel": 2, "position": 3, "barcode": "S25-0O123-A1"}])
    gallery.hang(LOADING)
    tess.post(f"batches/{batch}/unload/", {"carousel": 2, "position": 3})
    tess.post("nights/", {"batch": batch, "scanner": tess.get("scanners/")[0]["name"]})
    wait_for(tess, batch, ("review",))
    gallery.facts["doubtful"] = doubtful(tess, batch)[0]["id"]
    gallery.hang(REVIEW)
    tess.post(f"nights/{batch}/accept-safe/")
    for snapshot in doubtful(tess, batch):
        tess.post(f"snapshots/{snapshot['id']}/accept/")
    tess.post(f"nights/{batch}/start/")
    wait_for(tess, batch, ("night", "morning"), queued=len(EXTRA) // 2)
    gallery.hang(NIGHT)
    wait_for(tess, batch, ("morning", "closed"))


def doubtful(technician: Person, batch: int) -> list[dict[str, Any]]:
    """The snapshots that wait for a person, worst first."""
    found = technician.get(f"snapshots/?slot__carousel__batch={batch}&slide__state=review")
    return sorted(found, key=lambda row: -float(row["risk"]))


def learn(gallery: Gallery) -> None:
    """Which batch, slide, case and file the other pages are shown with."""
    tess, facts = gallery.people["tess"], gallery.facts
    batches = tess.get("batches/")
    facts["batch"] = min(row["id"] for row in batches)
    facts.setdefault("extra", max(row["id"] for row in batches))
    facts["rescan"] = next((row["id"] for row in batches if row["rescan_of"]), facts["extra"])
    facts["quality"] = min(
        (row for row in tess.get("qualities/") if row["scores"]), key=lambda row: float(row["focus"])
    )["id"]
    if not tess.get("scan-profiles/"):
        tess.post("scan-profiles/", {"name": "Thick sections", "stains": "thick", "layers": 25})
    facts["profile"] = tess.get("scan-profiles/")[0]["id"]
    twice = [row["slide"] for row in tess.get("attempts/") if row["number"] == 2]
    slides = tess.get("slides/")
    released = [row for row in slides if row["state"] in ("released", "read", "assigned")]
    chosen = next((row for row in released if row["barcode"] in twice), released[0])
    facts["slide"], facts["case"] = chosen["barcode"], chosen["accession"]
    facts["uid"] = next(row for row in released if row["stain"].startswith(("H&E", "IHC")))["uid"]
    facts["fluorescent"] = next((row for row in released if row["stain"].startswith("IF")), chosen)["uid"]
    clean = gallery.people["stella"].get("deidentified/slides/")
    facts["item"] = clean[0]["id"]
    facts["covering"] = next(
        (row["id"] for row in clean if open_to_covering(gallery, row["id"])), clean[0]["id"]
    )
    facts["report"] = gallery.people["stella"].get("deidentified/reports/")[0]["id"]
    lists = gallery.people["paul"].get("assignments/")
    facts["assignment"] = max(lists, key=lambda row: (row["state"] == "open", row["id"]))["id"]


def open_to_covering(gallery: Gallery, item: int) -> bool:
    """A slide that is not released: its page has the form."""
    page = gallery.people["stella"].context.request.get(f"/deidentify/slides/{item}/cover/")
    return "data-cover-form" in page.text()


@contextmanager
def everyone(var: Path) -> Iterator[dict[str, Person]]:
    lab = json.loads((var / "lab.json").read_text())
    logins = json.loads((var / "logins.json").read_text())
    address = f"http://127.0.0.1:{lab['web_port']}"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        people = {name: Person(browser, address, name, word) for name, word in logins.items()}
        yield people | {"": Person(browser, address, "", "")}
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--var", type=Path, required=True, help="the folder of a laboratory that is up")
    parser.add_argument("--to", type=Path, default=FOLDER)
    parser.add_argument("--only", default="", help="names that match this pattern")
    parser.add_argument("--no-night", action="store_true", help="leave out the second night and its pictures")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with everyone(options.var) as people:
        gallery = Gallery(people, options.to, options.only)
        if not options.no_night:
            second_night(gallery)
        learn(gallery)
        gallery.hang(MORNING)


if __name__ == "__main__":
    main()
