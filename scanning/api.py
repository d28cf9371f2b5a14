"""The scanner room for programs: the same verbs as its pages."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import BaseRouter

from core.roles import for_roles
from lims.models import Batch
from microscope import Rect
from scanning import queries, services
from scanning.api_quality import Profiles, Qualities
from scanning.clients import scanners
from scanning.guards import HANDS, LOOKERS
from scanning.models import Alert, Attempt, FocusPoint, Night, Scanner, Snapshot
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


class ProgressOut(serializers.Serializer[Any]):
    slides = serializers.IntegerField()
    snapped = serializers.IntegerField()
    doubtful = serializers.IntegerField()
    queued = serializers.IntegerField()
    building = serializers.IntegerField()
    published = serializers.IntegerField()
    failed = serializers.IntegerField()
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
        names = ("slides", "snapped", "doubtful", "queued", "building", "published", "failed")
        left = found.left.total_seconds() if found.left else None
        return {name: getattr(found, name) for name in names} | {"seconds_left": left}


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


class ScannerOut(serializers.ModelSerializer[Scanner]):
    class Meta:
        model = Scanner
        fields = ["name", "locked_by", "lock_reason", "last_seen"]


class LockIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200)


class Scanners(viewsets.ReadOnlyModelViewSet[Scanner]):
    queryset = Scanner.objects.all()
    serializer_class = ScannerOut
    permission_classes = [for_roles(*LOOKERS, write=HANDS)]
    lookup_field = "name"

    def get_queryset(self) -> QuerySet[Scanner]:
        """Those that the settings name are rows, also before anybody has looked at a page."""
        scanners()
        return super().get_queryset()

    @extend_schema(request=LockIn, responses=ScannerOut)
    @action(detail=True, methods=["post"])
    def lock(self, request: Request, name: str) -> Response:
        """Take the instrument, with a reason."""
        given = LockIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.lock(scanner=self.get_object(), reason=given.validated_data["reason"], actor=request.user)
        return Response(ScannerOut(get_object_or_404(Scanner, name=name)).data)

    @extend_schema(request=None, responses=ScannerOut)
    @action(detail=True, methods=["post"])
    def unlock(self, request: Request, name: str) -> Response:
        services.unlock(scanner=self.get_object(), actor=request.user)
        return Response(ScannerOut(get_object_or_404(Scanner, name=name)).data)


class AlertOut(serializers.ModelSerializer[Alert]):
    class Meta:
        model = Alert
        fields = ["id", "kind", "subject", "message", "raised_at", "cleared_at", "seen_by", "sent"]


class Alerts(viewsets.ReadOnlyModelViewSet[Alert]):
    """What a person should know. `cleared_at__isnull=true`: now."""

    queryset = Alert.objects.all()
    serializer_class = AlertOut
    permission_classes = [for_roles(*LOOKERS)]
    filterset_fields: ClassVar = {"kind": ["exact"], "cleared_at": ["isnull"]}

    @extend_schema(request=None, responses=AlertOut)
    @action(detail=True, methods=["post"])
    def see(self, request: Request, pk: str) -> Response:
        """A person knows of it."""
        services.see(alert=self.get_object(), actor=request.user)
        return Response(AlertOut(self.get_object()).data)


def register(router: BaseRouter) -> None:
    router.register("scanners", Scanners, "scanner")
    router.register("snapshots", Snapshots, "snapshot")
    router.register("nights", Nights, "night")
    router.register("attempts", Attempts, "attempt")
    router.register("alerts", Alerts, "alert")
    router.register("qualities", Qualities, "quality")
    router.register("scan-profiles", Profiles, "scan-profile")
