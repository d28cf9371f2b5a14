"""Who reads, what they were given to read, and what they drew on it."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.policy import daily_limit
from lims.models import Slide


class Reader(models.Model):
    """A pathologist as the assignment sees one: which tissues, how many slides a day. Exports say only the
    number.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reader")
    tissues = models.JSONField(default=list, help_text="the tissue categories this person reads")
    daily_limit = models.PositiveSmallIntegerField(default=daily_limit)
    active = models.BooleanField(default=True)
    turn = models.PositiveIntegerField(
        default=0, editable=False, help_text="counts assignments; guards the limit"
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    @property
    def number(self) -> str:
        """What a released file calls this reader."""
        return f"reader-{self.pk:03d}"

    @property
    def name(self) -> str:
        return str(self.user.display_name)

    def reads(self, tissue: str) -> bool:
        return tissue in self.tissues


class Assignment(models.Model):
    """One slide on one reader's list."""

    class State(models.TextChoices):
        OPEN = "open", "To read"
        SUBMITTED = "submitted", "Submitted"
        RETURNED = "returned", "Returned"

    slide = models.ForeignKey(Slide, on_delete=models.PROTECT, related_name="assignments")
    reader = models.ForeignKey(Reader, on_delete=models.PROTECT, related_name="assignments")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN, db_index=True)
    due = models.DateField(default=timezone.localdate)
    created_at = models.DateTimeField(default=timezone.now)
    opened_at = models.DateTimeField(null=True, blank=True)
    touched_at = models.DateTimeField(
        null=True, blank=True, help_text="the last stroke saved under this assignment"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    minutes = models.FloatField(
        null=True, blank=True, help_text="time spent on the slide, idle time left out"
    )
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["due", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["slide"], condition=Q(state="open"), name="annotation_one_open_per_slide"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slide} to {self.reader}"


class Annotation(models.Model):
    """What a reader drew and said, as it stands now. `client_id` is chosen by the browser, so a resend is
    no twin.
    """

    class Kind(models.TextChoices):
        RECTANGLE = "rectangle", "Rectangle"
        ELLIPSE = "ellipse", "Ellipse"
        FREEHAND = "freehand", "Freehand outline"
        POLYGON = "polygon", "Polygon"
        POINT = "point", "Point"
        LINE = "line", "Line"

    client_id = models.UUIDField(default=uuid.uuid4, unique=True)
    slide = models.ForeignKey(Slide, on_delete=models.PROTECT, related_name="annotations")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="annotations")
    assignment = models.ForeignKey(
        Assignment, null=True, blank=True, on_delete=models.PROTECT, related_name="annotations"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    geometry = models.JSONField(help_text="GeoJSON geometry in px of level 1, y downwards")
    label = models.CharField(max_length=100, blank=True)
    comment = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=1)
    deleted = models.BooleanField(default=False)
    locked = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["slide"], condition=Q(deleted=False), name="annotation_live_of_slide")
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.slide}"


class AnnotationVersion(models.Model):
    """One save of one annotation; none is ever changed."""

    annotation = models.ForeignKey(Annotation, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Annotation.Kind)
    geometry = models.JSONField()
    label = models.CharField(max_length=100, blank=True)
    comment = models.TextField(blank=True)
    deleted = models.BooleanField(default=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["annotation", "version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["annotation", "version"], name="annotation_one_row_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.annotation_id} v{self.version}"
