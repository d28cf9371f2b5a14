"""The record: patient, case, specimen, block, slide; and the night's load: batch, carousel, slot. No
pixels here.
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from lims.states import FailureReason, State

CAROUSELS = 40
SLOTS = 10

code_validator = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z", "Letters, digits and . _ : - only, at most 64."
)


class Tissue(models.TextChoices):
    """The tissue categories of the corpus."""

    BREAST = "breast", "Breast"
    PROSTATE = "prostate", "Prostate / urology"
    GASTROINTESTINAL = "gastrointestinal", "Gastrointestinal"
    HEAD_NECK = "head_neck", "Head and neck"
    PULMONARY = "pulmonary", "Pulmonary"
    ENDOCRINE = "endocrine", "Endocrine"
    MISCELLANEOUS = "miscellaneous", "Miscellaneous"


class Patient(models.Model):
    class Sex(models.TextChoices):
        FEMALE = "F", "Female"
        MALE = "M", "Male"
        OTHER = "O", "Other"
        UNKNOWN = "U", "Unknown"

    mrn = models.CharField("medical record number", max_length=64, unique=True, validators=[code_validator])
    family_name = models.CharField(max_length=100)
    given_name = models.CharField(max_length=100, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    sex = models.CharField(max_length=1, choices=Sex, default=Sex.UNKNOWN)

    class Meta:
        ordering = ["family_name", "given_name", "mrn"]

    def __str__(self) -> str:
        return f"{self.family_name}, {self.given_name} ({self.mrn})"


class Case(models.Model):
    class Priority(models.IntegerChoices):
        STAT = 0, "At once"
        URGENT = 1, "Urgent"
        ROUTINE = 2, "Routine"

    accession = models.CharField(max_length=64, unique=True, validators=[code_validator])
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="cases")
    tissue = models.CharField(max_length=20, choices=Tissue, default=Tissue.MISCELLANEOUS)
    received = models.DateField(default=timezone.localdate)
    clinician = models.CharField(max_length=120, blank=True)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.ROUTINE)
    due = models.DateField(null=True, blank=True, help_text="the day by which it is to be read")

    class Meta:
        ordering = ["-received", "accession"]

    def __str__(self) -> str:
        return self.accession


class Report(models.Model):
    """The identified report of a case: the document itself and the text it says."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="report")
    file = models.FileField(upload_to="reports/%Y/", max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Report of {self.case.accession}"


class Specimen(models.Model):
    """One part of a case, as it came from the operating room; the site code names it in the corpus."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="specimens")
    site_code = models.CharField(
        max_length=8, validators=[RegexValidator(r"^[0-9a-z]{2,8}\Z")], default="0a001"
    )
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["case", "site_code"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "site_code"], name="lims_one_site_per_case")
        ]

    def __str__(self) -> str:
        return f"{self.case.accession} {self.site_code}"


class Block(models.Model):
    specimen = models.ForeignKey(Specimen, on_delete=models.PROTECT, related_name="blocks")
    label = models.CharField(max_length=16, default="A1")

    class Meta:
        ordering = ["specimen", "label"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["specimen", "label"], name="lims_one_label_per_specimen")
        ]

    def __str__(self) -> str:
        return f"{self.specimen} {self.label}"


class Slide(models.Model):
    class Cut(models.TextChoices):
        LEVEL = "lvl", "Level"
        DEEP = "dep", "Deep"
        RECUT = "rct", "Recut"

    uid = models.UUIDField(
        default=uuid.uuid4, unique=True, editable=False, help_text="All that a pixel file knows."
    )
    barcode = models.CharField(max_length=64, unique=True, validators=[code_validator])
    block = models.ForeignKey(Block, on_delete=models.PROTECT, related_name="slides")
    stain = models.CharField(max_length=60, default="H&E")
    cut = models.CharField(max_length=3, choices=Cut, default=Cut.LEVEL)
    cut_number = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])
    duplicate = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=12, choices=State, default=State.REGISTERED, db_index=True)
    state_since = models.DateTimeField(default=timezone.now)
    held_from = models.CharField(max_length=12, choices=State, blank=True)
    failure = models.CharField(max_length=20, choices=FailureReason, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["barcode"]

    def __str__(self) -> str:
        return self.barcode

    @property
    def case(self) -> Case:
        return self.block.specimen.case


class SlideEvent(models.Model):
    """One step of a slide's life, written in the transaction that made it: history page and audit in one."""

    id = models.BigAutoField(primary_key=True)
    slide = models.ForeignKey(Slide, on_delete=models.PROTECT, related_name="events")
    source = models.CharField(max_length=12, choices=State, blank=True)
    target = models.CharField(max_length=12, choices=State)
    verb = models.CharField(max_length=20)
    actor = models.CharField(max_length=150)
    reason = models.CharField(max_length=20, blank=True)
    note = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.slide_id}: {self.source} → {self.target}"


class Batch(models.Model):
    """One night: up to 40 carousels of ten slots."""

    class Phase(models.TextChoices):
        LOADING = "loading", "Loading"
        SNAPSHOTS = "snapshots", "Snapshots"
        REVIEW = "review", "Focus review"
        NIGHT = "night", "Night"
        MORNING = "morning", "Morning"
        CLOSED = "closed", "Closed"

    name = models.CharField(max_length=80, unique=True)
    night = models.DateField(default=timezone.localdate)
    phase = models.CharField(max_length=10, choices=Phase, default=Phase.LOADING)
    rescan_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="rescans"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-night", "-id"]
        verbose_name_plural = "batches"

    def __str__(self) -> str:
        return self.name


class Carousel(models.Model):
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="carousels")
    number = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(CAROUSELS)])

    class Meta:
        ordering = ["batch", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "number"], name="lims_one_carousel_number"),
            models.CheckConstraint(
                condition=models.Q(number__range=(1, CAROUSELS)), name="lims_carousel_range"
            ),
        ]

    def __str__(self) -> str:
        return f"carousel {self.number}"


class Slot(models.Model):
    """What stood in one slot on one night: the barcode as read, and the slide it belongs to if known."""

    carousel = models.ForeignKey(Carousel, on_delete=models.CASCADE, related_name="slots")
    position = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(SLOTS)])
    barcode = models.CharField(max_length=64, blank=True)
    slide = models.ForeignKey(Slide, null=True, blank=True, on_delete=models.PROTECT, related_name="slots")

    class Meta:
        ordering = ["carousel", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["carousel", "position"], name="lims_one_slot_position"),
            models.CheckConstraint(condition=models.Q(position__range=(1, SLOTS)), name="lims_slot_range"),
        ]

    def __str__(self) -> str:
        return f"{self.carousel.number:02d}-{self.position:02d}"
