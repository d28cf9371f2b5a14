"""IIIF Image API 3, level 2 (and mirroring, any angle, enlarging): https://iiif.io/api/image/3.0/"""

import json
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase, HttpResponseRedirect
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from viewer.addressing import (
    MOST_PX,
    MOST_SIDE,
    TILE_SIZE,
    iiif_region,
    iiif_rotation,
    iiif_size,
    scale_factors,
)
from viewer.api.base import LOOK, PICTURE, SlideView
from viewer.encoding import QUALITIES, content_type, encoded, toned, turned
from viewer.looks import look_of
from viewer.models import VirtualSlide
from viewer.pictures import picture

_CONTEXT = "http://iiif.io/api/image/3/context.json"
_LINK = '<http://iiif.io/api/image/3/level2.json>;rel="profile"'
_LINKED_DATA = "application/ld+json"
_EXTRA = ["mirroring", "profileLinkHeader", "rotationArbitrary", "sizeUpscaling"]


class BaseView(SlideView):
    @extend_schema(responses={303: None}, summary="IIIF: the base address leads to info.json")
    def get(self, request: Request, uid: UUID, **_: Any) -> HttpResponseBase:
        self.slide(request, uid)
        response = HttpResponseRedirect(f"{request.path}/info.json")
        response.status_code = 303
        return response


class InfoView(SlideView):
    @extend_schema(responses=OpenApiTypes.OBJECT, summary="IIIF: what the image offers")
    def get(self, request: Request, uid: UUID, **_: Any) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        base = request.build_absolute_uri(request.path.removesuffix("/info.json"))
        linked = _LINKED_DATA in request.headers.get("Accept", "")
        kind = f'{_LINKED_DATA};profile="{_CONTEXT}"' if linked else "application/json"
        body = json.dumps(_info(virtual, base)).encode()
        response = self.answer(request, virtual, "info", lambda: body, kind)
        response["Vary"] = "Accept"
        response["Link"] = _LINK
        return response


class ImageView(SlideView):
    @extend_schema(
        parameters=[
            OpenApiParameter(
                "region", str, OpenApiParameter.PATH, description="full, square, x,y,w,h, pct:x,y,w,h"
            ),
            OpenApiParameter(
                "size", str, OpenApiParameter.PATH, description="max, pct:n, w,  ,h  w,h  !w,h; ^"
            ),
            OpenApiParameter("rotation", str, OpenApiParameter.PATH, description="0 to 360; ! mirrors first"),
            OpenApiParameter("quality", str, OpenApiParameter.PATH, enum=QUALITIES),
            *LOOK,
        ],
        responses=PICTURE,
        summary="IIIF: an image",
    )
    def get(
        self,
        request: Request,
        uid: UUID,
        region: str,
        size: str,
        rotation: str,
        quality: str,
        kind: str,
        **_: Any,
    ) -> HttpResponseBase:
        virtual = self.slide(request, uid)
        box = iiif_region(region, (virtual.width, virtual.height))
        wanted, turn, look = iiif_size(size, box), iiif_rotation(rotation), look_of(request.query_params)

        def make() -> bytes:
            seen = picture(virtual, box, wanted, look)
            return encoded(toned(turned(seen, turn), quality), kind)

        way = f"{'m' if turn.mirrored else ''}{turn.degrees:g}"
        part = f"iiif-{'.'.join(map(str, (*box, *wanted)))}-{way}-{quality}-{look.key}-{kind}"
        response = self.answer(request, virtual, part, make, content_type(kind))
        response["Link"] = _LINK
        return response


def _info(virtual: VirtualSlide, base: str) -> dict[str, Any]:
    slide = virtual.width, virtual.height
    factors = scale_factors(slide)
    return {
        "@context": _CONTEXT,
        "id": base,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level2",
        "width": virtual.width,
        "height": virtual.height,
        "maxArea": MOST_PX,
        "maxWidth": MOST_SIDE,
        "maxHeight": MOST_SIDE,
        "sizes": [
            {"width": -(-virtual.width // factor), "height": -(-virtual.height // factor)}
            for factor in reversed(factors)
        ],
        "tiles": [{"width": TILE_SIZE, "scaleFactors": factors}],
        "extraFormats": [],
        "extraQualities": list(QUALITIES[1:]),
        "extraFeatures": _EXTRA,
    }
