"""What a viewer that paints by itself asks for: header, histogram, stored chunks."""

import re
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase, JsonResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from core.errors import BadInput
from viewer import queries
from viewer.api.base import VERSION, SlideView
from viewer.frames import write_frames

_BLOCKS = re.compile(r"(\d{1,7})-(\d{1,7})", re.ASCII)
_CHANNELS = re.compile(r"\d{1,2}(,\d{1,2}){0,63}", re.ASCII)
_LEVEL = re.compile(r"\d{1,3}", re.ASCII)


class HeaderView(SlideView):
    @extend_schema(
        parameters=[VERSION], responses=OpenApiTypes.OBJECT, summary="What a viewer must know of a slide"
    )
    def get(self, request: Request, uid: UUID, **_: Any) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        return self.answer(
            request,
            virtual,
            "header",
            lambda: JsonResponse(queries.header(virtual)).content,
            "application/json",
        )


class HistogramView(SlideView):
    @extend_schema(
        parameters=[VERSION],
        responses=OpenApiTypes.OBJECT,
        summary="Histogram of the whole slide per channel, with a window",
    )
    def get(self, request: Request, uid: UUID, **_: Any) -> HttpResponseBase:
        virtual = self.slide(request, uid)

        def make() -> bytes:
            rows = [one.as_row() for one in queries.histograms(virtual)]
            return JsonResponse({"channels": rows}).content

        return self.answer(request, virtual, "histogram", make, "application/json")


class ChunksView(SlideView):
    """Stored bytes, unchanged, in one framed batch (viewer.frames)."""

    @extend_schema(
        parameters=[
            OpenApiParameter("level", int, required=True, description="downsample: 1, 4, 8, 16, 32"),
            OpenApiParameter("blocks", str, required=True, description="first-last"),
            OpenApiParameter("channels", str, required=True, description="0,1,2"),
            VERSION,
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        summary="A run of stored chunks",
    )
    def get(self, request: Request, uid: UUID, **_: Any) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        level, blocks, channels = _wanted(request)
        part = f"{level}-{blocks.start}-{blocks.stop}-{'.'.join(map(str, channels))}"

        def make() -> bytes:
            return write_frames(queries.chunks(virtual, level=level, blocks=blocks, channels=channels))

        return self.answer(request, virtual, part, make, "application/octet-stream")


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
