"""The virtual slide: raw fields of view, kept losslessly, written through a journal, read from anywhere.

    with vslide.open("slide.h5") as slide:
        pixels = slide.region(0, 0, 1024, 1024, level=4)

Public names load their module on first use, so that a process which only checks a file does not pay for
OpenSlide, tifffile or ZeroMQ.
"""

import pkgutil
from typing import TYPE_CHECKING, Any

from vslide.errors import (
    AlreadyThere,
    Conflict,
    Damaged,
    IdentityRefused,
    InvalidHeader,
    JournalFailed,
    KeyMissing,
    KeyRefused,
    NoSpace,
    NoSuchField,
    NotASlide,
    SlideError,
    StaleFence,
    Truncated,
    UnsafeFile,
    VerifyFailed,
)
from vslide.model import RGB, Channel, Field, FieldKey, Plane, SlideHeader

if TYPE_CHECKING:
    from vslide.build import slide_path
    from vslide.inspect import inspect_file
    from vslide.journal import Journal, recover
    from vslide.keys import KeyRing
    from vslide.labels import label_image
    from vslide.manifest import Manifest, read_manifest
    from vslide.reader import SlideReader
    from vslide.reader import open_slide as open
    from vslide.verify import verify_slide

__all__ = [
    "RGB",
    "AlreadyThere",
    "Channel",
    "Conflict",
    "Damaged",
    "Field",
    "FieldKey",
    "IdentityRefused",
    "InvalidHeader",
    "Journal",
    "JournalFailed",
    "KeyMissing",
    "KeyRefused",
    "KeyRing",
    "Manifest",
    "NoSpace",
    "NoSuchField",
    "NotASlide",
    "Plane",
    "SlideError",
    "SlideHeader",
    "SlideReader",
    "StaleFence",
    "Truncated",
    "UnsafeFile",
    "VerifyFailed",
    "inspect_file",
    "label_image",
    "open",
    "read_manifest",
    "recover",
    "slide_path",
    "verify_slide",
]

_LAZY = {
    "Journal": "vslide.journal:Journal",
    "KeyRing": "vslide.keys:KeyRing",
    "Manifest": "vslide.manifest:Manifest",
    "SlideReader": "vslide.reader:SlideReader",
    "inspect_file": "vslide.inspect:inspect_file",
    "label_image": "vslide.labels:label_image",
    "open": "vslide.reader:open_slide",
    "read_manifest": "vslide.manifest:read_manifest",
    "recover": "vslide.journal:recover",
    "slide_path": "vslide.build:slide_path",
    "verify_slide": "vslide.verify:verify_slide",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"vslide has no {name}")
    return pkgutil.resolve_name(_LAZY[name])
