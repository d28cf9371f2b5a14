"""What passed and what is in quarantine, for programs."""

from rest_framework import serializers
from rest_framework.routers import BaseRouter
from rest_framework.viewsets import ReadOnlyModelViewSet

from core.roles import Role, for_roles
from deidentify.models import DeidentifiedReport, DeidentifiedSlide

FIELDS = [
    "id",
    "state",
    "sha256",
    "bytes",
    "policy_version",
    "problem_code",
    "problem",
    "seconds",
    "created_at",
    "changed_at",
    "certificate",
]
MAY = for_roles(Role.STEWARD, Role.ADMINISTRATOR)


class DeidentifiedSlideSerializer(serializers.ModelSerializer[DeidentifiedSlide]):
    class Meta:
        model = DeidentifiedSlide
        fields = [*FIELDS, "slide"]


class DeidentifiedReportSerializer(serializers.ModelSerializer[DeidentifiedReport]):
    class Meta:
        model = DeidentifiedReport
        fields = [*FIELDS, "case"]


class DeidentifiedSlides(ReadOnlyModelViewSet[DeidentifiedSlide]):
    """Clean files of slides, and those that are in quarantine with the reason."""

    queryset = DeidentifiedSlide.objects.all()
    serializer_class = DeidentifiedSlideSerializer
    permission_classes = [MAY]
    filterset_fields = ["state", "slide"]


class DeidentifiedReports(ReadOnlyModelViewSet[DeidentifiedReport]):
    """Clean reports, and those that are in quarantine with the reason."""

    queryset = DeidentifiedReport.objects.all()
    serializer_class = DeidentifiedReportSerializer
    permission_classes = [MAY]
    filterset_fields = ["state", "case"]


def register(router: BaseRouter) -> None:
    router.register("deidentified/slides", DeidentifiedSlides, basename="deidentified-slide")
    router.register("deidentified/reports", DeidentifiedReports, basename="deidentified-report")
