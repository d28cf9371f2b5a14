"""A table whose columns are known → one `Accession` for each row, or why not. Pure: the database is not
asked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model

from core.errors import BadInput
from lims.imports import columns
from lims.imports.reading import Line, cell_problem, read_table
from lims.models import Block, Case, Patient, Slide, Specimen
from lims.services import Accession

V = TypeVar("V")


@dataclass(frozen=True)
class Row:
    """One row of the file and what we think of it: an entry, or problems."""

    line: int
    cells: tuple[str, ...]
    entry: Accession | None
    problems: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return self.entry is not None and not self.problems


@dataclass(frozen=True)
class Sheet:
    header: tuple[str, ...]
    used: tuple[str, ...]  # the file's own names of the columns we read
    unused: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def good(self) -> list[Row]:
        return [row for row in self.rows if row.good]

    @property
    def refused(self) -> list[Row]:
        return [row for row in self.rows if not row.good]


def read_sheet(content: bytes) -> Sheet:
    """Raises BadInput where the file or its head line cannot be used; rows are judged one by one."""
    table = read_table(content)
    places = columns.columns(table.header)
    _must_have(places)
    taken = set(places.values())
    return Sheet(
        header=table.header,
        used=tuple(name for index, name in enumerate(table.header) if index in taken),
        unused=tuple(name for index, name in enumerate(table.header) if index not in taken and name),
        rows=tuple(_row(line, table.header, places) for line in table.lines),
    )


def _must_have(places: dict[str, int]) -> None:
    missing = [
        f for f in columns.REQUIRED if f not in places and not (f == "family_name" and "name" in places)
    ]
    if missing:
        raise BadInput(
            f"The head line lacks {', '.join(missing)}. It needs at least {', '.join(columns.REQUIRED)}.",
            missing=missing,
        )


def _row(line: Line, header: tuple[str, ...], places: dict[str, int]) -> Row:
    problems = [
        f"column {header[index] if index < len(header) else index + 1}: {problem}"
        for index, value in enumerate(line.cells)
        if (problem := cell_problem(value))
    ]
    if len(line.cells) != len(header):
        problems.append(f"{len(line.cells)} cells where the head line has {len(header)}")
    if problems:
        return Row(line.number, tuple(cell[:200] for cell in line.cells), None, tuple(problems))
    cells = {field: line.cells[index].strip() for field, index in places.items()}
    entry, problems = _entry(cells)
    return Row(line.number, line.cells, entry, tuple(problems))


def _entry(cells: dict[str, str]) -> tuple[Accession | None, list[str]]:
    problems: list[str] = []

    def take(field: str, read: Callable[[], V], instead: V) -> V:
        try:
            return read()
        except ValueError as error:
            problems.append(f"{field}: {error}")
            return instead

    get = cells.get
    family, given = columns.person(get("name", "")) if "name" in cells else ("", "")
    described = ", ".join(filter(None, (get("modifier", ""), get("specimen", ""))))
    entry = Accession(
        barcode=get("barcode", ""),
        accession=get("accession", ""),
        mrn=get("mrn", ""),
        family_name=get("family_name", "") or family,
        given_name=get("given_name", "") or given,
        birth_date=take("birth_date", lambda: columns.day(get("birth_date", "")), None),
        sex=take("sex", lambda: columns.sex(get("sex", "")), "U"),
        tissue=take("tissue", lambda: columns.tissue(get("tissue", ""), described), ""),
        received=take("received", lambda: columns.day(get("received", "")), None),
        clinician=" ".join(reversed(columns.person(get("clinician", "")))).strip(),
        site_code=columns.site_code(get("site_code", ""), get("part", "")),
        specimen=described,
        block=get("block", "") or "A1",
        stain=get("stain", "") or "H&E",
        cut=take("cut", lambda: columns.cut(get("cut", "")), ""),
        cut_number=take("cut_number", lambda: columns.whole(get("cut_number", "")), 1),
    )
    problems += _wrong(entry)
    return (None if problems else entry), problems


def _wrong(entry: Accession) -> list[str]:
    """What the record's own rules say of each value, before any of it is written."""
    missing = [field for field in columns.REQUIRED if not getattr(entry, field)]
    found = [f"{field} is missing" for field in missing]
    for row, outside in _rows(entry):
        try:
            row.clean_fields(exclude=[*outside, *missing])
        except ValidationError as error:
            found += [f"{field}: {' '.join(said)}" for field, said in error.message_dict.items()]
    if entry.birth_date and entry.received and entry.birth_date > entry.received:
        found.append("received lies before birth_date")
    return found


def _rows(entry: Accession) -> list[tuple[Model, tuple[str, ...]]]:
    """The rows that this entry would become, each with the fields that only the database can judge."""
    names = {"family_name": entry.family_name, "given_name": entry.given_name}
    case = Case(accession=entry.accession, clinician=entry.clinician)
    slide = Slide(barcode=entry.barcode, stain=entry.stain, cut_number=entry.cut_number)
    return [
        (Patient(mrn=entry.mrn, **names), ()),
        (case, ("patient",)),
        (Specimen(site_code=entry.site_code, description=entry.specimen), ("case",)),
        (Block(label=entry.block), ("specimen",)),
        (slide, ("block",)),
    ]
