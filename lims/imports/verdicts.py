"""Each row against the rows before it and against the record. Reads the database, writes nothing."""

from dataclasses import replace

from lims.imports.sheet import Row, Sheet
from lims.models import Case, Patient, Slide
from lims.services import Accession


class _Known:
    """What the record, and the file so far, say of barcodes, patients and cases."""

    def __init__(self, entries: list[Accession]) -> None:
        barcodes = [entry.barcode for entry in entries]
        self.slides = set(Slide.objects.filter(barcode__in=barcodes).values_list("barcode", flat=True))
        self.lines: dict[str, int] = {}
        patients = Patient.objects.filter(mrn__in={entry.mrn for entry in entries})
        self.names = {p.mrn: (p.family_name.casefold(), p.given_name.casefold()) for p in patients}
        cases = Case.objects.filter(accession__in={entry.accession for entry in entries})
        self.owners = dict(cases.values_list("accession", "patient__mrn"))

    def problems(self, line: int, entry: Accession) -> list[str]:
        found = []
        if entry.barcode in self.lines:
            found.append(f"barcode {entry.barcode} stands in line {self.lines[entry.barcode]} already")
        if entry.barcode in self.slides:
            found.append(f"barcode {entry.barcode} is registered already")
        name = (entry.family_name.casefold(), entry.given_name.casefold())
        if self.names.setdefault(entry.mrn, name) != name:
            found.append(f"MRN {entry.mrn} belongs to a patient with another name")
        elif self.owners.setdefault(entry.accession, entry.mrn) != entry.mrn:
            found.append(f"case {entry.accession} belongs to another patient")
        self.lines.setdefault(entry.barcode, line)
        return found


def judged(sheet: Sheet) -> Sheet:
    """The same sheet with the verdicts that need the record: duplicates, and MRNs or cases of somebody
    else.
    """
    known = _Known([row.entry for row in sheet.rows if row.entry])
    return replace(sheet, rows=tuple(_judge(row, known) for row in sheet.rows))


def _judge(row: Row, known: _Known) -> Row:
    if row.entry is None:
        return row
    return replace(row, problems=(*row.problems, *known.problems(row.line, row.entry)))
