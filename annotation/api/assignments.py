"""Who reads what, for programs."""

import re
from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import queries, services
from annotation.guards import READERS, may_work_on
from annotation.models import Assignment, Reader
from core.errors import NotFound
from core.models import User
from core.roles import Role, for_roles, has_role
from lims.models import Slide


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


@extend_schema_field(OpenApiTypes.STR)
class ReaderNumber(serializers.RelatedField[Reader, str, str]):
    """A colleague, by the number that the list of colleagues has."""

    default_error_messages = {"unknown": "There is no reader {number}."}

    def get_queryset(self) -> QuerySet[Reader]:
        return Reader.objects.select_related("user")

    def to_internal_value(self, data: str) -> Reader:
        found = re.fullmatch(r"reader-(\d{3,9})", str(data), re.ASCII)
        reader = self.get_queryset().filter(pk=int(found[1])).first() if found else None
        if reader is None:
            self.fail("unknown", number=str(data)[:20])
        return reader

    def to_representation(self, value: Any) -> str:
        return str(value.number)


class TakeIn(serializers.Serializer[Any]):
    slide = serializers.UUIDField()


class DelegateIn(serializers.Serializer[Any]):
    to = ReaderNumber(queryset=Reader.objects.all())
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)


class RecuseIn(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class OpinionIn(serializers.Serializer[Any]):
    to = ReaderNumber(queryset=Reader.objects.all())
    question = serializers.CharField(max_length=500)


class ColleagueOut(serializers.Serializer[Any]):
    number = serializers.CharField(source="reader.number")
    name = serializers.CharField(source="reader.name")


class ColleaguesOut(serializers.Serializer[Any]):
    """Who could have the slide and the rest of its case today; who could be asked about it."""

    delegate = ColleagueOut(many=True)
    opinion = ColleagueOut(many=True)


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
        facts = _said(SubmitIn, request)
        done = services.submit(assignment=self.get_object(), actor=cast(User, request.user), **facts)
        return Response(self.get_serializer(done).data)

    @extend_schema(request=ReturnIn, responses=AssignmentOut)
    @action(detail=True, methods=["post"], url_path="return", url_name="return")
    def give_back(self, request: Request, pk: int) -> Response:
        facts = _said(ReturnIn, request)
        done = services.take_back(assignment=self.get_object(), actor=cast(User, request.user), **facts)
        return Response(self.get_serializer(done).data)

    @extend_schema(request=TakeIn, responses={201: AssignmentOut(many=True)})
    @action(detail=False, methods=["post"], permission_classes=[for_roles(*READERS)], pagination_class=None)
    def take(self, request: Request) -> Response:
        """A waiting case, whole, for today, by any of its slides."""
        slides = Slide.objects.select_related("block__specimen__case")
        slide = slides.filter(uid=_said(TakeIn, request)["slide"]).first()
        if slide is None:
            raise NotFound("There is no such slide.")
        made = services.take_case(slide=slide, actor=cast(User, request.user))
        return Response(self.get_serializer(made, many=True).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=ColleaguesOut, filters=False)
    @action(detail=True, methods=["get"], filterset_fields=(), pagination_class=None)
    def colleagues(self, request: Request, pk: int) -> Response:
        assignment = self.get_object()
        slides = [row.slide for row in services.case_of(assignment)] or [assignment.slide]
        able = {
            "delegate": queries.colleagues_for(assignment, slides),
            "opinion": queries.askable(assignment),
        }
        return Response(ColleaguesOut(able).data)

    @extend_schema(request=DelegateIn, responses={201: AssignmentOut(many=True)})
    @action(detail=True, methods=["post"], pagination_class=None)
    def delegate(self, request: Request, pk: int) -> Response:
        """To a colleague, with the rest of its case."""
        facts = _said(DelegateIn, request)
        made = services.delegate(assignment=self.get_object(), actor=cast(User, request.user), **facts)
        return Response(self.get_serializer(made, many=True).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=RecuseIn, responses=AssignmentOut)
    @action(detail=True, methods=["post"], permission_classes=[for_roles(*READERS)])
    def recuse(self, request: Request, pk: int) -> Response:
        """This reader must not read this case: all of it leaves their list, for good."""
        assignment, actor = self.get_object(), cast(User, request.user)
        may_work_on(actor, assignment)
        services.recuse(assignment=assignment, actor=actor, **_said(RecuseIn, request))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=OpinionIn, responses={201: AssignmentOut})
    @action(detail=True, methods=["post"], permission_classes=[for_roles(*READERS)])
    def opinion(self, request: Request, pk: int) -> Response:
        """Ask a colleague about the slide, which stays with its reader."""
        facts = _said(OpinionIn, request)
        made = services.ask_opinion(
            assignment=self.get_object(),
            of=facts["to"],
            question=facts["question"],
            actor=cast(User, request.user),
        )
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)


def _said(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)
