"""`./nocturne bench reports`: what is found of people in reports, with and without knowing whom to look for.

A marked stretch counts as found when each of its letters and digits is taken out; a title before a name is no
part of it. Precision is the share of what was taken out that touches a marked stretch.
"""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from deidentify.files import deidentify_file
from deidentify.known import Known
from deidentify.reports.text import clean_text
from tests.bench.measure import Figure, Subject
from tests.bench.slides import Scale
from tests.bench.subjects import absent
from tests.deidentify.reports_made import Made, report

DATA = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "reports"
SEED: Final = 97  # not the seed that the rules were written beside
NOBODY = Known(names=("Zzyzx Qwertyuiop",))
NOT_SOUGHT: Final = frozenset({"TITLE", "NRP", "ORGANIZATION", "AGE"})
"""Of the general data set: no identifiers by our policy (ages to 89, nationalities, trades, companies)."""
_TITLE = re.compile(r"(?:(?:Dr|Mr|Mrs|Ms|Miss|Prof)\.?\s+)")
Marked = tuple[str, tuple[tuple[str, int, int], ...]]


@dataclass
class Tally:
    """Stretches by class, and what was taken out by kind."""

    marked: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    words: int = 0
    lost: int = 0

    def add(self, text: str, marked: Iterable[tuple[str, int, int]], known: Known) -> None:
        spans, named = clean_text(text, known).spans, bytearray(len(text))
        covered = bytearray(len(text))
        for span in spans:
            covered[span.start : span.end] = b"\1" * (span.end - span.start)
        for kind, start, end in marked:
            named[start:end] = b"\1" * (end - start)
            self.marked[kind] += 1
            self.found[kind] += all(covered[at] or not text[at].isalnum() for at in range(start, end))
        for span in spans:
            self.taken[span.kind] += 1
            self.right[span.kind] += any(named[span.start : span.end])
        for word in re.finditer(r"\w{2,}", text):
            if not any(named[word.start() : word.end()]):
                self.words += 1
                self.lost += any(covered[word.start() : word.end()])

    def percent(self, name: str) -> dict[str, float]:
        """{`NAME.recall`: of all, `NAME.recall.CLASS`: of one; the same for precision}."""
        found = {f"{name}.recall": 100 * self.found.total() / self.marked.total()}
        found |= {
            f"{name}.recall.{kind}": 100 * self.found[kind] / n for kind, n in sorted(self.marked.items())
        }
        found[f"{name}.precision"] = 100 * self.right.total() / max(self.taken.total(), 1)
        found |= {
            f"{name}.precision.{kind}": 100 * self.right[kind] / n for kind, n in sorted(self.taken.items())
        }
        return found


def reports(scale: Scale, kept: Path) -> Subject:
    """Two published sets without known values where they are on this machine, and made reports with them."""
    sets: dict[str, Sequence[Marked]] = {}
    missing: dict[str, str] = dict(absent("presidio_analyzer"))
    for name, file, read in (
        ("asq_phi", "asq_phi_part_a.jsonl", _asq),
        ("presidio", "presidio_synth_dataset_v2.json", _presidio),
    ):
        if (DATA / file).exists():
            sets[name] = read(DATA / file)
        else:
            missing[name] = "the data set is not on this machine: set NOCTURNE_DATA"
    made = [report(number, SEED) for number in range(500 if scale.judge else 25)]
    once = partial(_measured, sets, made, 5 if scale.judge else 1)
    return Subject(_figures(once(kept)), once, missing=missing)


def _figures(sample: Mapping[str, float]) -> dict[str, Figure]:
    special = {
        "made.recall": Figure("%", target={"ours": 99.5}),
        "made.left": Figure("direct identifiers of the patient left in 500 reports", False, {"ours": 0}),
        "made.lost": Figure("% of the words that name nobody taken out", False, {"ours": 2}),
        "made.ms": Figure("ms per report, rules alone", False),
        "made.file": Figure("s per file, read to gate", False),
    }
    return special | {name: Figure("%") for name in sample if name not in special}


def _measured(
    sets: Mapping[str, Sequence[Marked]], made: Sequence[Made], files: int, folder: Path
) -> dict[str, float]:
    found: dict[str, float] = {}
    tally = Tally()
    began = time.perf_counter()
    for one in made:
        clean_text(one.text, one.known)
    found["made.ms"] = 1000 * (time.perf_counter() - began) / len(made)
    for one in made:
        tally.add(one.text, one.spans, one.known)
    found |= tally.percent("made")
    patient = ("patient", "MRN", "accession", "birth date", "phone", "address")
    found["made.left"] = float(sum(tally.marked[kind] - tally.found[kind] for kind in patient))
    found["made.lost"] = 100 * tally.lost / tally.words
    found["made.file"] = _through(made[:files], folder)
    for name, texts in sets.items():
        tally = Tally()
        for text, marked in texts:
            tally.add(text, marked, NOBODY)
        found |= tally.percent(name)
    return found


def _through(made: Sequence[Made], folder: Path) -> float:
    """Seconds for a file, with its gate in a process of its own."""
    began = time.perf_counter()
    for number, one in enumerate(made):
        source, clean = folder / f"{number}.txt", folder / f"{number}-clean.docx"
        source.write_text(one.text, encoding="utf-8")
        deidentify_file(source, clean, one.known)
        source.unlink()
        clean.unlink()
    return (time.perf_counter() - began) / len(made)


def _asq(file: Path) -> list[Marked]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        (
            row["text"],
            tuple(
                _bare(row["text"], phi["type"], phi["start"], phi["end"])
                for phi in row["phi"]
                if phi["start"] is not None
            ),
        )
        for row in rows
    ]


def _presidio(file: Path) -> list[Marked]:
    rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return [
        (row["full_text"], tuple(
            _bare(row["full_text"], span["entity_type"], span["start_position"], span["end_position"])
            for span in row["spans"] if span["entity_type"] not in NOT_SOUGHT
        ))
        for row in rows
    ]  # fmt: skip


def _bare(text: str, kind: str, start: int, end: int) -> tuple[str, int, int]:
    title = _TITLE.match(text, start, end)
    return kind, title.end() if title else start, end
