"""A signed address, on request."""

from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import audit
from core.models import User
from core.roles import EVERYONE, for_roles
from viewer import queries
from viewer.signing import LONGEST_S, SHORTEST_S, USUAL_S, sign


class SignIn(serializers.Serializer[Any]):
    seconds = serializers.IntegerField(min_value=SHORTEST_S, max_value=LONGEST_S, default=USUAL_S)


class SignedOut(serializers.Serializer[Any]):
    """Addresses that need no session. `base` is what stands before every address of the slide's pixels."""

    base = serializers.CharField()
    deep_zoom = serializers.CharField()
    iiif = serializers.CharField()
    thumbnail = serializers.CharField()
    ends = serializers.DateTimeField()


class SignView(APIView):
    """For who may see the slide now; recorded, since it opens the slide to whoever holds the address."""

    permission_classes = [for_roles(*EVERYONE)]

    @extend_schema(request=SignIn, responses=SignedOut, summary="Sign an address of this slide")
    def post(self, request: Request, uid: UUID) -> Response:
        virtual = queries.visible(user=request.user, uid=uid)
        body = SignIn(data=request.data)
        body.is_valid(raise_exception=True)
        person, seconds = cast(User, request.user), body.validated_data["seconds"]
        token, made = sign(person=person, uid=uid, version=queries.version_of(virtual), seconds=seconds)
        audit.record(actor=person, action="viewer.sign", target=f"slide:{uid}", seconds=seconds)

        def address(name: str) -> str:
            return str(request.build_absolute_uri(reverse(f"viewer:signed:{name}", args=[token, uid])))

        thumbnail = address("thumbnail")
        addresses = {
            "base": thumbnail.removesuffix(f"{uid}/thumbnail.jpg"),
            "deep_zoom": address("deep-zoom"),
            "iiif": address("iiif-info"),
            "thumbnail": thumbnail,
        }
        return Response({**addresses, "ends": datetime.fromtimestamp(made.ends, UTC)})
