"""What all addresses of a slide's pixels do alike: who may, entity tag, how long a cache keeps the answer."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseNotModified
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.authentication import SessionAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.errors import NotFound
from core.roles import EVERYONE, for_roles
from viewer import queries
from viewer.api.grants import ByRecentGrant, Grant, keep
from viewer.models import VirtualSlide
from viewer.signing import BySignature, Pass

FOREVER = "private, max-age=31536000, immutable"
REVALIDATE = "private, no-cache"

VERSION = OpenApiParameter("v", str, description="version of the slide; makes the answer immutable")
LOOK = [
    OpenApiParameter("channels", str, description="0,2: only these; all unless given"),
    OpenApiParameter("windows", str, description="100-4000,0-900: what is black and what is full, of each"),
    OpenApiParameter("gamma", str, description="1,0.7: the exponent of each"),
    OpenApiParameter("colours", str, description="4060ff,ff8000: the colour of each"),
    OpenApiParameter("z", int, description="focus layer; the middle one unless given"),
    OpenApiParameter("t", int, description="time point"),
    VERSION,
]
PICTURE = {(200, "image/jpeg"): OpenApiTypes.BINARY, (200, "image/png"): OpenApiTypes.BINARY}


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

    authentication_classes = [BySignature, ByRecentGrant, SessionAuthentication]
    permission_classes = [for_roles(*EVERYONE)]
    content_negotiation_class = AsItIs
    http_method_names = ["get", "head", "options"]

    def slide(self, request: Request, uid: UUID) -> VirtualSlide:
        """The pixels of a slide for who asks. Below a signed address there is one slide, in one version."""
        shown = request.auth
        if isinstance(shown, Grant):
            return shown.virtual
        virtual = queries.visible(user=request.user, uid=uid)
        if isinstance(shown, Pass) and not shown.opens(uid, queries.version_of(virtual)):
            raise NotFound("There is no such slide below this signed address.", slide=str(uid))
        keep(request, virtual)
        return virtual

    def answer(
        self,
        request: Request,
        virtual: VirtualSlide,
        part: str,
        make: Callable[[], bytes],
        content_type: str,
    ) -> HttpResponse:
        """`make()` gives the body; `part` names it among the slide's addresses."""
        etag = f'"{queries.version_of(virtual)}-{part}"'
        response: HttpResponse
        if etag in request.headers.get("If-None-Match", ""):
            response = HttpResponseNotModified()
        else:
            response = HttpResponse(make(), content_type=content_type)
        response["ETag"] = etag
        response["Cache-Control"] = _kept(request, virtual)
        response["X-Content-Type-Options"] = "nosniff"
        return response

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        # Any page may ask, and gets what anybody gets: a browser sends no cookie along with such a request.
        response.headers["Access-Control-Allow-Origin"] = "*"
        return super().finalize_response(request, response, *args, **kwargs)


def _kept(request: Request, virtual: VirtualSlide) -> str:
    if isinstance(request.auth, Pass):
        return f"private, max-age={request.auth.seconds_left}"
    versioned = request.query_params.get("v") == queries.version_of(virtual)
    return FOREVER if versioned else REVALIDATE
