"""Every attempt at every slide, for programs: the queue, and stopping what is under the lens."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.roles import for_roles
from scanning import services
from scanning.guards import HANDS, LOOKERS
from scanning.models import Attempt


class AttemptOut(serializers.ModelSerializer[Attempt]):
    slide = serializers.SlugRelatedField[Any](slug_field="barcode", read_only=True)
    slot = serializers.CharField(source="slot.__str__", read_only=True)

    class Meta:
        model = Attempt
        fields = [
            "id",
            "slide",
            "number",
            "slot",
            "state",
            "reason",
            "message",
            "parameters",
            "done_planes",
            "planned_planes",
            "takeovers",
            "order",
            "stop_by",
            "stop_reason",
            "queued_at",
            "started_at",
            "acquired_at",
            "ended_at",
        ]


class StopIn(serializers.Serializer[Any]):
    fate = serializers.ChoiceField(choices=Attempt.Fate.choices)
    reason = serializers.CharField(max_length=200)


class QueueMoveIn(serializers.Serializer[Any]):
    to = serializers.ChoiceField(choices=["first", "up", "down", "last"])


class Attempts(viewsets.ReadOnlyModelViewSet[Attempt]):
    queryset = Attempt.objects.select_related("slide", "slot__carousel", "night__scanner").order_by("id")
    serializer_class = AttemptOut
    permission_classes = [for_roles(*LOOKERS, write=HANDS)]
    filterset_fields: ClassVar = {"slide__barcode": ["exact"], "state": ["exact"], "night__batch": ["exact"]}

    @extend_schema(request=StopIn, responses=AttemptOut)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Stop the slide under the lens after its field: it fails, or comes again at the end of the queue."""
        given = StopIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.abort(attempt=self.get_object(), actor=request.user, **given.validated_data)
        return Response(AttemptOut(self.get_object()).data)

    @extend_schema(request=QueueMoveIn, responses=AttemptOut)
    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: str) -> Response:
        """Change a waiting slide's place in the queue."""
        given = QueueMoveIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.move(attempt=self.get_object(), to=given.validated_data["to"], actor=request.user)
        return Response(AttemptOut(self.get_object()).data)
