"""Who reads what, for programs."""

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import services
from annotation.guards import READERS
from annotation.models import Assignment
from core.models import User
from core.roles import Role, for_roles, has_role


class AssignmentOut(serializers.ModelSerializer[Assignment]):
    """Of a blind second reading its reader is not told that it is one."""

    slide = serializers.UUIDField(source="slide.uid")
    reader = serializers.CharField(source="reader.number")
    tissue = serializers.CharField(source="slide.case.tissue")
    stain = serializers.CharField(source="slide.stain")
    purpose = serializers.SerializerMethodField()
    priority = serializers.IntegerField(source="slide.case.priority")

    class Meta:
        model = Assignment
        fields = (
            "id", "slide", "reader", "purpose", "question", "tissue", "stain", "priority", "state", "due",
            "created_at", "opened_at", "ended_at", "minutes", "note",
        )  # fmt: skip

    def get_purpose(self, assignment: Assignment) -> str:
        asks = self.context.get("request")
        told = asks is not None and has_role(asks.user, Role.MANAGER)
        blind = assignment.purpose == Assignment.Purpose.SECOND and not told
        return str(Assignment.Purpose.FIRST if blind else assignment.purpose)


class SubmitIn(serializers.Serializer[Any]):
    """`answer` is what an opinion is asked for; `sitting` the id under which a page told its time before."""

    answer = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)
    sitting = serializers.UUIDField(required=False, allow_null=True, default=None)
    active_s = serializers.FloatField(min_value=0, required=False, allow_null=True, default=None)


class ReturnIn(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=500)


class Assignments(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Assignment]):
    """Who reads what. A pathologist sees their own list."""

    permission_classes = (for_roles(*READERS, Role.MANAGER),)
    serializer_class = AssignmentOut
    filterset_fields = ("state", "due")
    queryset = Assignment.objects.select_related("slide__block__specimen__case", "reader__user")

    def get_queryset(self) -> QuerySet[Assignment]:
        rows = super().get_queryset()
        if has_role(self.request.user, Role.MANAGER, Role.ADMINISTRATOR):
            return rows
        return rows.filter(reader__user=cast(User, self.request.user))

    @extend_schema(request=SubmitIn, responses=AssignmentOut)
    @action(detail=True, methods=["post"], permission_classes=[for_roles(*READERS)])
    def submit(self, request: Request, pk: int) -> Response:
        body = SubmitIn(data=request.data)
        body.is_valid(raise_exception=True)
        done = services.submit(
            assignment=self.get_object(),
            actor=cast(User, request.user),
            **body.validated_data,
        )
        return Response(self.get_serializer(done).data)

    @extend_schema(request=ReturnIn, responses=AssignmentOut)
    @action(detail=True, methods=["post"], url_path="return", url_name="return")
    def give_back(self, request: Request, pk: int) -> Response:
        body = ReturnIn(data=request.data)
        body.is_valid(raise_exception=True)
        done = services.take_back(
            assignment=self.get_object(), actor=cast(User, request.user), note=body.validated_data["note"]
        )
        return Response(self.get_serializer(done).data)
