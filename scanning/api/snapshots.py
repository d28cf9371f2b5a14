"""Snapshots and their focus review for programs."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.roles import for_roles
from microscope import Rect
from scanning import services
from scanning.guards import HANDS, LOOKERS
from scanning.models import FocusPoint, Snapshot
from scanning.services import Review

MOST_POINTS = 64


class FocusPointOut(serializers.ModelSerializer[FocusPoint]):
    class Meta:
        model = FocusPoint
        fields = ["x_um", "y_um", "source"]


class SnapshotOut(serializers.ModelSerializer[Snapshot]):
    """Area and points in stage µm. `version` goes back with a change."""

    slide = serializers.SlugRelatedField[Any](slug_field="barcode", read_only=True)
    points = FocusPointOut(many=True, read_only=True)
    area = serializers.SerializerMethodField()

    class Meta:
        model = Snapshot
        fields = [
            "id",
            "slide",
            "barcode_read",
            "um_per_px",
            "origin_x_um",
            "origin_y_um",
            "width",
            "height",
            "area",
            "points",
            "risk",
            "reasons",
            "accepted_by",
            "accepted_at",
            "version",
        ]

    @extend_schema_field(serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4))
    def get_area(self, snapshot: Snapshot) -> list[float]:
        return [snapshot.area_x_um, snapshot.area_y_um, snapshot.area_width_um, snapshot.area_height_um]


class ReviewIn(serializers.Serializer[Any]):
    area = serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4)
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        max_length=MOST_POINTS,
    )
    version = serializers.IntegerField(min_value=1)
    seconds = serializers.FloatField(min_value=0, required=False, default=0.0)

    def review(self) -> Review:
        given = self.validated_data
        points = [(x, y) for x, y in given["points"]]
        return Review(
            area=Rect(*given["area"]), points=points, version=given["version"], seconds=given["seconds"]
        )


class Snapshots(viewsets.ReadOnlyModelViewSet[Snapshot]):
    queryset = Snapshot.objects.select_related("slide", "slot__carousel__batch").prefetch_related("points")
    serializer_class = SnapshotOut
    permission_classes = [for_roles(*LOOKERS, write=HANDS)]
    filterset_fields: ClassVar = {
        "slide__barcode": ["exact"],
        "slide__state": ["exact"],
        "slot__carousel__batch": ["exact"],
    }

    @extend_schema(request=ReviewIn, responses=SnapshotOut)
    @action(detail=True, methods=["post"])
    def review(self, request: Request, pk: str) -> Response:
        """Move, add or delete focus points and the scan area."""
        given = ReviewIn(data=request.data)
        given.is_valid(raise_exception=True)
        snapshot = services.save_review(snapshot=self.get_object(), review=given.review(), actor=request.user)
        return Response(SnapshotOut(snapshot).data)

    @extend_schema(request=None, responses=SnapshotOut)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """The slide may be scanned as the snapshot says."""
        services.accept(snapshot=self.get_object(), actor=request.user)
        return Response(SnapshotOut(self.get_object()).data)
