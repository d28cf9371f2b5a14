"""Scanners and alerts for programs."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.roles import for_roles
from scanning import services
from scanning.clients import scanners
from scanning.guards import HANDS, LOOKERS
from scanning.models import Alert, Scanner


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
