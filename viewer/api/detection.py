"""What programs see on a slide: which there are, overlay tiles, outlines."""

import hashlib
import json
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from viewer.addressing import iiif_region, viewer_tile
from viewer.api.base import VERSION, SlideView
from viewer.detecting import coarsest, found, overlay, pipeline_of
from viewer.detection import PIPELINES
from viewer.encoding import encoded
from viewer.models import VirtualSlide


class DetectorsView(SlideView):
    @extend_schema(
        parameters=[VERSION], responses=OpenApiTypes.OBJECT, summary="The detectors, and their parameters"
    )
    def get(self, request: Request, uid: UUID, **_: Any) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        body = json.dumps({"detectors": _detectors(virtual)}).encode()
        part = f"detectors-{hashlib.sha256(body).hexdigest()[:16]}"
        return self.answer(request, virtual, part, lambda: body, "application/json")


class OverlayView(SlideView):
    @extend_schema(
        parameters=[VERSION],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
        summary="What a detector sees, as a tile of the viewer's grid; its parameters as the query",
    )
    def get(
        self, request: Request, uid: UUID, name: str, level: int, column: int, row: int, **_: Any
    ) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        pipeline = pipeline_of(name)
        values = pipeline.values(request.query_params)
        box, _size = viewer_tile(level, column, row, (virtual.width, virtual.height))
        part = f"{pipeline.name}-{pipeline.version}-{level}-{column}-{row}-{_key(values)}"
        return self.answer(
            request,
            virtual,
            part,
            lambda: encoded(overlay(virtual, pipeline, values, box), "png"),
            "image/png",
        )


class FoundView(SlideView):
    @extend_schema(
        parameters=[
            OpenApiParameter("box", str, description="x,y,w,h in px of level 1; all unless given"),
            VERSION,
        ],
        responses=OpenApiTypes.OBJECT,
        summary="What a detector sees in a box: how many, and their outlines in px of level 1",
    )
    def get(self, request: Request, uid: UUID, name: str, **_: Any) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        pipeline = pipeline_of(name)
        values = pipeline.values(request.query_params)
        box = iiif_region(request.query_params.get("box") or "full", (virtual.width, virtual.height))

        def make() -> bytes:
            seen = found(virtual, pipeline, values, box)
            return json.dumps({"thing": pipeline.thing, "count": len(seen), "outlines": seen}).encode()

        part = f"{pipeline.name}-{pipeline.version}-{'.'.join(map(str, box))}-{_key(values)}"
        return self.answer(request, virtual, part, make, "application/json")


def _key(values: dict[str, float]) -> str:
    return "_".join(f"{value:g}" for value in values.values())


def _detectors(virtual: VirtualSlide) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "version": one.version,
            "title": one.title,
            "thing": one.thing,
            "legend": one.legend,
            "coarsest": coarsest(one, virtual),
            "parameters": [
                {
                    "name": each.name,
                    "title": each.title,
                    "low": each.low,
                    "high": virtual.channels - 1 if each.name == "channel" else each.high,
                    "usual": each.usual,
                    "step": each.step,
                }
                for each in one.parameters
            ],
        }
        for one in PIPELINES.values()
    ]
