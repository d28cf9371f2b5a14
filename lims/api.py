"""The record for programs: the same questions and verbs as the pages."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import BaseRouter

from core import audit
from core.errors import Conflict
from core.roles import for_roles, has_role
from lims import guards, queries, services
from lims.models import CAROUSELS, SLOTS, Batch, Case, Patient, Slide, Slot, Tissue, code_validator
from lims.services import Accession, Placement
from lims.states import FailureReason, State


class PatientOut(serializers.ModelSerializer[Patient]):
    class Meta:
        model = Patient
        fields = ["mrn", "family_name", "given_name", "birth_date", "sex"]


class CaseOut(serializers.ModelSerializer[Case]):
    patient = PatientOut()

    class Meta:
        model = Case
        fields = ["accession", "patient", "tissue", "received", "clinician"]


class SlideOut(serializers.ModelSerializer[Slide]):
    """A slide. The accession is null for those who read without knowing whose it is."""

    accession = serializers.SerializerMethodField()
    tissue = serializers.ChoiceField(choices=Tissue.choices, source="block.specimen.case.tissue")
    site_code = serializers.CharField(source="block.specimen.site_code")
    block = serializers.CharField(source="block.label")

    class Meta:
        model = Slide
        fields = [
            "barcode",
            "uid",
            "accession",
            "tissue",
            "site_code",
            "block",
            "stain",
            "cut",
            "cut_number",
            "duplicate",
            "state",
            "state_since",
            "failure",
        ]

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_accession(self, slide: Slide) -> str | None:
        request = self.context.get("request")
        known = request is not None and has_role(request.user, *guards.RECORD)
        return slide.case.accession if known else None


class SlideIn(serializers.Serializer[Any]):
    """One slide with its case and patient, as `lims.services.Accession`."""

    barcode = serializers.CharField(max_length=64, validators=[code_validator])
    accession = serializers.CharField(max_length=64, validators=[code_validator])
    mrn = serializers.CharField(max_length=64, validators=[code_validator])
    family_name = serializers.CharField(max_length=100)
    given_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    birth_date = serializers.DateField(required=False, allow_null=True)
    sex = serializers.ChoiceField(choices=Patient.Sex.choices, required=False)
    tissue = serializers.ChoiceField(choices=Tissue.choices, required=False)
    received = serializers.DateField(required=False, allow_null=True)
    clinician = serializers.CharField(max_length=120, required=False, allow_blank=True)
    site_code = serializers.RegexField(r"^[0-9a-z]{2,8}\Z", required=False)
    specimen = serializers.CharField(max_length=200, required=False, allow_blank=True)
    block = serializers.CharField(max_length=16, required=False)
    stain = serializers.CharField(max_length=60, required=False)
    cut = serializers.ChoiceField(choices=Slide.Cut.choices, required=False)
    cut_number = serializers.IntegerField(min_value=1, max_value=999, required=False)


class MoveIn(serializers.Serializer[Any]):
    to = serializers.ChoiceField(choices=State.choices)
    reason = serializers.ChoiceField(choices=FailureReason.choices, required=False)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)


class SlideFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no stubs
    tissue = django_filters.ChoiceFilter(field_name="block__specimen__case__tissue", choices=Tissue.choices)
    accession = django_filters.CharFilter(method="of_case", label="accession")

    class Meta:
        model = Slide
        fields: ClassVar = ["state", "stain", "failure"]

    def of_case(self, slides: QuerySet[Slide], name: str, value: str) -> QuerySet[Slide]:
        if self.request is None or not has_role(self.request.user, *guards.RECORD):
            return slides.none()
        return slides.filter(block__specimen__case__accession=value)


class LoggedLooks:
    """Every answer that names a patient is a row of the audit chain."""

    look: str

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        if response.status_code == status.HTTP_200_OK:
            target = ",".join(str(value) for value in kwargs.values()) or "list"
            audit.record(actor=request.user, action=self.look, target=f"api:{target}"[:120])
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc,no-any-return]


class Patients(LoggedLooks, viewsets.ReadOnlyModelViewSet[Patient]):
    look = "patient.look"
    queryset = Patient.objects.all()
    serializer_class = PatientOut
    permission_classes = [for_roles(*guards.RECORD)]
    lookup_field = "mrn"
    lookup_value_regex = "[^/]+"
    filterset_fields = ["mrn", "family_name"]


class Cases(LoggedLooks, viewsets.ReadOnlyModelViewSet[Case]):
    look = "case.look"
    queryset = Case.objects.select_related("patient")
    serializer_class = CaseOut
    permission_classes = [for_roles(*guards.RECORD)]
    lookup_field = "accession"
    lookup_value_regex = "[^/]+"
    filterset_fields = ["tissue", "received"]


class Slides(viewsets.ReadOnlyModelViewSet[Slide]):
    queryset = Slide.objects.select_related("block__specimen__case")
    serializer_class = SlideOut
    permission_classes = [for_roles(*guards.ANYONE)]
    filterset_class = SlideFilter
    lookup_field = "barcode"
    lookup_value_regex = "[^/]+"

    def get_permissions(self) -> Any:
        if self.action == "create":
            return [for_roles(*guards.HANDS)()]
        return super().get_permissions()

    @extend_schema(request=SlideIn, responses={201: SlideOut})
    def create(self, request: Request) -> Response:
        """Register one slide."""
        given = SlideIn(data=request.data)
        given.is_valid(raise_exception=True)
        slide = services.register(entry=Accession(**given.validated_data), actor=request.user)
        return Response(self.get_serializer(slide).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=MoveIn, responses=SlideOut)
    @action(detail=True, methods=["post"])
    def move(self, request: Request, barcode: str) -> Response:
        """Press one of the slide's buttons: hold, resume, reject, withdraw or fail it."""
        given = MoveIn(data=request.data)
        given.is_valid(raise_exception=True)
        slide = self.get_object()
        services.move_by_hand(slide=slide, actor=request.user, **given.validated_data)
        return Response(self.get_serializer(self.get_object()).data)


class SlotOut(serializers.ModelSerializer[Slot]):
    carousel = serializers.IntegerField(source="carousel.number")
    slide = serializers.SlugRelatedField[Slide](slug_field="barcode", read_only=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = Slot
        fields = ["carousel", "position", "barcode", "slide", "state"]

    @extend_schema_field(serializers.CharField(allow_blank=True))
    def get_state(self, slot: Slot) -> str:
        return slot.slide.state if slot.slide else ""


class BatchOut(serializers.ModelSerializer[Batch]):
    rescan_of = serializers.SlugRelatedField[Batch](slug_field="name", read_only=True)

    class Meta:
        model = Batch
        fields = ["id", "name", "night", "phase", "rescan_of", "created_at"]
        read_only_fields = ["id", "night", "phase", "rescan_of", "created_at"]


class BatchIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)


class PlacementIn(serializers.Serializer[Any]):
    carousel = serializers.IntegerField(min_value=1, max_value=CAROUSELS)
    position = serializers.IntegerField(min_value=1, max_value=SLOTS)
    barcode = serializers.CharField(max_length=64)


class SlotIn(serializers.Serializer[Any]):
    carousel = serializers.IntegerField(min_value=1, max_value=CAROUSELS)
    position = serializers.IntegerField(min_value=1, max_value=SLOTS)


class ProblemOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    slot = serializers.SerializerMethodField()
    message = serializers.CharField()
    blocking = serializers.BooleanField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_slot(self, problem: queries.Problem) -> str | None:
        return str(problem.slot) if problem.slot else None


class Batches(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Batch]):
    queryset = Batch.objects.select_related("rescan_of")
    serializer_class = BatchOut
    permission_classes = [for_roles(*guards.BENCH, write=guards.HANDS)]
    filterset_fields = ["phase", "night"]

    @extend_schema(request=BatchIn, responses={201: BatchOut})
    def create(self, request: Request) -> Response:
        """Make an empty batch."""
        given = BatchIn(data=request.data)
        given.is_valid(raise_exception=True)
        batch = services.create_batch(name=given.validated_data["name"], actor=request.user)
        return Response(BatchOut(batch).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=SlotOut(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def slots(self, request: Request, pk: str) -> Response:
        """What stands in the batch's slots."""
        return Response(SlotOut(queries.slots_of(self.get_object()), many=True).data)

    @extend_schema(request=PlacementIn(many=True), responses=SlotOut(many=True))
    @action(detail=True, methods=["post"])
    def load(self, request: Request, pk: str) -> Response:
        """Put slides into slots: all of them or none."""
        given = serializers.ListSerializer[Any](
            data=request.data, child=PlacementIn(), allow_empty=False, max_length=CAROUSELS * SLOTS
        )
        given.is_valid(raise_exception=True)
        places = [Placement(**place) for place in given.validated_data]
        slots = services.load(batch=self.get_object(), placements=places, actor=request.user)
        return Response(SlotOut(slots, many=True).data)

    @extend_schema(request=SlotIn, responses={204: None})
    @action(detail=True, methods=["post"])
    def unload(self, request: Request, pk: str) -> Response:
        """Take out what stands in a slot."""
        given = SlotIn(data=request.data)
        given.is_valid(raise_exception=True)
        place = given.validated_data
        wanted = {"carousel__number": place["carousel"], "position": place["position"]}
        slot = queries.slots_of(self.get_object()).select_related("carousel__batch").filter(**wanted).first()
        if slot is None:
            raise Conflict(f"Slot {place['carousel']}-{place['position']} is empty.", **place)
        services.unload(slot=slot, actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=ProblemOut(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def preflight(self, request: Request, pk: str) -> Response:
        """Every reason why this load is not what somebody meant."""
        return Response(ProblemOut(queries.preflight(self.get_object()), many=True).data)

    @extend_schema(request=None, responses={201: BatchOut})
    @action(detail=True, methods=["post"])
    def rescan(self, request: Request, pk: str) -> Response:
        """A new batch with every failed slide of this one."""
        batch = services.build_rescan(batch=self.get_object(), actor=request.user)
        return Response(BatchOut(batch).data, status=status.HTTP_201_CREATED)


def register(router: BaseRouter) -> None:
    router.register("patients", Patients, "patient")
    router.register("cases", Cases, "case")
    router.register("slides", Slides, "slide")
    router.register("batches", Batches, "batch")
