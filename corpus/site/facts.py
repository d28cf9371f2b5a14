"""What a site says of a release, read from the release's own folder, not from the record. Pure."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from annotation import exchange
from corpus import bag, statistics
from corpus.errors import ReleaseStopped
from deidentify.errors import DeidentifyError
from deidentify.files import text_of

Row = dict[str, Any]


@dataclass
class Shown:
    """One slide of a site: its files (image first) and the text of its case's report."""

    name: str
    page: str
    image: Row
    files: list[Row] = field(default_factory=list)
    report: Row | None = None
    text: str = ""
    is_viewed: bool = False
    """Whether a browser reads it in place."""
    words: dict[str, int] = field(default_factory=dict)
    """How many annotations each word of the readers has."""

    @property
    def up(self) -> str:
        """From the slide's page to the top of the site."""
        return "../" * self.page.count("/")

    @property
    def stem(self) -> str:
        """Of its page, its viewer's page and what that needs."""
        return self.page.removesuffix(".html")

    @property
    def annotations(self) -> int:
        return max((int(row.get("annotations", 0)) for row in self.files), default=0)

    @property
    def drawn(self) -> Row | None:
        """The file of its annotations that a browser paints, where it holds any."""
        found = (row for row in self.files if row["path"].endswith(".geojson") and row.get("annotations"))
        return next(found, None)


@dataclass(frozen=True)
class Facts:
    """`stats` counts what is still there: the release's own file was written before any withdrawal."""

    head: Row
    slides: list[Shown]
    stats: dict[str, Any]
    withdrawn: dict[str, int]


def read(root: Path, manifest_sha256: str) -> Facts:
    """Raises ReleaseStopped where the folder is not the release that was published: another manifest, an
    image of another size, a report with other words or none that can be read.
    """
    manifest = root / bag.MANIFEST
    if not manifest.is_file() or bag.sha256_of(manifest) != manifest_sha256:
        raise ReleaseStopped("The manifest is not the one that was published: run verify_release.")
    head = json.loads(manifest.read_bytes())
    rows: list[Row] = head.pop("files")
    live = [row for row in rows if bag.WITHDRAWN not in row]
    months = Counter(row[bag.WITHDRAWN] for row in rows if bag.WITHDRAWN in row)
    slides = _slides(root, live)
    return Facts(head, slides, statistics.count(map(_counted, slides)), dict(sorted(months.items())))


def _slides(root: Path, rows: list[Row]) -> list[Shown]:
    shown: dict[str, Shown] = {}
    for row in rows:
        if row["kind"] == "image":
            _same_size(root, row)
            stem = _stem(row["path"])
            shown[stem] = Shown(PurePosixPath(stem).name, page_of(row["path"]), row, [row])
    for row in rows:
        if row["kind"] == "annotation" and (slide := shown.get(_stem(row["path"]))):
            slide.files.append(row)
    for slide in shown.values():
        if slide.drawn:
            slide.words = _words(root, slide.drawn)
    _reports(root, list(shown.values()), [row for row in rows if row["kind"] == "report"])
    return sorted(shown.values(), key=lambda slide: slide.page)


def _reports(root: Path, slides: list[Shown], rows: list[Row]) -> None:
    """A case has one report, whichever of its slides it was released with."""
    cases: dict[tuple[str, str], list[Shown]] = {}
    for slide in slides:
        cases.setdefault((slide.image["patient"], slide.image["case"]), []).append(slide)
    for row in rows:
        if bag.sha256_of(root / row["path"]) != row["sha256"]:
            raise ReleaseStopped(f"{row['path']} is not the report that was published: run verify_release.")
        try:
            text = text_of(root / row["path"])
        except DeidentifyError as error:
            raise ReleaseStopped(f"{row['path']} cannot be read: {error}") from error
        for slide in cases.get((row["patient"], row["case"]), ()):
            slide.report, slide.text = row, text


def _words(root: Path, row: Row) -> dict[str, int]:
    if bag.sha256_of(root / row["path"]) != row["sha256"]:
        raise ReleaseStopped(f"{row['path']} is not as it was published: run verify_release.")
    try:
        shapes = exchange.read((root / row["path"]).read_bytes()).shapes
    except exchange.ExchangeError as error:
        raise ReleaseStopped(f"{row['path']} cannot be read: {error}") from error
    return dict(sorted(Counter(shape.label for shape in shapes).items()))


def _same_size(root: Path, row: Row) -> None:
    file = root / row["path"]
    if not file.is_file() or file.stat().st_size != row["bytes"]:
        raise ReleaseStopped(f"{row['path']} is not as it was published: run verify_release.")


def page_of(path: str) -> str:
    """The page of a site that shows a release's image."""
    return f"slides/{_stem(path).removeprefix(f'{bag.DATA}/')}.html"


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _counted(slide: Shown) -> statistics.Counted:
    row = slide.image
    return statistics.Counted(
        tissue=row["tissue"],
        key=row["patient"],
        case=row["case"],
        stain=row["stain"],
        cut=row["cut"],
        bytes=row["bytes"],
        annotations=slide.annotations,
    )
