"""Ten thousand slides with words, and who looks for them: our index, and LIKE over the same rows."""

import json
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from corpus.models import SearchDocument
from corpus.search import Wanted, find
from corpus.search.engines import engine
from corpus.search.words import read
from lims.demo.findings import FINDINGS
from lims.models import Block, Case, Patient, Slide, Specimen
from lims.states import State

PAGE = 25
RARE = "xanthoma"
SEARCHES = {"page": "invasive carcinoma", "rare": RARE, "phrase": '"ductal carcinoma"'}
SYLLABLES = ("ka", "lo", "mi", "ne", "ru", "sto", "ve", "pha", "dex", "tro")


def make(slides: int) -> dict[str, float]:
    """The rows, the same each time: a report of some 200 words for each, demo findings and made words."""
    dice = random.Random(7)
    made = _glasses(slides)
    rows = [
        SearchDocument(
            slide=slide, report=_report(dice, number), drawn=dice.choice(("tumour", "necrosis", ""))
        )
        for number, slide in enumerate(made)
    ]
    began = time.perf_counter()
    SearchDocument.objects.bulk_create(rows, batch_size=1000)
    return {"index": time.perf_counter() - began}


def _glasses(slides: int) -> list[Slide]:
    tissues = list(FINDINGS)
    patient = Patient.objects.create(mrn="BENCH", family_name="Doe")
    cases = Case.objects.bulk_create(
        Case(accession=f"BENCH-{n}", patient=patient, tissue=tissues[n % len(tissues)]) for n in range(slides)
    )
    parts = Specimen.objects.bulk_create(Specimen(case=case) for case in cases)
    blocks = Block.objects.bulk_create(Block(specimen=part) for part in parts)
    return Slide.objects.bulk_create(
        Slide(barcode=f"BENCH-{n}", block=block, state=State.READ) for n, block in enumerate(blocks)
    )


def _report(dice: random.Random, number: int) -> str:
    finding = dice.choice(list(FINDINGS.values())[number % len(FINDINGS)])
    more = " ".join("".join(dice.choices(SYLLABLES, k=3)) for _ in range(150))
    rare = RARE if number % 1000 == 0 else ""
    return f"{finding.history}. {finding.gross}. {finding.diagnosis}. {finding.comment} {more} {rare}"


def ours(text: str) -> int:
    query = read(text)
    assert query is not None
    documents = engine(query).matching(SearchDocument.objects.all())
    list(engine(query).ranked(documents).values_list("pk", flat=True)[:PAGE])
    return documents.count()


def like(text: str) -> int:
    documents = SearchDocument.objects.all()
    for words in [text.strip('"')] if text.startswith('"') else text.split():
        documents = documents.filter(report__icontains=words)
    list(documents.order_by("pk").values_list("pk", flat=True)[:PAGE])
    return documents.count()


def milliseconds(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return 1000 * median(taken)


def main(arguments: Sequence[str]) -> int:
    """`made SLIDES FILE`, `ours TIMES FILE` or `like TIMES FILE`."""
    what, number, file = arguments[0], int(arguments[1]), Path(arguments[2])
    if what == "made":
        found = make(number)
    else:
        seek, times = {"ours": ours, "like": like}[what], min(number, 5)
        found = {name: milliseconds(partial(seek, text), times) for name, text in SEARCHES.items()}
        if what == "ours":
            found["whole"] = milliseconds(lambda: find(Wanted(words=SEARCHES["page"])), times)
    file.write_text(json.dumps(found), encoding="utf-8")
    return 0
