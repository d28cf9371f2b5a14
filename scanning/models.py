"""Scanners, snapshots with their focus points, nights, and every attempt at every slide."""

import uuid
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from lims.models import Batch, Slide, Slot
from lims.states import FailureReason


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


class Night(models.Model):
    """A batch on a scanner, from its first snapshot to the morning."""

    batch = models.OneToOneField(Batch, on_delete=models.PROTECT, related_name="night_run")
    scanner = models.ForeignKey(Scanner, on_delete=models.PROTECT, related_name="nights")
    paused = models.BooleanField(default=False)
    snapshots_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

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
        DONE = "done", "Published"
        FAILED = "failed", "Failed"
        ABORTED = "aborted", "Aborted"

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
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-seen_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["path"], name="scanning_one_row_per_found_file")
        ]

    def __str__(self) -> str:
        return self.name
