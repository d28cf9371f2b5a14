"""The demonstration's slides: so many, the same for the same seed."""

from datetime import date, timedelta
from random import Random

from django.db import transaction
from django.utils import timezone

from lims.demo.findings import FINDINGS, Finding
from lims.demo.people import CLINICIANS, PATHOLOGISTS, Person, person
from lims.demo.reports import Story, report
from lims.models import Case, Patient, Slide, Tissue
from lims.services import Accession, Actor, attach_report, register

# the corpus' own mix: breast, urology and gastrointestinal lead
TISSUES: tuple[tuple[str, int], ...] = (
    (Tissue.BREAST, 24),
    (Tissue.PROSTATE, 26),
    (Tissue.GASTROINTESTINAL, 22),
    (Tissue.PULMONARY, 10),
    (Tissue.HEAD_NECK, 7),
    (Tissue.ENDOCRINE, 6),
    (Tissue.MISCELLANEOUS, 5),
)
STAINS_IHC = ("IHC Ki-67", "IHC HER2", "IHC p63", "IHC CK7", "IHC CD3")
STAINS_IF = ("IF DAPI/FITC/TRITC/Cy5",)
RETURNING = 0.12  # share of the cases whose patient has been here before


def make_demo(*, slides: int, seed: int, actor: Actor) -> list[Slide]:
    """Register `slides` fictitious slides with patients, cases and a report per case. Deterministic by seed
    and day.

    Raises Conflict where the demonstration's accession numbers are in the record already.
    """
    random, today = Random(seed), timezone.localdate()
    people: list[Person] = []
    made: list[Slide] = []
    mrns = set(Patient.objects.values_list("mrn", flat=True))
    number = 0
    while len(made) < slides:
        number += 1
        case = _case(random, number, today, people, mrns)
        made += _register(random, case, min(random.choice((1, 2, 2, 3)), slides - len(made)), actor)
    return made


def _case(
    random: Random, number: int, today: date, people: list[Person], mrns: set[str]
) -> tuple[str, Story]:
    tissue = random.choices([t for t, _ in TISSUES], weights=[w for _, w in TISSUES])[0]
    finding = random.choice(FINDINGS[tissue])
    who = _who(random, finding, today, people, mrns)
    story = Story(
        accession=f"S{today:%y}-{number:05d}",
        patient=who,
        clinician=random.choice(CLINICIANS),
        pathologist=random.choice(PATHOLOGISTS),
        received=today - timedelta(days=random.randrange(5, 40)),
        finding=finding,
    )
    return tissue, story


def _who(random: Random, finding: Finding, today: date, people: list[Person], mrns: set[str]) -> Person:
    fitting = [p for p in people if finding.sex in ("", p.sex)]
    if fitting and random.random() < RETURNING:
        return random.choice(fitting)
    made = person(random, sex=finding.sex or random.choice("FM"), today=today, taken=mrns)
    people.append(made)
    return made


@transaction.atomic
def _register(random: Random, case: tuple[str, Story], count: int, actor: Actor) -> list[Slide]:
    """One case whole: its slides and its report."""
    tissue, story = case
    slides = []
    for number in range(1, count + 1):
        entry = Accession(
            barcode=f"{story.accession}-A1-{number}",
            accession=story.accession,
            mrn=story.patient.mrn,
            family_name=story.patient.family,
            given_name=story.patient.given,
            birth_date=story.patient.born,
            sex=story.patient.sex,
            tissue=tissue,
            received=story.received,
            clinician=story.clinician,
            specimen=story.finding.part,
            stain=_stain(random),
            cut_number=number,
        )
        slides.append(register(entry=entry, actor=actor))
    attach_report(
        case=Case.objects.get(accession=story.accession),
        name=f"{story.accession}.docx",
        content=report(story),
        actor=actor,
    )
    return slides


def _stain(random: Random) -> str:
    """About 60 % H&E, 20 % immunohistochemistry, 20 % four-colour fluorescence."""
    draw = random.random()
    if draw < 0.6:
        return "H&E"
    return random.choice(STAINS_IHC if draw < 0.8 else STAINS_IF)
