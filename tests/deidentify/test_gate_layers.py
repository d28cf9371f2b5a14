"""What the gate opens, and the writings in which it knows a value again."""

import bz2
import functools
import gzip
import io
import json
import lzma
import random
import zipfile
import zlib
from pathlib import Path

import pytest

from deidentify.gate.blobs import walk_blob
from deidentify.gate.errors import CannotJudge
from deidentify.gate.judge import judge
from deidentify.gate.streams import Budget
from deidentify.gate.values import parse_known
from tests.deidentify.making import KNOWN, PERSON
from tests.faults.canaries.reports import REPORTS
from tests.faults.canaries.slides import DICOMS, aperio, dicom, within

NAME = PERSON.encode()
QUOTED = "".join(f"={byte:02X}" for byte in NAME).encode()
WRITINGS = {
    "utf-32-le": PERSON.encode("utf-32-le"),
    "utf-32-be": PERSON.encode("utf-32-be"),
    "spaced hex": NAME.hex(" ").encode(),
    "hex of C": b", ".join(b"0x%02x" % byte for byte in NAME),
    "numbers": b", ".join(b"%d" % byte for byte in NAME),
    "decimal entities": "".join(f"&#{byte};" for byte in NAME).encode(),
    "hexadecimal entities": "".join(f"&#x{byte:x};" for byte in NAME).encode(),
    "octal escapes": "".join(f"\\{byte:03o}" for byte in NAME).encode(),
    "URL twice": "".join(f"%25{byte:02X}" for byte in NAME).encode(),
    "quoted-printable": QUOTED,
    "base64 for URLs": b"w7_DvyBRdWVudGluIFZhbmRlcm1lZXI",
}


def state(tmp_path: Path, content: bytes) -> str:
    file = tmp_path / "a.bin"
    file.write_bytes(content)
    return judge(file, parse_known(json.dumps(KNOWN)), ocr="off").state


@pytest.mark.parametrize("writing", WRITINGS)
def test_it_knows_a_name_in_other_writings(tmp_path: Path, writing: str) -> None:
    assert state(tmp_path, b"of " + WRITINGS[writing] + b" later") == "found"
    assert state(tmp_path, b"\x00\x01\xfe of " + WRITINGS[writing] + b" later\xff") == "found"


@pytest.mark.parametrize("value", [b"03 - 09 - 1957", b"1957|03|09", b"0 0 4 8 1 5 1 6"])
def test_it_knows_a_value_whose_separators_were_changed(tmp_path: Path, value: bytes) -> None:
    assert state(tmp_path, b"of " + value + b"; later") == "found"


@pytest.mark.parametrize(
    "pack", [functools.partial(gzip.compress, mtime=0), zlib.compress, bz2.compress, lzma.compress]
)
def test_it_opens_what_is_packed(tmp_path: Path, pack) -> None:
    assert state(tmp_path, pack(b"of " + NAME)) == "found"
    store = io.BytesIO()
    with zipfile.ZipFile(store, "w") as archive:
        archive.writestr("x", pack(b"of " + NAME))
    assert state(tmp_path, store.getvalue()) == "found"


@pytest.mark.parametrize(
    "magic",
    [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x28\xb5\x2f\xfd"],
)
def test_it_judges_no_file_with_a_container_that_it_does_not_open(tmp_path: Path, magic: bytes) -> None:
    store = io.BytesIO()
    with zipfile.ZipFile(store, "w") as archive:
        archive.writestr("x", magic + bytes(99))
    assert state(tmp_path, store.getvalue()) == "unknown"


def test_it_stops_at_a_bomb() -> None:
    bomb = gzip.compress(bytes(1 << 20), 9, mtime=0)
    with pytest.raises(CannotJudge, match="inflates"):
        list(walk_blob("x", bomb, Budget(inflated=1 << 16)))


def test_it_makes_no_find_in_noise(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(random.Random(5).randbytes(2_000_000))
    verdict = judge(file, parse_known(json.dumps(KNOWN)), ocr="off")
    assert (verdict.state, verdict.hits) == ("unknown", [])


@pytest.mark.parametrize("place", [place for place in REPORTS if place.startswith(("pdf", "rtf"))])
def test_it_reads_pdf_and_rtf_to_their_last_layer(tmp_path: Path, place: str) -> None:
    assert state(tmp_path, REPORTS[place](NAME)) == "found"


def test_it_reads_no_encrypted_pdf(tmp_path: Path) -> None:
    assert (
        state(tmp_path, REPORTS["pdf: information"](b"x").replace(b"/Root", b"/Encrypt 1 0 R /Root"))
        == "unknown"
    )


@pytest.mark.parametrize("kind", ["LABEL", "OVERVIEW"])
def test_a_dicom_label_is_a_finding_by_itself(tmp_path: Path, kind: str) -> None:
    def change(data, planted: bytes) -> None:
        data.ImageType = ["ORIGINAL", "PRIMARY", kind, "NONE"]

    assert state(tmp_path, dicom(change, b"")) == "found"


def test_it_passes_slides_that_name_nobody(tmp_path: Path) -> None:
    assert state(tmp_path, aperio()) == "clean"
    assert state(tmp_path, DICOMS["dicom: institution"](b"Here")) == "clean"
    assert state(tmp_path, within(0x00400560, 0x00400602, "UT")(b"prostate")) == "clean"
