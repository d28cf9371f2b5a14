"""Nights for programs: snapshots, start, pause, and how far they are."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.roles import for_roles
from lims.models import Batch
from scanning import queries, services
from scanning.clients import scanners
from scanning.guards import HANDS, LOOKERS
from scanning.models import Night, Scanner

COUNTED = (
    "slides", "snapped", "doubtful", "queued", "building", "published", "failed", "skipped", "under_way",
)  # fmt: skip


class ProgressOut(serializers.Serializer[Any]):
    """slides = published + failed + skipped + under_way."""

    slides = serializers.IntegerField()
    snapped = serializers.IntegerField()
    doubtful = serializers.IntegerField()
    queued = serializers.IntegerField()
    building = serializers.IntegerField()
    published = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="rejected, held, or left for a person to look at")
    under_way = serializers.IntegerField(help_text="nothing once the night is over")
    seconds_left = serializers.FloatField(allow_null=True)


class NightOut(serializers.ModelSerializer[Night]):
    scanner = serializers.SlugRelatedField[Scanner](slug_field="name", read_only=True)
    phase = serializers.CharField(source="batch.phase", read_only=True)
    progress = serializers.SerializerMethodField()

    class Meta:
        model = Night
        fields = [
            "batch",
            "scanner",
            "phase",
            "paused",
            "stage_paused",
            "paused_by",
            "pause_reason",
            "started_at",
            "ended_at",
            "progress",
        ]

    @extend_schema_field(ProgressOut)
    def get_progress(self, night: Night) -> dict[str, Any]:
        found = queries.progress(night.batch)
        left = found.left.total_seconds() if found.left else None
        return {name: getattr(found, name) for name in COUNTED} | {"seconds_left": left}


class SnapshotsIn(serializers.Serializer[Any]):
    batch = serializers.PrimaryKeyRelatedField(queryset=Batch.objects.all())
    scanner = serializers.SlugRelatedField[Scanner](slug_field="name", queryset=Scanner.objects.all())


class PauseIn(serializers.Serializer[Any]):
    at_once = serializers.BooleanField(default=False)
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class AcceptedOut(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()


class Nights(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Night]):
    """A batch on a scanner. Creating one starts the snapshots."""

    queryset = Night.objects.select_related("batch", "scanner").order_by("id")
    serializer_class = NightOut
    permission_classes = [for_roles(*LOOKERS, write=HANDS)]
    lookup_field = "batch_id"
    lookup_value_regex = "[0-9]+"

    @extend_schema(request=SnapshotsIn, responses={201: NightOut})
    def create(self, request: Request) -> Response:
        """Photograph every glass of a batch."""
        scanners()  # those that the settings name are rows, also before anybody has looked at a page
        given = SnapshotsIn(data=request.data)
        given.is_valid(raise_exception=True)
        night = services.start_snapshots(actor=request.user, **given.validated_data)
        return Response(NightOut(night).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=AcceptedOut)
    @action(detail=True, methods=["post"], url_path="accept-safe")
    def accept_safe(self, request: Request, batch_id: str) -> Response:
        """Accept every safe slide at once."""
        return Response({"accepted": services.accept_safe(batch=self.get_object().batch, actor=request.user)})

    @extend_schema(request=None, responses=NightOut)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, batch_id: str) -> Response:
        """Start the night."""
        services.start_night(batch=self.get_object().batch, actor=request.user)
        return Response(NightOut(self.get_object()).data)

    @extend_schema(request=PauseIn, responses=NightOut)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, batch_id: str) -> Response:
        """Finish the slide under the lens, then wait; with `at_once` the stage rests after its field."""
        given = PauseIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.pause(night=self.get_object(), actor=request.user, **given.validated_data)
        return Response(NightOut(self.get_object()).data)

    @extend_schema(request=None, responses=NightOut)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, batch_id: str) -> Response:
        services.resume(night=self.get_object(), actor=request.user)
        return Response(NightOut(self.get_object()).data)
