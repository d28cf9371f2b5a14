"""A DICOM file of unknown origin is opened: plain transfer syntaxes only, and no parser's error gets out."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from annotation.exchange.errors import NotReadable, UnsupportedFormat

SIGNATURE: Final = slice(128, 132)
META_LENGTH: Final = slice(132, 144)  # (0002,0000) UL, four bytes long
# What pydicom raises for files that say nonsense: when it parses them, and later when a value is looked at.
PARSING: Final = (
    ValueError, TypeError, AttributeError, LookupError, EOFError, OSError, OverflowError, NotImplementedError,
    RecursionError, AssertionError, MemoryError, struct.error, BytesLengthException, InvalidDicomError,
)  # fmt: skip


def is_dicom(content: bytes) -> bool:
    return content[SIGNATURE] == b"DICM"


@contextmanager
def opened(content: bytes) -> Iterator[Dataset]:
    """The data set; what goes wrong while it is looked at comes out as NotReadable."""
    try:
        with warnings.catch_warnings():  # pydicom warns about odd values of fields that we do not read
            warnings.simplefilter("ignore")
            _check_syntax(content)
            yield dcmread(BytesIO(content))
    except PARSING as error:
        raise NotReadable(f"This DICOM file is broken: {error}"[:300]) from error


def _check_syntax(content: bytes) -> None:
    """Before anything is parsed: a deflated file could grow without end."""
    head = content[META_LENGTH]
    if head[:8] != b"\x02\x00\x00\x00UL\x04\x00" or len(head) < 12:
        raise NotReadable("This DICOM file does not begin with its file meta information.")
    end = META_LENGTH.stop + int.from_bytes(head[8:], "little")
    try:
        meta = dcmread(BytesIO(content[:end])).file_meta
        syntax = meta.TransferSyntaxUID
    except PARSING as error:
        raise NotReadable("The file meta information of this DICOM file is broken.") from error
    if syntax not in {ExplicitVRLittleEndian, ImplicitVRLittleEndian}:
        raise UnsupportedFormat(f"DICOM annotations in the transfer syntax {str(syntax)[:64]} are not read.")
