"""Our own HDF5 slides: copied by the package that knows the format, under a new random identifier."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deidentify.errors import BrokenInput, NoSpace, UnknownContent, UnsupportedFormat
from deidentify.images.painting import Box
from vslide.clean import copy_clean
from vslide.errors import IdentityRefused, NoSuchField, NotASlide, SlideError, UnsafeFile


def clean_mosaic(source: Path, destination: Path, boxes: Sequence[Box] = ()) -> dict[str, Any]:
    """Write the clean slide to ``destination``, which must not exist. ``boxes`` are made plain."""
    try:
        header = copy_clean(source, destination, covered=boxes)
    except (IdentityRefused, UnsafeFile) as error:
        raise UnknownContent("HDF5 content", f"{error}: the slide stays here") from error
    except NotASlide as error:
        raise UnsupportedFormat("an HDF5 file that is no virtual slide of ours") from error
    except (SlideError, NoSuchField, LookupError, RuntimeError, ValueError) as error:
        raise BrokenInput(str(error)) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise NoSpace(f"HDF5 could not write: {error}") from error
    return {"slide_id": header.slide_id, "channels": len(header.channels), "covered": len(boxes)}
