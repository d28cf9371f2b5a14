"""Composed pictures: the viewer's tiles, Deep Zoom, thumbnails, regions in µm."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from core.errors import BadInput
from viewer.addressing import TILE_SIZE, Box, Size, deep_zoom_tile, micrometres, viewer_tile, within
from viewer.api.base import LOOK, PICTURE, VERSION, SlideView
from viewer.encoding import content_type, encoded
from viewer.looks import look_of
from viewer.models import VirtualSlide
from viewer.pictures import picture

THUMBNAIL = 512
_SMALLEST, _LARGEST = 16, 4096


class PictureView(SlideView):
    """One part of a slide at one size."""

    def painted(
        self, request: Request, virtual: VirtualSlide, place: tuple[Box, Size], kind: str = "jpg"
    ) -> HttpResponseBase:
        (box, size), look = place, look_of(request.query_params)
        part = f"{'.'.join(map(str, (*box, *size)))}-{look.key}-{kind}"
        return self.answer(
            request,
            virtual,
            part,
            lambda: encoded(picture(virtual, box, size, look), kind),
            content_type(kind),
        )


class TileView(PictureView):
    @extend_schema(
        parameters=LOOK, responses=PICTURE, summary="A tile of the viewer's grid, level 0 full size"
    )
    def get(
        self, request: Request, uid: UUID, level: int, column: int, row: int, **_: Any
    ) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        place = viewer_tile(level, column, row, (virtual.width, virtual.height))
        return self.painted(request, virtual, place)


class DeepZoomView(SlideView):
    @extend_schema(
        parameters=[VERSION],
        responses={(200, "application/xml"): OpenApiTypes.STR},
        summary="Deep Zoom: the descriptor. Its parameters go on to the tiles",
    )
    def get(self, request: Request, uid: UUID, **_: Any) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="jpg" Overlap="0" '
            f'TileSize="{TILE_SIZE}"><Size Width="{virtual.width}" Height="{virtual.height}"/></Image>\n'
        )
        return self.answer(request, virtual, "dzi", text.encode, "application/xml")


class DeepZoomTileView(PictureView):
    @extend_schema(parameters=LOOK, responses=PICTURE, summary="Deep Zoom: a tile, level 0 being 1 x 1 px")
    def get(
        self, request: Request, uid: UUID, level: int, column: int, row: int, kind: str, **_: Any
    ) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        place = deep_zoom_tile(level, column, row, (virtual.width, virtual.height))
        return self.painted(request, virtual, place, kind)


class ThumbnailView(PictureView):
    @extend_schema(
        parameters=[OpenApiParameter("px", int, description="the longer side, 512 unless given"), *LOOK],
        responses=PICTURE,
        summary="The whole slide, small",
    )
    def get(self, request: Request, uid: UUID, **_: Any) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        slide = (virtual.width, virtual.height)
        size = within(slide, _longest(request) or THUMBNAIL)
        return self.painted(request, virtual, (Box(0, 0, *slide), size))


class RegionView(PictureView):
    @extend_schema(
        parameters=[
            OpenApiParameter("um", str, required=True, description="x,y,width,height in µm from the corner"),
            OpenApiParameter("px", int, description="the longer side of the picture; full size unless given"),
            *LOOK,
        ],
        responses=PICTURE,
        summary="A region in µm",
    )
    def get(self, request: Request, uid: UUID, kind: str, **_: Any) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        place = micrometres(request.query_params.get("um", ""), virtual.pixel_size_um, _longest(request))
        return self.painted(request, virtual, place, kind)


def _longest(request: Request) -> int | None:
    given = request.query_params.get("px")
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and _SMALLEST <= int(given[:9]) <= _LARGEST):
        raise BadInput(f"px is {_SMALLEST} to {_LARGEST}.", px=given)
    return int(given)
