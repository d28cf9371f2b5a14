"""The slide passport for programs."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import audit
from core.roles import for_roles
from lims.guards import RECORD
from overview.passport import passport_of, slide_of


class PassportView(APIView):
    """A slide's whole story in one call. It names the patient, so every look is an audit row."""

    permission_classes = (for_roles(*RECORD),)

    @extend_schema(
        operation_id="slides_passport",
        tags=["slides"],
        parameters=[OpenApiParameter("barcode", OpenApiTypes.STR, OpenApiParameter.PATH)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, barcode: str) -> Response:
        slide = slide_of(barcode)
        audit.record(actor=request.user, action="passport.look", target=f"slide:{slide.barcode}")
        return Response(passport_of(slide))
