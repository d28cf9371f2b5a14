import io
import re
from collections.abc import Sequence

import docx
import pytest
from django.db import transaction

from lims.demo import make_demo
from lims.models import Case, Patient, Report, Slide

pytestmark = pytest.mark.django_db


def words(report: Report) -> str:
    with report.file.open("rb") as file:
        document = docx.Document(io.BytesIO(file.read()))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*cells, *(paragraph.text for paragraph in document.paragraphs)])


def test_it_makes_as_many_slides_as_were_asked_for():
    slides = make_demo(slides=25, seed=7, actor="demo")
    assert len(slides) == Slide.objects.count() == 25
    assert Report.objects.count() == Case.objects.count()
    assert all(re.fullmatch(r"S\d\d-\d{5}-A1-\d", slide.barcode) for slide in slides)


def test_it_is_the_same_for_the_same_seed():
    def facts(seed: int) -> Sequence[tuple[object, ...]]:
        with transaction.atomic():
            make_demo(slides=6, seed=seed, actor="demo")
            patients = Patient.objects.values_list("mrn", "family_name", "given_name", "birth_date")
            found = [*Slide.objects.values_list("barcode", "stain"), *patients]
            transaction.set_rollback(True)
        return found

    assert facts(3) == facts(3)
    assert facts(3) != facts(4)


def test_its_report_names_the_patient_as_real_ones_do():
    case = make_demo(slides=1, seed=1, actor="demo")[0].case
    text, patient = words(case.report), case.patient
    assert patient.birth_date is not None
    assert text.count(patient.mrn) >= 3
    assert text.count(patient.family_name) >= 3
    assert case.accession in text
    assert case.clinician in text
    assert f"{patient.birth_date:%m/%d/%Y}" in text
    assert str(patient.birth_date.year) in text.partition("Clinical history")[2]


def test_it_mixes_the_stains():
    stains = [slide.stain for slide in make_demo(slides=60, seed=7, actor="demo")]
    share = {kind: sum(s.startswith(kind) for s in stains) / 60 for kind in ("H&E", "IHC", "IF")}
    assert 0.45 < share["H&E"] < 0.75
    assert share["IHC"] > 0.08
    assert share["IF"] > 0.08
