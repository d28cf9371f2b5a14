"""Whoever reads what comes from outside, as one question to one file: an answer, or an error with a name."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pydicom

from annotation.exchange import ExchangeError, read
from deidentify.errors import DeidentifyError
from deidentify.files import deidentify_file, text_of
from deidentify.gate.judge import judge
from deidentify.known import Known
from tests.deidentify.making import KNOWN
from tests.wire.making import Ask, Item, Told
from vslide.errors import SlideError
from vslide.inspect import inspect_file
from wire import WireError
from wire.message import Codec

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
ANSWER, TYPED = "answer", "typed"
Reader = Callable[[Path], str]


def gate(path: Path) -> str:
    """Never clean without having read it all; whatever it meets is a verdict."""
    verdict = judge(path, KNOWN, ocr="off")
    return ANSWER if verdict.state in ("clean", "found") else TYPED


def cleaner(path: Path) -> str:
    target = path.with_name("clean" + path.suffix)
    try:
        deidentify_file(path, target, Known.from_dict(KNOWN))
    except DeidentifyError:
        left = [file.name for file in path.parent.iterdir() if file != path]
        return f"left behind: {left}" if left else TYPED
    return ANSWER


def inspector(path: Path) -> str:
    try:
        inspect_file(path)
    except SlideError:
        return TYPED
    return ANSWER


def annotations(path: Path) -> str:
    try:
        read(path.read_bytes())
    except ExchangeError:
        return TYPED
    return ANSWER


def report(path: Path) -> str:
    try:
        text_of(path)
    except DeidentifyError:
        return TYPED
    return ANSWER


def frame(path: Path) -> str:
    """A frame of the protocol: decoded, or garbage by name."""
    with contextlib.suppress(WireError):
        Codec((Ask, Told, Item)).decode(path.read_bytes())
        return ANSWER
    return TYPED


READERS: dict[str, Reader] = {
    "gate": gate,
    "cleaner": cleaner,
    "inspector": inspector,
    "annotations": annotations,
    "report": report,
    "frame": frame,
}
