"""Slides made for a benchmark, put on record in a laboratory."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

import vslide
from lims.models import Block, Case, Patient, Slide, Specimen
from lims.states import State
from viewer.models import VirtualSlide


def registered(file: Path, name: str = "BENCH-1") -> VirtualSlide:
    """The slide's row: its file is linked to where the laboratory keeps its slides."""
    root = Path(settings.SLIDE_ROOT)
    target = root / f"{name}{file.suffix}"
    known = VirtualSlide.objects.filter(path=target.name).first()
    if known is not None:
        return known
    root.mkdir(parents=True, exist_ok=True)
    os.link(file, target)
    patient = Patient.objects.create(mrn=name, family_name="Doe")
    case = Case.objects.create(accession=name, patient=patient)
    block = Block.objects.create(specimen=Specimen.objects.create(case=case))
    slide = Slide.objects.create(barcode=name, block=block, state=State.DEIDENTIFIED)
    with vslide.open(file) as reader:
        return VirtualSlide.objects.create(
            slide=slide, path=target.name, sha256=hashlib.sha256(name.encode()).hexdigest(),
            bytes=file.stat().st_size, width=reader.size[0], height=reader.size[1],
            fields=len(reader.fields), channels=len(reader.channels), pixel_size_um=reader.pixel_size_um,
        )  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """The first is where the uids go, the others are the files."""
    said, *files = map(Path, arguments)
    uids = [str(registered(file, f"BENCH-{number}").slide.uid) for number, file in enumerate(files)]
    said.write_text(json.dumps(uids), encoding="utf-8")
    return 0
