"""How much room a scan may still take: asked before it begins, because a disk that fills up at four in the
morning costs a night.
"""

from pathlib import Path

from vslide.layout import pixel_type
from vslide.model import SlideHeader

_LAYERS_AND_TABLES = 1.1


def bytes_still_needed(header: SlideHeader, planned: int, journal: Path) -> int:
    """Journal and slide of `planned` planes, uncompressed at worst; what the journal holds already needs no
    more room there.
    """
    colours = len(header.channels) // header.planes
    pixels = header.field_width * header.field_height * colours * pixel_type(header).itemsize * planned
    held = sum(file.stat().st_size for file in journal.glob("seg-*"))
    return int(_LAYERS_AND_TABLES * pixels) + max(0, pixels - held)
