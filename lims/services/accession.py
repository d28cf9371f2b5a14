"""Verbs of the accession desk: patients, cases, specimens, blocks and slides come into the record."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import models, transaction

from core import audit
from core.errors import BadInput, Conflict
from lims.models import Block, Case, Patient, Report, Slide, SlideEvent, Specimen, Tissue
from lims.services.life import Actor
from lims.states import State

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True)
class Accession:
    """One slide as the desk knows it: one row of a CSV, one request of the API, one form."""

    barcode: str
    accession: str
    mrn: str
    family_name: str
    given_name: str = ""
    birth_date: date | None = None
    sex: str = Patient.Sex.UNKNOWN
    tissue: str = Tissue.MISCELLANEOUS
    received: date | None = None
    clinician: str = ""
    site_code: str = "0a001"
    specimen: str = ""
    block: str = "A1"
    stain: str = "H&E"
    cut: str = Slide.Cut.LEVEL
    cut_number: int = 1


def checked(record: models.Model) -> None:
    """Validate a row as its model says, then save it; what is wrong is told field by field."""
    try:
        record.full_clean()
    except ValidationError as error:
        raise BadInput("; ".join(error.messages), fields=error.message_dict) from error
    record.save()


@transaction.atomic
def register(*, entry: Accession, actor: Actor) -> Slide:
    """Bring one slide with its case and patient into the record.

    Raises Conflict where the barcode exists, or where the MRN or accession belongs to somebody else.
    """
    if Slide.objects.filter(barcode=entry.barcode).exists():
        raise Conflict(f"Barcode {entry.barcode} is registered already.", field="barcode")
    case = _case(entry, _patient(entry))
    specimen, _ = _get(Specimen, {"case": case, "site_code": entry.site_code}, description=entry.specimen)
    block, _ = _get(Block, {"specimen": specimen, "label": entry.block})
    twins = Slide.objects.filter(
        block=block, stain=entry.stain, cut=entry.cut, cut_number=entry.cut_number
    ).count()
    slide = Slide(
        barcode=entry.barcode,
        block=block,
        stain=entry.stain,
        cut=entry.cut,
        cut_number=entry.cut_number,
        duplicate=twins,
    )
    checked(slide)
    SlideEvent.objects.create(
        slide=slide, target=State.REGISTERED, verb="register", actor=audit.name_of(actor)
    )
    audit.record(actor=actor, action="slide.register", target=f"slide:{slide.barcode}", case=case.accession)
    return slide


@transaction.atomic
def register_all(*, entries: Iterable[Accession], source: str, actor: Actor) -> list[Slide]:
    """Bring many slides into the record, all of them or none. `source` names where they came from."""
    slides = [register(entry=entry, actor=actor) for entry in entries]
    audit.record(actor=actor, action="slide.import", target=f"file:{source[:100]}", slides=len(slides))
    return slides


def _patient(entry: Accession) -> Patient:
    patient, new = _get(
        Patient,
        {"mrn": entry.mrn},
        family_name=entry.family_name,
        given_name=entry.given_name,
        birth_date=entry.birth_date,
        sex=entry.sex or Patient.Sex.UNKNOWN,
    )
    same = (patient.family_name.casefold(), patient.given_name.casefold()) == (
        entry.family_name.casefold(),
        entry.given_name.casefold(),
    )
    if not new and not same:
        raise Conflict(f"MRN {entry.mrn} belongs to a patient with another name.", field="mrn")
    return patient


def _case(entry: Accession, patient: Patient) -> Case:
    extra = {"received": entry.received} if entry.received else {}
    case, _ = _get(
        Case,
        {"accession": entry.accession},
        patient=patient,
        tissue=entry.tissue,
        clinician=entry.clinician,
        **extra,
    )
    if case.patient_id != patient.pk:
        raise Conflict(f"Case {entry.accession} belongs to another patient.", field="accession")
    return case


def _get(model: type[M], keys: dict[str, object], **rest: object) -> tuple[M, bool]:
    found = model._default_manager.filter(**keys).first()  # noqa: SLF001
    if found is not None:
        return found, False
    made = model(**keys, **rest)
    checked(made)
    return made, True


@transaction.atomic
def attach_report(*, case: Case, name: str, content: bytes, actor: Actor) -> Report:
    """Keep the case's report. A case has one; a second is a Conflict, for a report is never overwritten."""
    if Report.objects.filter(case=case).exists():
        raise Conflict(f"Case {case.accession} has a report already.")
    report = Report(case=case)
    report.file.save(name, ContentFile(content), save=False)
    report.save()
    audit.record(actor=actor, action="report.attach", target=f"case:{case.accession}")
    return report
