"""`manage convert_annotations IN OUT --to FORMAT`: one file of annotations into another format, or into a
mask for machine learning.
"""

import re
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.exchange import (
    FORMATS,
    MASKS,
    Document,
    ExchangeError,
    Wanted,
    read,
    read_image,
    write,
    write_masks,
)


class Command(BaseCommand):
    help = "Convert annotations; says what other programs will not find in the file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, metavar="IN")
        parser.add_argument("target", type=Path, metavar="OUT")
        parser.add_argument("--to", required=True, choices=(*FORMATS, *MASKS), dest="format")
        parser.add_argument(
            "--mpp", type=float, help="micrometres per pixel of level 1, where the file does not say"
        )
        parser.add_argument(
            "--image",
            type=Path,
            help="dicom: the slide in DICOM (a file or a folder) that OUT is to refer to",
        )
        mask = parser.add_argument_group("masks")
        mask.add_argument("--size", metavar="WxH", help="the slide's size in px of level 1")
        mask.add_argument("--downsample", type=float, default=1.0, help="px of level 1 to one of the mask")
        mask.add_argument("--instances", action="store_true", help="a value for each shape, not each label")
        mask.add_argument("--each-label", action="store_true", help="a black and white PNG for each label")

    def handle(self, *args: Any, **options: Any) -> None:
        mpp = options["mpp"]
        if mpp is not None and not 0 < mpp < 1000:
            raise CommandError("--mpp is micrometres per pixel: a number above 0.")
        try:
            document = read(options["source"].read_bytes())
            document = document if mpp is None else replace(document, mpp=mpp)
            notes = self._write(document, options)
        except (ExchangeError, OSError) as error:
            raise CommandError(str(error)) from error
        for note in (*document.notes, *notes):
            self.stderr.write(f"note: {note}")
        self.stdout.write(f"{len(document.shapes)} annotations written to {options['target']}")

    def _write(self, document: Document, options: dict[str, Any]) -> tuple[str, ...]:
        if options["format"] in MASKS:
            wanted = Wanted(
                _size(options["size"]), options["downsample"], options["instances"], options["each_label"]
            )
            return write_masks(document, options["format"], options["target"], wanted)[1]
        image = read_image(options["image"]) if options["image"] else None
        written = write(document, options["format"], image)
        options["target"].write_bytes(written.content)
        return written.notes


def _size(text: str | None) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,7})x(\d{1,7})", text or "")
    if not found:
        raise CommandError("A mask needs --size WxH: the slide's width and height in px of level 1.")
    return int(found[1]), int(found[2])
