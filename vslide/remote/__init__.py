"""A slide on another machine, read like one that is here.

A finished mosaic is put together here, out of stored chunks: compressed bytes travel and are decoded by the
code that reads a file (`mosaic`). Everything else, and a mosaic on request, comes as pixels (`slide`).
"""

from vslide.errors import NotASlide
from vslide.remote.link import DealerLink
from vslide.remote.mosaic import RemoteMosaic
from vslide.remote.slide import RemoteSlide
from vslide.remote.source import Source
from wire import Security

__all__ = ["DealerLink", "RemoteMosaic", "RemoteSlide", "open_remote", "open_through"]


def open_remote(
    source: str,
    *,
    security: Security | None = None,
    pixels: bool = False,
    read_ahead: bool = True,
) -> "RemoteSlide | RemoteMosaic":
    """Open ``tcp://host:port#path below the dealer's root``, ``ipc://…#…`` or, with keys,
    ``tcp://host:port?keys=FILE&server=FILE#…``.

    With ``pixels`` regions come ready made from the dealer: for single tiles here and there. The default asks
    for stored chunks: the dealer only passes bytes on, every reader decodes with a core of its own, and a
    chunk serves all looks at it (`./nocturne bench remote`: `region` beside `tile`). Over a network a third
    of the bytes travel.

    Raises NotASlide, DealerLost, and what a local reader raises.
    """
    address, _, slide = source.partition("#")
    if not slide:
        raise NotASlide(f"{source}: a remote slide is ENDPOINT#SLIDE")
    link = DealerLink(address, security=security)
    try:
        return open_through(link, slide, pixels=pixels, read_ahead=read_ahead, own=True)
    except BaseException:
        link.close()
        raise


def open_through(
    link: DealerLink,
    slide: str,
    *,
    hops: int = 0,
    pixels: bool = False,
    read_ahead: bool = True,
    own: bool = False,
) -> "RemoteSlide | RemoteMosaic":
    """Open a slide over a link that others may use as well; with ``own`` it is closed with the slide."""
    source = Source(link, slide, hops, own)
    if source.header is None or source.about.snapshot or pixels:
        return RemoteSlide(source, read_ahead=read_ahead)
    return RemoteMosaic(source, source.header, read_ahead=read_ahead)
