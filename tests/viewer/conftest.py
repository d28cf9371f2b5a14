import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import vslide
from lims.models import Block, Case, Patient, Slide, Specimen
from lims.states import State
from tests.viewer.making import SHIFTED, make_slide
from viewer.models import VirtualSlide
from viewer.readers import open_slides


@pytest.fixture(scope="session")
def slide_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One published slide of each modality, and of each encoding that a browser must undo."""
    folder = tmp_path_factory.mktemp("published")
    plain = {modality: make_slide(folder, modality) for modality in ("brightfield", "fluorescence")}
    return plain | {
        "jpeg": make_slide(folder, "brightfield", encoding="jpeg"),
        "offset": make_slide(folder, "fluorescence", channels=SHIFTED),
    }


@pytest.fixture
def register(db: None, settings: Any) -> Iterator[Callable[..., VirtualSlide]]:
    """`register(path)`: a slide of the laboratory whose pixels are this file."""

    def make(path: Path, state: str = State.ASSIGNED, barcode: str = "N26-1-A1-1") -> VirtualSlide:
        settings.SLIDE_ROOT = path.parents[1]  # several slides of one folder may be registered
        patient = Patient.objects.create(mrn=f"mrn-{barcode}", family_name="Doe")
        case = Case.objects.create(accession=f"acc-{barcode}", patient=patient)
        specimen = Specimen.objects.create(case=case)
        slide = Slide.objects.create(
            barcode=barcode, block=Block.objects.create(specimen=specimen), state=state
        )
        with vslide.open(path) as reader:
            width, height = reader.size
            return VirtualSlide.objects.create(
                slide=slide,
                kind=reader.kind,
                path=f"{path.parent.name}/{path.name}",
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                bytes=path.stat().st_size,
                width=width,
                height=height,
                fields=len(reader.fields),
                channels=len(reader.channels),
                pixel_size_um=reader.pixel_size_um,
            )

    yield make
    open_slides.close()


@pytest.fixture
def brightfield(register: Callable[..., VirtualSlide], slide_files: dict[str, Path]) -> VirtualSlide:
    return register(slide_files["brightfield"])


@pytest.fixture
def fluorescence(register: Callable[..., VirtualSlide], slide_files: dict[str, Path]) -> VirtualSlide:
    return register(slide_files["fluorescence"])


@pytest.fixture
def vendor_file() -> Path:
    """A real Aperio slide, where the machine has the sample data."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    file = Path(os.environ.get("NOCTURNE_DATA", beside)) / "wsi" / "CMU-1-Small-Region.svs"
    if not file.exists():
        pytest.skip("needs the Aperio sample slide in NOCTURNE_DATA")
    return file
