"""A pathology report as real ones are: a first page that names everyone, then prose that goes on naming
them.
"""

import io
from dataclasses import dataclass
from datetime import date, timedelta

import docx
from docx.document import Document

from lims.demo.findings import Finding
from lims.demo.people import Person

HOSPITAL = "St. Brendan’s Hospital"


@dataclass(frozen=True)
class Story:
    """All that one report speaks of."""

    accession: str
    patient: Person
    clinician: str
    pathologist: str
    received: date
    finding: Finding

    @property
    def collected(self) -> date:
        return self.received - timedelta(days=1)

    @property
    def reported(self) -> date:
        return self.received + timedelta(days=4)

    @property
    def age(self) -> int:
        return self.patient.age(self.collected)


def report(story: Story) -> bytes:
    """The report as a .docx file; the same story gives the same words."""
    document = docx.Document()
    document.core_properties.author = story.pathologist
    document.core_properties.title = f"Surgical pathology {story.accession}"
    document.sections[0].header.paragraphs[0].text = f"{HOSPITAL} · Department of Pathology"
    person = story.patient
    document.sections[0].footer.paragraphs[
        0
    ].text = f"{person.family}, {person.given} · MRN {person.mrn} · {story.accession}"
    document.add_heading("Surgical Pathology Report", 0)
    _head(document, story)
    for title, text in _body(story):
        document.add_heading(title, 1)
        document.add_paragraph(text)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _head(document: Document, story: Story) -> None:
    person = story.patient
    facts = (
        ("Patient", f"{person.family.upper()}, {person.given}"),
        ("Medical record number", person.mrn),
        ("Sex", "Female" if person.sex == "F" else "Male"),
        ("Date of birth", f"{person.born:%m/%d/%Y} (age {story.age})"),
        ("Accession", story.accession),
        ("Collected", f"{story.collected:%m/%d/%Y}"),
        ("Received", f"{story.received:%m/%d/%Y}"),
        ("Reported", f"{story.reported:%m/%d/%Y}"),
        ("Clinician", story.clinician),
    )
    table = document.add_table(rows=0, cols=2, style="Light List")
    for label, value in facts:
        cells = table.add_row().cells
        cells[0].text, cells[1].text = label, value


def _body(story: Story) -> list[tuple[str, str]]:
    person, finding = story.patient, story.finding
    seen = f"{story.collected.day} {story.collected:%B %Y}"
    return [
        (
            "Clinical history",
            f"{person.title} {person.family} is a {story.age}-year-old {person.noun} (MRN "
            f"{person.mrn}) seen by "
            f"{story.clinician} on {seen} for {finding.history}. {person.pronoun} was born on "
            f"{person.born:%B} {person.born.day}, {person.born.year}.",
        ),
        (
            "Gross description",
            f"The specimen is received in formalin, labelled “{person.family}, {person.given} / "
            f"{person.mrn}” and "
            f"“{finding.part.lower()}”. It consists of {finding.gross}. Grossed on "
            f"{story.received:%m/%d/%y}.",
        ),
        ("Diagnosis", f"{finding.part}: {finding.diagnosis}."),
        (
            "Comment",
            f"{finding.comment} The findings on {person.full} were discussed with {story.clinician} "
            f"by telephone on "
            f"{story.reported:%d-%b-%Y}. Earlier material of this patient, if any, was not reviewed under "
            f"{story.accession}.",
        ),
        ("Signed", f"{story.pathologist}, {HOSPITAL}, {story.reported:%Y-%m-%d}"),
    ]
