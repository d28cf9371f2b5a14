"""Annotations for programs, and for the viewer's own drawing."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import queries, services
from annotation.guards import READERS, visible_to
from annotation.models import Annotation
from annotation.services.drawing import Stroke
from annotation.studies import study_of
from core.api import Pages
from core.errors import BadInput, NotFound
from core.models import User
from core.roles import Role, for_roles
from lims.models import Slide
from viewer import queries as pixels
from viewer.guards import require_view

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
    negative = serializers.BooleanField(help_text="cuts out of what lies under it")
    layer = serializers.CharField(allow_blank=True)
    origin = serializers.CharField(allow_blank=True, help_text="empty: drawn by hand")
    version = serializers.IntegerField()
    deleted = serializers.BooleanField()
    locked = serializers.BooleanField()
    author = serializers.CharField()
    assignment = serializers.IntegerField(allow_null=True)
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: Annotation) -> dict[str, Any]:
        return queries.as_dict(instance)


class TermOut(serializers.Serializer[Any]):
    """One word of the vocabulary: its label, its colour, its key."""

    label = serializers.CharField()  # type: ignore[assignment]  # a field named label
    colour = serializers.CharField()
    key = serializers.CharField(allow_blank=True)


class DeskOut(serializers.Serializer[Any]):
    """Who draws on a slide, and with which words."""

    user = serializers.IntegerField()
    author = serializers.CharField(help_text="what their annotations call them")
    study = serializers.CharField(allow_blank=True)
    terms = TermOut(many=True)


class DetectIn(serializers.Serializer[Any]):
    """A detector of the viewer, with its parameters, on a part of a slide."""

    slide = serializers.UUIDField()
    detector = serializers.CharField(max_length=40)
    box = serializers.CharField(default="full", max_length=80, help_text="x,y,w,h in px of level 1, or full")
    parameters = serializers.DictField(child=serializers.FloatField(), default=dict)


class StoredOut(serializers.Serializer[Any]):
    """How many are new, and how many this person had stored before."""

    stored = serializers.IntegerField()
    here = serializers.IntegerField()
    origin = serializers.CharField()


class ManyAtOnce(Pages):
    """A slide of ten thousand annotations in a handful of requests."""

    max_limit = 2000


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
    pagination_class = ManyAtOnce
    lookup_field = "client_id"
    lookup_value_converter = "uuid"
    queryset = Annotation.objects.none()

    @extend_schema(parameters=[SLIDE], operation_id="annotations_list", responses=AnnotationOut(many=True))
    def list(self, request: Request) -> Response:
        slide = _visible_slide(request, request.query_params.get("slide", ""))
        page = self.paginate_queryset(queries.drawn_on(slide, request.user)) or []
        return self.get_paginated_response([queries.as_dict(annotation) for annotation in page])

    @extend_schema(parameters=[SLIDE], responses=DeskOut)
    @action(detail=False, pagination_class=None)
    def desk(self, request: Request) -> Response:
        """What a page needs before it draws: whose strokes these will be, and the study's vocabulary."""
        slide = _visible_slide(request, request.query_params.get("slide", ""))
        user = cast(User, request.user)
        assignment = queries.open_assignment_of(slide, user)
        study = (assignment.study if assignment else None) or study_of(slide)
        about = {"user": user.pk, "author": user.username, "study": study.name if study else ""}
        return Response({**about, "terms": queries.vocabulary(study)})

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

    @extend_schema(request=DetectIn, responses=StoredOut)
    @action(detail=False, methods=["post"], pagination_class=None)
    def detect(self, request: Request) -> Response:
        """What a detector of the viewer sees in a box becomes annotations of who asks."""
        body = DetectIn(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        seen = services.store_detected(
            virtual=pixels.visible(user=request.user, uid=given["slide"]),
            detector=given["detector"],
            box=given["box"],
            parameters=given["parameters"],
            actor=cast(User, request.user),
        )
        return Response({"stored": seen.new, "here": seen.here, "origin": seen.form})

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
        if not Annotation.objects.filter(visible_to(request.user, found.slide), pk=found.pk).exists():
            raise NotFound("There is no such annotation.")  # it is the other reader's, in a blind reading
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
