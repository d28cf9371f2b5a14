"""Vendor files that come in bursts, whole, in halves, twice, renamed, overwritten, taken away: each ends in
the record, and none is read half.
"""

import hashlib
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lims.states import State
from scanning import services
from scanning.models import ImportedFile
from tests.lims.making import slide
from viewer.models import VirtualSlide

pytestmark = pytest.mark.django_db

WSI = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "wsi"
SOURCES = ("yb10kx5k.zstd.tiff", "viv_multi-channel_small.ome.tif", "multi-channel.ome.tif")
PER_BURST = 10


@dataclass
class Scanner:
    """A vendor's scanner: ``later`` are the second halves of what it has begun. ``wanted`` is which bytes a
    slide must get.
    """

    folder: Path
    rng: random.Random
    later: list[Callable[[], object]] = field(default_factory=list)
    wanted: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def burst(self, files: int) -> None:
        due, self.later = self.later, []
        for act in due:
            act()
        for _ in range(files):
            self.rng.choice(self.habits)()
            self.made += 1

    @property
    def habits(self) -> list[Callable[[], object]]:
        return [
            *[self.whole] * 4,
            *[self.in_two_halves] * 3,
            self.renamed,
            self.taken_away,
            self.twice,
            self.overwritten,
            self.nobodys,
            self.junk,
            self.full_of_holes,
            self.link,
            self.series,
            self.mirax,
        ]

    def content(self) -> bytes:
        """A real slide, unlike any other: TIFF readers pass over what lies behind the end."""
        return (WSI / self.rng.choice(SOURCES)).read_bytes() + self.rng.randbytes(16)

    def name(self, *, wanted: bytes | None = None) -> Path:
        made = slide()
        if wanted is not None:
            self.wanted[made.barcode] = hashlib.sha256(wanted).hexdigest()
        return self.folder / f"{made.barcode}.tif"

    def whole(self) -> Path:
        content = self.content()
        path = self.name(wanted=content)
        path.write_bytes(content)
        return path

    def in_two_halves(self) -> None:
        content = self.content()
        path, middle = self.name(wanted=content), self.rng.randrange(1, len(content) - 16)
        path.write_bytes(content[:middle])
        self.later.append(lambda: path.write_bytes(content))

    def renamed(self) -> None:
        content = self.content()
        path = self.name(wanted=content)
        aside = path.with_suffix(".part")
        aside.write_bytes(content)
        self.later.append(lambda: aside.rename(path))

    def taken_away(self) -> None:
        content, path = self.content(), self.name()
        path.write_bytes(content[: len(content) // 2])
        self.later.append(path.unlink)

    def twice(self) -> None:
        path = self.whole()
        path.with_name(f"again {self.made}.tif").write_bytes(path.read_bytes())

    def overwritten(self) -> None:
        """After it has come in: the slide keeps what it got."""
        path, other = self.whole(), self.content()
        self.later.append(lambda: path.write_bytes(other))

    def nobodys(self) -> None:
        (self.folder / f"holiday {self.made}.tif").write_bytes(self.content())

    def junk(self) -> None:
        (self.folder / f"notes {self.made}.svs").write_text("lunch at noon")

    def full_of_holes(self) -> None:
        path = self.name()
        with path.open("wb") as file:
            file.write(self.content())
            file.truncate(1 << 40)
        self.later.append(path.unlink)

    def link(self) -> None:
        (self.folder / f"link {self.made}.tif").symlink_to("/etc/hostname")

    def series(self) -> None:
        folder = self.folder / f"series {self.made}"
        folder.mkdir()
        for number in range(2):
            (folder / f"{number}.dcm").write_bytes((WSI / "sm_image.dcm").read_bytes())

    def mirax(self) -> None:
        folder = self.folder / f"mirax {self.made}"
        folder.mkdir()
        (folder / "Data0000.dat").write_bytes(b"x" * 100)
        self.folder.joinpath(f"mirax {self.made}.mrxs").write_bytes(b"\xff\xd8\xff")

    def files(self) -> Iterator[Path]:
        """What must be in the record: a MIRAX slide's folder goes with its file."""
        found = (path for path in self.folder.rglob("*") if path.is_symlink() or path.is_file())
        return (path for path in found if path.suffix != ".dat")


@pytest.fixture
def scanner(tmp_path: Path) -> Scanner:
    if not WSI.is_dir():
        pytest.skip("no whole-slide files beside the checkout: set NOCTURNE_DATA")
    folder = tmp_path / "dropped"
    folder.mkdir()
    return Scanner(folder, random.Random(7))


def come_in(scanner: Scanner, files: int) -> None:
    """A look after every burst; two more when the scanner has finished what it began."""
    for _ in range(files // PER_BURST):
        scanner.burst(PER_BURST)
        services.import_folder(folder=scanner.folder, settle_s=0.02)
    while scanner.later:
        scanner.burst(0)
    for _ in range(2):
        last = services.import_folder(folder=scanner.folder, settle_s=0.02)
    assert last.unfinished == []


def check(scanner: Scanner) -> None:
    in_record = set(ImportedFile.objects.values_list("path", flat=True))
    assert {str(path) for path in scanner.files()} <= in_record
    got = {row.slide.barcode: row.sha256 for row in VirtualSlide.objects.select_related("slide")}
    assert got == scanner.wanted
    for row in VirtualSlide.objects.select_related("slide"):
        assert row.slide.state == State.SCANNED
    refused = ImportedFile.objects.filter(state="refused")
    assert all(row.message for row in refused)


@pytest.mark.timeout(120)
def test_files_in_bursts_all_end_in_the_record(scanner):
    come_in(scanner, 20)
    check(scanner)


@pytest.mark.campaign
@pytest.mark.timeout(1200)
def test_two_hundred_files_in_bursts_all_end_in_the_record(scanner, capsys):
    began = time.monotonic()
    come_in(scanner, 200)
    check(scanner)
    states = {state: ImportedFile.objects.filter(state=state).count() for state in ImportedFile.State.values}
    with capsys.disabled():
        files = sum(1 for _ in scanner.files())
        print(f"\n200 drops, {files} files, {states}, {time.monotonic() - began:.0f} s")  # noqa: T201
