"""Slides for other programs: OME-TIFF, Aperio-style .svs, OME-Zarr, DICOM, and a reference into our own file.

docs/exports.md says which format is for whom.
"""

import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

from vslide.errors import NotASlide
from vslide.export.common import Options, Progress, Source, no_progress, published
from vslide.reader import SlideReader

# Named, not imported: each brings a library (tifffile, pydicom) that the others never need.
FORMATS = {
    "ome-tiff": "vslide.export.ome_tiff:write",
    "svs": "vslide.export.svs:write",
    "ome-zarr": "vslide.export.ome_zarr:write",
    "dicom": "vslide.export.dicom:write",
    "reference": "vslide.export.reference:write",
}


def export(
    slide: SlideReader,
    output: Path,
    kind: str,
    options: Options | None = None,
    progress: Progress = no_progress,
) -> None:
    """Write `output`, which must not exist, in the format `kind`; OME-Zarr and DICOM make a directory.

    `progress(done, total)` is called in px now and then. The output appears under its name when it is
    complete and on the disk; a failure leaves nothing. Raises AlreadyThere, or NotASlide when the format
    cannot hold this slide.
    """
    if kind not in FORMATS:
        raise NotASlide(f"no format {kind!r}, one of {', '.join(FORMATS)}")
    write = cast(Callable[[Source, Path], None], pkgutil.resolve_name(FORMATS[kind]))
    with published(output) as draft:
        write(Source(slide, options or Options(), progress), draft)
