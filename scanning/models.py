"""Scanners, snapshots with their focus points, nights, and every attempt at every slide."""

import uuid
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from lims.models import Batch, Slide, Slot
from lims.states import FailureReason
from scanning.validators import channel_names, valid_pattern


class Scanner(models.Model):
    """One instrument. Where it answers is a setting (SCANNER_ENDPOINTS); who drives it now is the lease."""

    name = models.SlugField(max_length=40, unique=True)
    lease_owner = models.UUIDField(null=True)
    lease_until = models.DateTimeField(default=timezone.now)
    locked_by = models.CharField(max_length=150, blank=True)
    lock_reason = models.CharField(max_length=200, blank=True)
    last_seen = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def queue(self) -> str:
        return f"scanner.{self.name}"


class ScanProfile(models.Model):
    """How the glasses of some stains are scanned. The first active profile whose pattern fits a slide's stain
    is its own; a technician may choose another on its snapshot.
    """

    class Colours(models.TextChoices):
        FIELD = "field", "Field by field"
        MOSAIC = "mosaic", "Colour by colour"

    class Encoding(models.TextChoices):
        LOSSLESS = "blosc", "Lossless"
        JPEG = "jpeg", "JPEG (brightfield only)"

    name = models.CharField(max_length=60, unique=True)
    stains = models.CharField(
        max_length=200, validators=[valid_pattern], help_text="a regular expression on the stain's name"
    )
    priority = models.PositiveSmallIntegerField(default=100, help_text="the lowest that fits is taken")
    active = models.BooleanField(default=True)
    channels = models.JSONField(
        default=list, blank=True, validators=[channel_names], help_text="names of the scanner's; empty: all"
    )
    layers = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(25)], help_text="focus layers, 1 to 25"
    )
    layer_step_um = models.FloatField(
        default=1.0, validators=[MinValueValidator(0.01), MaxValueValidator(1000)]
    )
    times = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(1000)], help_text="time points"
    )
    colours = models.CharField(max_length=6, choices=Colours, default=Colours.FIELD)
    encoding = models.CharField(max_length=5, choices=Encoding, default=Encoding.LOSSLESS)
    overlap = models.FloatField(
        default=0.1,
        validators=[MinValueValidator(0), MaxValueValidator(0.5)],
        help_text="share of a field that neighbours have in common",
    )

    class Meta:
        ordering = ["priority", "name"]

    def __str__(self) -> str:
        return self.name


class Night(models.Model):
    """A batch on a scanner, from its first snapshot to the morning.

    `paused`: no slide is begun, the one under the lens is finished. `stage_paused`: that one waits too.
    """

    batch = models.OneToOneField(Batch, on_delete=models.PROTECT, related_name="night_run")
    scanner = models.ForeignKey(Scanner, on_delete=models.PROTECT, related_name="nights")
    paused = models.BooleanField(default=False)
    stage_paused = models.BooleanField(default=False)
    paused_by = models.CharField(max_length=150, blank=True)
    pause_reason = models.CharField(max_length=200, blank=True)
    snapshots_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True, help_text="when its morning report was sent off")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["scanner"],
                condition=models.Q(ended_at__isnull=True),
                name="scanning_one_night_per_scanner",
                violation_error_message="This scanner still has an unfinished night.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.batch} on {self.scanner}"


class Snapshot(models.Model):
    """The photograph of one glass on one night, what was seen on it, and the scan area that came of it
    (stage µm).
    """

    slot = models.OneToOneField(Slot, on_delete=models.CASCADE, related_name="snapshot")
    slide = models.ForeignKey(Slide, on_delete=models.PROTECT, related_name="snapshots")
    profile = models.ForeignKey(
        ScanProfile, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    macro = models.CharField(
        max_length=200, help_text="relative to SNAPSHOT_ROOT; shows the label's end of the glass"
    )
    label = models.CharField(max_length=200, help_text="relative to SNAPSHOT_ROOT; identified")
    barcode_read = models.CharField(max_length=64, blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    um_per_px = models.FloatField()
    origin_x_um = models.FloatField(default=0.0)
    origin_y_um = models.FloatField(default=0.0)
    area_x_um = models.FloatField(default=0.0)
    area_y_um = models.FloatField(default=0.0)
    area_width_um = models.FloatField(default=0.0)
    area_height_um = models.FloatField(default=0.0)
    risk = models.FloatField(default=1.0)
    reasons = models.JSONField(default=list)
    accepted_by = models.CharField(max_length=150, blank=True)
    accepted_at = models.DateTimeField(null=True)
    review_seconds = models.FloatField(default=0.0, help_text="a person's time spent on this picture")
    version = models.PositiveIntegerField(default=1)
    taken_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-risk", "id"]

    def __str__(self) -> str:
        return f"{self.slide} {self.slot}"

    @property
    def macro_file(self) -> Path:
        return Path(settings.SNAPSHOT_ROOT) / self.macro

    @property
    def label_file(self) -> Path:
        return Path(settings.SNAPSHOT_ROOT) / self.label


class FocusPoint(models.Model):
    """Where the scanner is to focus before the scan, in stage µm."""

    class Source(models.TextChoices):
        AUTOMATIC = "automatic", "Automatic"
        PERSON = "person", "Technician"

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="points")
    x_um = models.FloatField()
    y_um = models.FloatField()
    source = models.CharField(max_length=9, choices=Source, default=Source.AUTOMATIC)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"({self.x_um:.0f}, {self.y_um:.0f}) µm"


class Attempt(models.Model):
    """One try to scan one slide: its number, parameters, reason and outcome are kept for ever."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Scanning"
        ACQUIRED = "acquired", "Building the virtual slide"
        DONE = "done", "Scanned and verified"
        FAILED = "failed", "Failed"
        ABORTED = "aborted", "Aborted"

    class Fate(models.TextChoices):
        """What becomes of a slide whose scan a person stops."""

        FAIL = "fail", "Fail the slide"
        REQUEUE = "requeue", "Put it at the end of the queue"

    slide = models.ForeignKey(Slide, on_delete=models.PROTECT, related_name="attempts")
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="attempts")
    night = models.ForeignKey(Night, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    run = models.UUIDField(default=uuid.uuid4, unique=True)
    fence = models.PositiveIntegerField(default=0)
    takeovers = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED, db_index=True)
    order = models.PositiveIntegerField(default=0)
    parameters = models.JSONField(default=dict)
    adjustments = models.JSONField(default=dict, help_text="what this try does unlike the one before it")
    stop_by = models.CharField(max_length=150, blank=True, help_text="who asked for its end")
    stop_reason = models.CharField(max_length=200, blank=True)
    stop_as = models.CharField(max_length=7, choices=Fate, blank=True)
    handed_over = models.BooleanField(default=False, help_text="its driver left; the scan itself goes on")
    lost_drivers = models.PositiveSmallIntegerField(
        default=0,
        help_text="drivers that began and brought no new plane: a slide that kills them is given up",
    )
    done_planes = models.PositiveIntegerField(default=0)
    planned_planes = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=20, choices=FailureReason, blank=True)
    message = models.CharField(max_length=500, blank=True)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    acquired_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["slide", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["slide", "number"], name="scanning_one_attempt_number"),
            models.UniqueConstraint(
                fields=["slide"],
                condition=models.Q(state__in=["queued", "running", "acquired"]),
                name="scanning_one_open_attempt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slide} attempt {self.number}"

    @property
    def seconds(self) -> float | None:
        end = self.ended_at or self.acquired_at
        return (end - self.started_at).total_seconds() if self.started_at and end else None


class Quality(models.Model):
    """What was measured on the slide of one attempt, and what was decided of it."""

    class Verdict(models.TextChoices):
        GOOD = "good", "Good"
        RESCAN = "rescan", "Scanned again at once"
        DOUBTFUL = "doubtful", "A person decides"
        ACCEPTED = "accepted", "Accepted by a person"
        REFUSED = "refused", "Refused by a person"

    attempt = models.OneToOneField(Attempt, on_delete=models.CASCADE, related_name="quality")
    verdict = models.CharField(max_length=8, choices=Verdict)
    findings = models.JSONField(default=list, help_text="[{code, share, message}], the worst first")
    focus = models.FloatField(help_text="median focus score of the fields that hold tissue, 0 to 1")
    blurred_share = models.FloatField(default=0.0)
    saturated_share = models.FloatField(default=0.0)
    outside_share = models.FloatField(default=0.0, help_text="of the tissue on the snapshot")
    residual_um = models.FloatField(null=True, help_text="registration: how far neighbours disagree")
    missing_fields = models.PositiveIntegerField(default=0)
    scores = models.JSONField(default=list, help_text="[[r, c, score, field], …]; -1 without tissue")
    seconds = models.FloatField(default=0.0)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, blank=True)
    measured_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "qualities"

    def __str__(self) -> str:
        return f"{self.attempt}: {self.get_verdict_display()}"


class Alert(models.Model):
    """Something that a person should know now. One open alert of a kind for a subject; it clears by itself
    or by a person.
    """

    class Kind(models.TextChoices):
        NO_PROGRESS = "no_progress", "No progress"
        DISK_LOW = "disk_low", "Disk space is low"
        MANY_FAILURES = "many_failures", "Many slides fail"
        SCANNER_LOST = "scanner_lost", "Scanner does not answer"
        SERVICE_LOST = "service_lost", "Slide service does not answer"
        NIGHT_ENDED = "night_ended", "The night has ended"
        QUEUE_SILENT = "queue_silent", "Workers do not take work"

    kind = models.CharField(max_length=16, choices=Kind)
    subject = models.CharField(max_length=120, help_text="a scanner, a night, a volume")
    message = models.CharField(max_length=500)
    raised_at = models.DateTimeField(default=timezone.now)
    cleared_at = models.DateTimeField(null=True)
    seen_by = models.CharField(max_length=150, blank=True)
    sent = models.JSONField(default=dict, help_text="{channel: when it took it, or what it said}")

    class Meta:
        ordering = ["-raised_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=models.Q(cleared_at__isnull=True),
                name="scanning_one_open_alert",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"


class ImportedFile(models.Model):
    """A vendor scanner's file as it was found in a watched folder, and what became of it."""

    class State(models.TextChoices):
        MATCHED = "matched", "In the record"
        UNMATCHED = "unmatched", "Waits for a match"
        REFUSED = "refused", "Refused"

    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, blank=True)
    bytes = models.BigIntegerField(default=0)
    state = models.CharField(max_length=9, choices=State)
    slide = models.ForeignKey(Slide, null=True, blank=True, on_delete=models.PROTECT, related_name="imports")
    message = models.CharField(max_length=500, blank=True)
    path = models.CharField(max_length=500, help_text="where it was found")
    stamp = models.CharField(
        max_length=120, blank=True, help_text="while it is the same the file is not read again"
    )
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-seen_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["path"], name="scanning_one_row_per_found_file")
        ]

    def __str__(self) -> str:
        return self.name
