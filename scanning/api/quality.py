"""Quality control and scan profiles for programs."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.roles import for_roles
from lims.states import OF_THE_GLASS
from scanning import services
from scanning.guards import HANDS, LOOKERS
from scanning.models import Quality, ScanProfile
from scanning.validators import channel_names


class FindingOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    share = serializers.FloatField()
    message = serializers.CharField()


class QualityOut(serializers.ModelSerializer[Quality]):
    """`scores` holds [row, column, sharpness, field] of every place, a sharpness of -1 without tissue."""

    slide = serializers.CharField(source="attempt.slide.barcode", read_only=True)
    attempt = serializers.IntegerField(source="attempt.number", read_only=True)
    findings = FindingOut(many=True, read_only=True)
    scores = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()), read_only=True
    )

    class Meta:
        model = Quality
        fields = [
            "id",
            "slide",
            "attempt",
            "verdict",
            "findings",
            "focus",
            "blurred_share",
            "saturated_share",
            "outside_share",
            "residual_um",
            "missing_fields",
            "scores",
            "seconds",
            "decided_by",
            "decided_at",
            "note",
            "measured_at",
        ]


class AcceptIn(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class RefuseIn(AcceptIn):
    reason = serializers.ChoiceField(choices=[(reason.value, reason.label) for reason in OF_THE_GLASS])


class Qualities(viewsets.ReadOnlyModelViewSet[Quality]):
    """What was measured of every scan, and what was decided."""

    queryset = Quality.objects.select_related("attempt__slide").order_by("id")
    serializer_class = QualityOut
    permission_classes = [for_roles(*LOOKERS, write=HANDS)]
    filterset_fields: ClassVar = {
        "verdict": ["exact"],
        "attempt__slide__barcode": ["exact"],
        "attempt__slide__state": ["exact"],
        "attempt__night__batch": ["exact"],
    }

    @extend_schema(request=AcceptIn, responses=QualityOut)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """This scan is taken as it is."""
        given = AcceptIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.accept_scan(quality=self.get_object(), actor=request.user, **given.validated_data)
        return Response(QualityOut(self.get_object()).data)

    @extend_schema(request=RefuseIn, responses=QualityOut)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, pk: str) -> Response:
        """This scan is refused; its slide fails with the reason."""
        given = RefuseIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.refuse_scan(quality=self.get_object(), actor=request.user, **given.validated_data)
        return Response(QualityOut(self.get_object()).data)


class ProfileInOut(serializers.ModelSerializer[ScanProfile]):
    channels = serializers.ListField(
        child=serializers.CharField(max_length=32), required=False, validators=[channel_names]
    )

    class Meta:
        model = ScanProfile
        fields = [
            "id",
            "name",
            "stains",
            "priority",
            "active",
            "channels",
            "layers",
            "layer_step_um",
            "times",
            "colours",
            "encoding",
            "overlap",
        ]


class Profiles(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    viewsets.GenericViewSet[ScanProfile],
):
    """How the glasses of each stain are scanned; the lowest priority that fits is taken."""

    queryset: QuerySet[ScanProfile] = ScanProfile.objects.all()
    serializer_class = ProfileInOut
    permission_classes = [for_roles(*LOOKERS, write=HANDS)]

    def perform_create(self, serializer: serializers.BaseSerializer[ScanProfile]) -> None:
        self._keep(serializer, ScanProfile())

    @extend_schema(request=ProfileInOut, responses=ProfileInOut)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what is named; scans that have begun go on as they were."""
        profile = self.get_object()
        given = ProfileInOut(profile, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        self._keep(given, profile)
        return Response(given.data)

    def _keep(self, serializer: serializers.BaseSerializer[ScanProfile], profile: ScanProfile) -> None:
        for name, value in serializer.validated_data.items():
            setattr(profile, name, value)
        serializer.instance = services.save_profile(profile=profile, actor=self.request.user)
