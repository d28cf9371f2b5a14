"""Annotations and assignments for programs, and for the viewer's own drawing."""

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from annotation import queries, services
from annotation.models import Annotation, Assignment
from annotation.services.drawing import Stroke
from core.errors import BadInput, NotFound
from core.models import User
from core.roles import Role, for_roles, has_role
from lims.models import Slide
from viewer.guards import require_view

READERS = (Role.PATHOLOGIST, Role.ADMINISTRATOR)
LOOKERS = (*READERS, Role.MANAGER, Role.STEWARD)


class StrokeIn(serializers.Serializer[Any]):
    """What a browser sends; `version` 0 or none makes a new annotation."""

    slide = serializers.UUIDField(required=False)
    client_id = serializers.UUIDField(required=False)
    kind = serializers.ChoiceField(Annotation.Kind.choices)
    geometry = serializers.JSONField(help_text="GeoJSON geometry in px of level 1, y downwards")
    label = serializers.CharField(  # type: ignore[assignment]  # a field named label
        allow_blank=True, default="", max_length=100, trim_whitespace=False
    )
    comment = serializers.CharField(allow_blank=True, default="", max_length=10_000, trim_whitespace=False)
    version = serializers.IntegerField(min_value=0, default=0)


class AnnotationOut(serializers.Serializer[Annotation]):
    """An annotation as it stands; `id` is the client id."""

    id = serializers.UUIDField()
    client_id = serializers.UUIDField()
    slide = serializers.UUIDField()
    kind = serializers.ChoiceField(Annotation.Kind.choices)
    geometry = serializers.JSONField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field named label
    comment = serializers.CharField()
    version = serializers.IntegerField()
    deleted = serializers.BooleanField()
    locked = serializers.BooleanField()
    author = serializers.CharField()
    assignment = serializers.IntegerField(allow_null=True)
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: Annotation) -> dict[str, Any]:
        return queries.as_dict(instance)


class AssignmentOut(serializers.ModelSerializer[Assignment]):
    slide = serializers.UUIDField(source="slide.uid")
    reader = serializers.CharField(source="reader.number")
    tissue = serializers.CharField(source="slide.case.tissue")
    stain = serializers.CharField(source="slide.stain")

    class Meta:
        model = Assignment
        fields = (
            "id", "slide", "reader", "tissue", "stain", "state", "due", "created_at", "opened_at",
            "ended_at", "minutes", "note",
        )  # fmt: skip


class SubmitIn(serializers.Serializer[Any]):
    active_s = serializers.FloatField(min_value=0, required=False, allow_null=True, default=None)


class ReturnIn(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=500)


SLIDE = OpenApiParameter("slide", OpenApiTypes.UUID, description="the uid of a slide", required=True)
BY_CLIENT_ID = OpenApiParameter("client_id", OpenApiTypes.UUID, OpenApiParameter.PATH)


def _visible_slide(request: Request, uid: Any) -> Slide:
    try:
        slide = Slide.objects.filter(uid=UUID(str(uid))).first()
    except ValueError as error:
        raise BadInput("`slide` is the uid of a slide.", field="slide") from error
    if slide is None:
        raise NotFound("There is no such slide.")
    require_view(request.user, slide)
    return slide


class Annotations(viewsets.GenericViewSet[Annotation]):
    """What was drawn. A create sent twice is stored once; a change on an old version is a conflict."""

    permission_classes = (for_roles(*LOOKERS, write=READERS),)
    serializer_class = AnnotationOut
    lookup_field = "client_id"
    lookup_value_converter = "uuid"
    queryset = Annotation.objects.none()

    @extend_schema(parameters=[SLIDE], operation_id="annotations_list", responses=AnnotationOut(many=True))
    def list(self, request: Request) -> Response:
        slide = _visible_slide(request, request.query_params.get("slide", ""))
        page = self.paginate_queryset(queries.drawn_on(slide)) or []
        return self.get_paginated_response([queries.as_dict(annotation) for annotation in page])

    @extend_schema(request=StrokeIn, responses={201: AnnotationOut})
    def create(self, request: Request) -> Response:
        body = self._body(request)
        if body.get("version"):
            raise BadInput("A new annotation has no version yet.", field="version")
        if not body.get("client_id"):
            raise BadInput("Every annotation has a client id of its own.", field="client_id")
        slide = _visible_slide(request, body.get("slide") or request.query_params.get("slide", ""))
        saved = services.save_annotation(
            slide=slide, stroke=_stroke(body, None), actor=cast(User, request.user)
        )
        return Response(AnnotationOut(saved).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=StrokeIn, responses=AnnotationOut, parameters=[BY_CLIENT_ID])
    def partial_update(self, request: Request, client_id: UUID) -> Response:
        current = self._found(request, client_id)
        known = {key: getattr(current, key) for key in ("kind", "geometry", "label", "comment")}
        body = self._body(request, known)
        if not body["version"]:
            raise BadInput("Say which version was changed.", field="version")
        stroke = _stroke({**body, "client_id": client_id}, body["version"])
        saved = services.save_annotation(slide=current.slide, stroke=stroke, actor=cast(User, request.user))
        return Response(AnnotationOut(saved).data)

    @extend_schema(parameters=[BY_CLIENT_ID], responses={204: None})
    def destroy(self, request: Request, client_id: UUID) -> Response:
        current = self._found(request, client_id)
        given = request.data.get("version") if isinstance(request.data, dict) else None
        version = given or request.query_params.get("version") or 0
        if not str(version).isdigit():
            raise BadInput("Say which version was deleted.", field="version")
        services.delete_annotation(annotation=current, version=int(version), actor=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _found(self, request: Request, client_id: UUID) -> Annotation:
        found = Annotation.objects.select_related("slide", "author").filter(client_id=client_id).first()
        if found is None:
            raise NotFound("There is no such annotation.")
        require_view(request.user, found.slide)
        return found

    @staticmethod
    def _body(request: Request, known: dict[str, Any] | None = None) -> dict[str, Any]:
        given = request.data
        if not isinstance(given, dict):
            raise BadInput("An annotation is a JSON object.")
        serializer = StrokeIn(data={**(known or {}), **given})
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


def _stroke(body: dict[str, Any], version: int | None) -> Stroke:
    return Stroke(
        client_id=body["client_id"],
        kind=body["kind"],
        geometry=body["geometry"],
        label=body["label"],
        comment=body["comment"],
        version=version,
    )


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
            active_s=body.validated_data["active_s"],
        )
        return Response(AssignmentOut(done).data)

    @extend_schema(request=ReturnIn, responses=AssignmentOut)
    @action(detail=True, methods=["post"], url_path="return", url_name="return")
    def give_back(self, request: Request, pk: int) -> Response:
        body = ReturnIn(data=request.data)
        body.is_valid(raise_exception=True)
        done = services.take_back(
            assignment=self.get_object(), actor=cast(User, request.user), note=body.validated_data["note"]
        )
        return Response(AssignmentOut(done).data)


def register(router: SimpleRouter) -> None:
    router.register("annotations", Annotations, basename="annotations")
    router.register("assignments", Assignments, basename="assignments")
