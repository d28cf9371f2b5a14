"""What became of each slide and report on its way out, with the gate's certificate."""

from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils import timezone

from lims.models import Case, Slide


class State(models.TextChoices):
    PENDING = "pending", "In work"
    PASSED = "passed", "Passed the gate"
    QUARANTINED = "quarantined", "In quarantine"


class Deidentified(models.Model):
    """Shared by slides and reports. ``path`` is below DEIDENTIFIED_ROOT and exists only when the gate has
    passed it."""

    source_sha256 = models.CharField(max_length=64)
    path = models.CharField(max_length=200, unique=True)
    sha256 = models.CharField(max_length=64, blank=True)
    bytes = models.BigIntegerField(default=0)
    certificate = models.JSONField(default=dict, blank=True)
    work = models.JSONField(default=dict, blank=True)
    policy_version = models.CharField(max_length=20, blank=True)
    known_seal = models.CharField(max_length=64, blank=True, help_text="what the gate searched for, sealed")
    state = models.CharField(max_length=12, choices=State, default=State.PENDING, db_index=True)
    problem_code = models.CharField(max_length=40, blank=True)
    problem = models.TextField(blank=True)
    seconds = models.FloatField(default=0.0)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    @property
    def file(self) -> Path:
        return Path(settings.DEIDENTIFIED_ROOT) / self.path


class DeidentifiedSlide(Deidentified):
    """``regions_version`` counts what people decided of its covered regions: a file that was made before the
    last of it is not kept.
    """

    slide = models.ForeignKey(Slide, on_delete=models.PROTECT, related_name="deidentified")
    regions_version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["slide", "source_sha256"], name="deidentify_one_per_slide_file")
        ]

    def __str__(self) -> str:
        return f"{self.slide} ({self.get_state_display()})"


class DeidentifiedReport(Deidentified):
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="deidentified_reports")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["case", "source_sha256"], name="deidentify_one_per_report_file")
        ]

    def __str__(self) -> str:
        return f"Report of {self.case} ({self.get_state_display()})"


class CoveredRegion(models.Model):
    """A rectangle of a slide's file that a person covered, in px of its finest level. One that was taken back
    stays as a row that says who did it.
    """

    class Reason(models.TextChoices):
        PEN = "pen", "Pen mark"
        STICKER = "sticker", "Sticker"
        LABEL = "label", "Label"
        OTHER = "other", "Something else"

    item = models.ForeignKey(DeidentifiedSlide, on_delete=models.PROTECT, related_name="regions")
    left = models.PositiveIntegerField()
    top = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    reason = models.CharField(max_length=8, choices=Reason)
    drawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    drawn_at = models.DateTimeField(default=timezone.now)
    removed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(width__gt=0, height__gt=0), name="deidentify_region_has_a_size"
            ),
            models.CheckConstraint(
                condition=models.Q(removed_by=None, removed_at=None)
                | models.Q(removed_by__isnull=False, removed_at__isnull=False),
                name="deidentify_region_removed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} on {self.item.slide}"

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.width, self.height


class ReportReview(models.Model):
    """What two people say of a clean report. Places only, of the text with the names: the names stay in the
    report itself. ``version`` counts the decisions; ``made``: the clean file is as they decided.
    """

    class State(models.TextChoices):
        OPEN = "open", "In review"
        REVIEWED = "reviewed", "Waits for a second person"
        SIGNED = "signed", "Signed"

    report = models.OneToOneField(DeidentifiedReport, on_delete=models.PROTECT, related_name="review")
    basis = models.CharField(max_length=64)
    accepted = models.JSONField(default=list)
    removed = models.JSONField(default=list)
    added = models.JSONField(default=list)
    version = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN, db_index=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    signed_at = models.DateTimeField(null=True, blank=True)
    returned = models.CharField(max_length=300, blank=True, help_text="why it came back")
    made = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(signed_by=None) | ~models.Q(signed_by=models.F("reviewed_by")),
                name="deidentify_two_people_sign",
            )
        ]

    def __str__(self) -> str:
        return f"Review of {self.report}"


def fresh_path(folder: str, suffix: str) -> str:
    """A random name: neither the file's nor the slide's own name leaves the laboratory."""
    return f"{folder}/{uuid4().hex}{suffix.lower()}"
