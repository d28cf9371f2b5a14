"""The managers' figures as tables of words: the page, the charts and the CSV show the same rows."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Final

from django.urls import reverse

from overview import reports

Cell = str | int | float | None


@dataclass(frozen=True)
class Row:
    """One row: its cells, and where the slides behind it are listed ("" for nowhere)."""

    cells: tuple[Cell, ...]
    href: str = ""


@dataclass(frozen=True)
class Table:
    """A titled table; `bars` and `line` name the columns (from 0) that a chart of it draws,
    `tones` the colours of its bars."""

    name: str
    title: str
    head: tuple[str, ...]
    rows: Sequence[Row]
    empty: str
    bars: tuple[int, ...] = ()
    line: int | None = None
    unit: str = ""
    tones: tuple[str, ...] = ("accent",)

    @property
    def drawn(self) -> str:
        return ",".join(map(str, self.bars))

    def as_csv(self) -> str:
        out = StringIO()
        writer = csv.writer(out)
        writer.writerow(self.head)
        writer.writerows([_safe(cell) for cell in row.cells] for row in self.rows)
        return out.getvalue()


def _safe(cell: Cell) -> Cell:
    """A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in set("=+-@\t\r") else cell


def _behind(**query: str) -> str:
    pairs = "&".join(f"{key}={value}" for key, value in query.items())
    return f"{reverse('overview:behind')}?{pairs}"


def _round(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)


def failures(after: datetime | None) -> Table:
    causes = reports.failures_by_cause(after)
    return Table(
        name="failures",
        title="Failures by cause",
        head=("Cause", "Failures", "Share %", "Together %"),
        rows=[
            Row(
                (cause.label, cause.count, _round(100 * cause.share), _round(100 * cause.cumulative)),
                _behind(reason=cause.reason),
            )
            for cause in causes
        ],
        empty="No slide has failed in this time.",
        bars=(1,),
        line=3,
        unit="failures",
    )


def nights(after: datetime | None) -> Table:
    return Table(
        name="nights",
        title="Throughput",
        head=("Night", "Scanner", "Slides", "Published", "Failed", "Hours", "Published per hour"),
        rows=[
            Row(
                (
                    row.night.batch.name,
                    row.night.scanner.name,
                    row.slides,
                    row.published,
                    row.failed,
                    _round(row.hours, 2),
                    _round(row.per_hour),
                ),
                _behind(night=str(row.night.pk)),
            )
            for row in reports.throughput(after)
        ],
        empty="No night has run in this time.",
        bars=(3, 4),
        unit="slides",
        tones=("good", "bad"),
    )


def states(after: datetime | None) -> Table:
    return Table(
        name="states",
        title="Time in each state",
        head=("State", "Slides now", "Stays ended", "Median hours", "Longest hours"),
        rows=[
            Row(
                (row.label, row.now, row.stays, _hours(row.median_s), _hours(row.longest_s)),
                _behind(state=row.state),
            )
            for row in reports.time_in_states(after)
        ],
        empty="No slide has moved yet.",
        bars=(3,),
        unit="hours (median)",
    )


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 3600, 3)


def reading(after: datetime | None) -> Table:
    """Today's load; the time range does not matter to it."""
    return Table(
        name="reading",
        title="Reading today",
        head=("Reader", "To read", "Submitted", "Of the day's limit", "Room left"),
        rows=[
            Row((load.reader.name, load.open, load.done, load.limit, load.room))
            for load in reports.reading_load()
        ],
        empty="Nobody is on the rota.",
        bars=(1, 2),
        unit="slides",
        tones=("read", "good"),
    )


TABLES: Final[dict[str, Callable[[datetime | None], Table]]] = {
    "failures": failures,
    "nights": nights,
    "states": states,
    "reading": reading,
}
