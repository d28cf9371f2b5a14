"""A slide that waits for its clean file, and one that has it."""

from typing import Any

import pytest

from deidentify import services
from deidentify.models import DeidentifiedSlide, State
from lims.models import Block, Case, Patient, Slide, Specimen
from tests.deidentify.making import make_svs
from viewer.models import VirtualSlide


@pytest.fixture
def item(settings: Any) -> DeidentifiedSlide:
    """A slide that waits for its clean file."""
    patient = Patient.objects.create(mrn="00481516", family_name="Vandermeer", given_name="Rosa")
    case = Case.objects.create(accession="S19-23421", patient=patient, received="2019-05-12")
    block = Block.objects.create(specimen=Specimen.objects.create(case=case))
    slide = Slide.objects.create(barcode="S19-23421-A1-1", block=block, state="scanned")
    settings.SLIDE_ROOT.mkdir(parents=True)
    size = make_svs(settings.SLIDE_ROOT / "a.svs").stat().st_size
    VirtualSlide.objects.create(
        slide=slide, kind="vendor", path="a.svs", sha256="0" * 64, bytes=size, width=256, height=256
    )
    return DeidentifiedSlide.objects.create(slide=slide, source_sha256="0" * 64, path="slides/first.svs")


@pytest.fixture
def made(item: DeidentifiedSlide) -> DeidentifiedSlide:
    """The same, made clean with nothing covered."""
    row = services.deidentify_slide(slide_id=item.slide_id)
    assert row is not None
    assert row.state == State.PASSED, row.problem
    return row
