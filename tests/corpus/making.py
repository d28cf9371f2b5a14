"""Slides that are read and clean, with real files that the real gate judges."""

from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile

import vslide
from annotation.services import assign, enrol_reader, save_annotation, submit
from core.models import User
from corpus.models import Release
from corpus.services import approve_release, create_release
from deidentify import services as deidentify
from lims.models import Patient, Report, Slide
from lims.states import State
from tests.annotation.making import EVERY_DAY, stroke
from tests.conftest import person
from tests.deidentify.making import make_docx, make_svs
from tests.lims.making import slide
from tests.viewer.making import make_slide
from viewer.models import VirtualSlide

WHY = "there is nobody behind these slides"


def approved(template: str = "tudp-2018") -> Release:
    made = create_release(actor=person("steward"), template=template, small_cells_reason=WHY)
    return approve_release(release=made, actor=person("administrator"))


def read_slide(
    *, report: bool = True, label: str = "tumour", comment: str = "", mosaic: str = "", **facts: Any
) -> Slide:
    """A slide from the record to signed off, through de-identification and the gate; its file named its
    patient. With `mosaic` (a modality) the file is our own.
    """
    given = {"given_name": "Quentin", "family_name": "Vandermeer", "received": date(2019, 5, 12), **facts}
    made = slide(State.SCANNED, **given)
    Patient.objects.filter(pk=made.case.patient_id).update(birth_date=date(1957, 3, 9))
    if mosaic:
        _mosaic(made, mosaic)
    else:
        _file(made)
    if report and not Report.objects.filter(case=made.case).exists():
        _report(made)
    deidentify.deidentify_slide(slide_id=made.pk)
    _read(made, label, comment)
    return Slide.objects.get(pk=made.pk)


def _file(made: Slide) -> None:
    Path(settings.SLIDE_ROOT).mkdir(parents=True, exist_ok=True)
    file = make_svs(Path(settings.SLIDE_ROOT) / f"{made.uid}.svs", b"Quentin Vandermeer")
    VirtualSlide.objects.create(
        slide=made,
        kind="vendor",
        path=file.name,
        sha256=f"{made.pk:064x}",
        bytes=file.stat().st_size,
        width=256,
        height=256,
        pixel_size_um=0.25,
    )


def _mosaic(made: Slide, modality: str) -> None:
    file = make_slide(Path(settings.SLIDE_ROOT), modality, 2, 2)
    with vslide.open(file) as reader:
        width, height = reader.size
    VirtualSlide.objects.create(
        slide=made,
        kind="mosaic",
        path=str(file.relative_to(settings.SLIDE_ROOT)),
        sha256=f"{made.pk:064x}",
        bytes=file.stat().st_size,
        width=width,
        height=height,
        pixel_size_um=0.5,
    )


def _report(made: Slide) -> None:
    folder = Path(settings.SLIDE_ROOT)
    text = make_docx(folder / f"{made.uid}.docx", ["Patient: Quentin Vandermeer", "Gleason score 3+4=7"])
    report = Report(case=made.case)
    report.file.save(f"{made.uid}.docx", ContentFile(text.read_bytes()))


def _read(made: Slide, label: str, comment: str) -> None:
    user: User = person("pathologist")
    enrol_reader(user=user, actor="test", hours=EVERY_DAY)
    fresh = Slide.objects.get(pk=made.pk)
    assignment = assign(slide=fresh)
    assert assignment is not None
    save_annotation(slide=fresh, stroke=stroke(label=label, comment=comment), actor=user)
    submit(assignment=assignment, actor=user)
