"""Releases for programs."""

from collections.abc import Sequence
from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from core.errors import NotFound
from core.models import User
from core.roles import Role, for_roles
from corpus import queries, services
from corpus import search as finding
from corpus.forms import SearchForm
from corpus.models import Release, ReleaseItem
from corpus.search import SEEKERS
from corpus.services.deciding import APPROVERS, LICENCES, MAKERS
from lims.models import Tissue


class ReleaseOut(serializers.ModelSerializer[Release]):
    created_by = serializers.CharField(source="created_by.username")
    approved_by = serializers.CharField(source="approved_by.username", allow_null=True, default=None)

    class Meta:
        model = Release
        fields = (
            "number", "template", "licence", "state", "created_by", "created_at", "approved_by",
            "approved_at", "published_at", "manifest_sha256", "stats", "problem", "revision",
            "small_cells", "small_cells_reason",
        )  # fmt: skip


class ReleaseIn(serializers.Serializer[Any]):
    template = serializers.CharField(max_length=60, default="tudp-2018")
    licence = serializers.ChoiceField(choices=LICENCES, default="CC0-1.0")
    small_cells_reason = serializers.CharField(max_length=500, default="", allow_blank=True)


class ReleaseItemOut(serializers.ModelSerializer[ReleaseItem]):
    class Meta:
        model = ReleaseItem
        fields = ("path", "kind", "sha256", "bytes", "withdrawn_at")


class DifferenceOut(serializers.Serializer[Any]):
    added = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())
    changed = serializers.ListField(child=serializers.CharField())
    moved = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    withdrawn = serializers.ListField(child=serializers.CharField())
    same = serializers.IntegerField()


class Releases(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Release]):
    """Every edition of the corpus. One person makes a draft, another approves it."""

    permission_classes = (for_roles(Role.STEWARD, Role.MANAGER, Role.ADMINISTRATOR),)
    serializer_class = ReleaseOut
    lookup_field = "number"
    lookup_value_converter = "int"
    filterset_fields = ("state", "template")
    queryset = Release.objects.select_related("created_by", "approved_by")

    def get_permissions(self) -> Sequence[Any]:
        if self.action == "create":
            return [for_roles(*MAKERS)()]
        if self.action == "approve":
            return [for_roles(*APPROVERS)()]
        return super().get_permissions()

    @extend_schema(request=ReleaseIn, responses={201: ReleaseOut})
    def create(self, request: Request) -> Response:
        body = ReleaseIn(data=request.data)
        body.is_valid(raise_exception=True)
        made = services.create_release(actor=cast(User, request.user), **body.validated_data)
        return Response(ReleaseOut(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ReleaseOut)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, number: int) -> Response:
        done = services.approve_release(release=self.get_object(), actor=cast(User, request.user))
        return Response(ReleaseOut(done).data)

    @extend_schema(responses=DifferenceOut, filters=False)
    @action(detail=True, url_path="since/(?P<other>[0-9]{1,9})", filterset_fields=(), pagination_class=None)
    def since(self, request: Request, number: int, other: str) -> Response:
        """In what this release differs from another one, file by file."""
        former = Release.objects.filter(number=int(other)).first()
        if former is None:
            raise NotFound(f"There is no release {other}.")
        return Response(queries.difference(former, self.get_object()).as_json())

    @extend_schema(responses=ReleaseItemOut(many=True), filters=False)
    @action(detail=True, methods=["get"], filterset_fields=())
    def files(self, request: Request, number: int) -> Response:
        items = self.get_object().items.order_by("path")
        page = self.paginator.paginate_queryset(items, request, view=self) if self.paginator else None
        return self.get_paginated_response(ReleaseItemOut(page or [], many=True).data)


class SearchIn(serializers.Serializer[Any]):
    """The query of a search; what is left out is anything."""

    q = serializers.CharField(required=False, help_text='words; "a phrase", -without, a OR b, begin*')
    tissue = serializers.ChoiceField(choices=Tissue.choices, required=False)
    stain = serializers.CharField(required=False)
    label = serializers.CharField(required=False, help_text="that a reader gave")  # type: ignore[assignment]
    year = serializers.IntegerField(required=False)
    released = serializers.BooleanField(required=False)
    order = serializers.ChoiceField(choices=["newest"], required=False)
    page = serializers.IntegerField(required=False)


class HitOut(serializers.Serializer[Any]):
    slide = serializers.UUIDField(source="slide.uid")
    tissue = serializers.CharField(source="slide.case.tissue")
    stain = serializers.CharField(source="slide.stain")
    year = serializers.IntegerField(source="slide.case.received.year")
    state = serializers.CharField(source="slide.state")
    labels = serializers.ListField(child=serializers.CharField())
    snippet = serializers.CharField(help_text="escaped HTML; what was found stands in <mark>")


class FoundOut(serializers.Serializer[Any]):
    count = serializers.IntegerField(source="page.paginator.count")
    pages = serializers.IntegerField(source="page.paginator.num_pages")
    results = HitOut(many=True, source="hits")


class Search(viewsets.ViewSet):
    """Slides by the words of their clean report and of what was drawn on them (docs/search.md)."""

    permission_classes = (for_roles(*SEEKERS),)

    @extend_schema(parameters=[SearchIn], responses=FoundOut)
    def list(self, request: Request) -> Response:
        found = finding.find(SearchForm(request.query_params).wanted(), request.query_params.get("page"))
        return Response(FoundOut(found).data)


def register(router: SimpleRouter) -> None:
    router.register("releases", Releases, basename="releases")
    router.register("search", Search, basename="search")
