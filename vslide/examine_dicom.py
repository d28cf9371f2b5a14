"""Looking at an untrusted DICOM file: its structure, and what each frame's own header declares."""

import os
from collections.abc import Iterator
from pathlib import Path

from vslide.dicom_image import DicomImage, check_stream, read_image
from vslide.errors import SlideError

_HEADER_BYTES = 16 << 10
"""Of each frame this much is read to find its size: an ICC profile may stand before it."""


def reasons(path: Path) -> Iterator[str]:
    """Why the file must not be opened; none for one that may."""
    try:
        image = read_image(path)
        if image.encoding != "raw":
            with path.open("rb", buffering=0) as stream:
                _check_frames(image, stream.fileno())
    except SlideError as error:
        yield str(error)


def _check_frames(image: DicomImage, handle: int) -> None:
    fragments = image.fragments
    for first in fragments.first[:-1].tolist():
        size = min(int(fragments.sizes[first]), _HEADER_BYTES)
        check_stream(image, os.pread(handle, size, int(fragments.offsets[first])))
