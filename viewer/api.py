"""The viewer's addresses for programs: header, histogram, stored chunks, composed tiles; cached for ever."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, HttpResponseNotModified, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from core.errors import BadInput
from core.roles import EVERYONE, for_roles
from viewer import queries
from viewer.frames import write_frames
from viewer.models import VirtualSlide
from viewer.tiles import compose, jpeg

_BLOCKS = re.compile(r"(\d{1,7})-(\d{1,7})")
_CHANNELS = re.compile(r"\d{1,2}(,\d{1,2}){0,63}")
_LEVEL = re.compile(r"\d{1,3}")
FOREVER = "private, max-age=31536000, immutable"
REVALIDATE = "private, no-cache"


class AsItIs(BaseContentNegotiation):
    """Each address has one representation, whatever a browser's <img> or fetch says it would like."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class SlideView(APIView):
    """Permission on the object first; then the entity tag; only then the file."""

    permission_classes = [for_roles(*EVERYONE)]
    content_negotiation_class = AsItIs
    http_method_names = ["get", "head", "options"]

    def answer(
        self, request: Request, uid: UUID, part: str, make: Callable[[VirtualSlide], bytes], content_type: str
    ) -> HttpResponseBase:
        """`make(virtual)` gives the body; `part` names it among the slide's addresses."""
        virtual = queries.visible(user=request.user, uid=uid)
        etag = f'"{queries.version_of(virtual)}-{part}"'
        versioned = request.query_params.get("v") == queries.version_of(virtual)
        response: HttpResponse
        if etag in request.headers.get("If-None-Match", ""):
            response = HttpResponseNotModified()
        else:
            response = HttpResponse(make(virtual), content_type=content_type)
        response["ETag"] = etag
        response["Cache-Control"] = FOREVER if versioned else REVALIDATE
        response["X-Content-Type-Options"] = "nosniff"
        return response


class HeaderView(SlideView):
    @extend_schema(responses=OpenApiTypes.OBJECT, summary="What a viewer must know of a slide")
    def get(self, request: Request, uid: UUID) -> HttpResponseBase:
        def make(virtual: VirtualSlide) -> bytes:
            return JsonResponse(queries.header(virtual)).content

        return self.answer(request, uid, "header", make, "application/json")


class HistogramView(SlideView):
    @extend_schema(
        responses=OpenApiTypes.OBJECT, summary="Histogram of the whole slide per channel, with a window"
    )
    def get(self, request: Request, uid: UUID) -> HttpResponseBase:
        def make(virtual: VirtualSlide) -> bytes:
            found = queries.histograms(virtual)
            rows = [
                {"counts": h.counts, "top": h.top, "autoLow": h.auto_low, "autoHigh": h.auto_high}
                for h in found
            ]
            return JsonResponse({"channels": rows}).content

        return self.answer(request, uid, "histogram", make, "application/json")


class ChunksView(SlideView):
    """Stored bytes, unchanged, in one framed batch (viewer.frames)."""

    @extend_schema(
        parameters=[
            OpenApiParameter("level", int, required=True, description="downsample: 1, 4, 8, 16, 32"),
            OpenApiParameter("blocks", str, required=True, description="first-last"),
            OpenApiParameter("channels", str, required=True, description="0,1,2"),
            OpenApiParameter("v", str, description="version of the slide; makes the answer immutable"),
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        summary="A run of stored chunks",
    )
    def get(self, request: Request, uid: UUID) -> HttpResponseBase:
        level, blocks, channels = _wanted(request)
        part = f"{level}-{blocks.start}-{blocks.stop}-{'.'.join(map(str, channels))}"

        def make(virtual: VirtualSlide) -> bytes:
            return write_frames(queries.chunks(virtual, level=level, blocks=blocks, channels=channels))

        return self.answer(request, uid, part, make, "application/octet-stream")


def _wanted(request: Request) -> tuple[int, range, tuple[int, ...]]:
    given = request.query_params
    level = _LEVEL.fullmatch(given.get("level", ""))
    blocks = _BLOCKS.fullmatch(given.get("blocks", ""))
    channels = _CHANNELS.fullmatch(given.get("channels", ""))
    if not (level and blocks and channels):
        raise BadInput("Say level=4, blocks=0-7 and channels=0,1,2.")
    run = range(int(blocks[1]), int(blocks[2]) + 1)
    numbers = tuple(int(number) for number in channels[0].split(","))
    if not run or len(run) * len(numbers) > queries.MAX_CHUNKS:
        raise BadInput(f"One batch has 1 to {queries.MAX_CHUNKS} chunks.", chunks=len(run) * len(numbers))
    return int(level[0]), run, numbers


class TileView(SlideView):
    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY}, summary="A composed tile")
    def get(self, request: Request, uid: UUID, level: int, column: int, row: int) -> HttpResponseBase:
        def make(virtual: VirtualSlide) -> bytes:
            raw = queries.tile(virtual, level=level, column=column, row=row)
            return jpeg(compose(raw, queries.windows(virtual)))

        return self.answer(request, uid, f"tile-{level}-{column}-{row}", make, "image/jpeg")


class ThumbnailView(SlideView):
    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY}, summary="The whole slide, small")
    def get(self, request: Request, uid: UUID) -> HttpResponseBase:
        def make(virtual: VirtualSlide) -> bytes:
            return jpeg(compose(queries.thumbnail(virtual), queries.windows(virtual)))

        return self.answer(request, uid, "thumbnail", make, "image/jpeg")
