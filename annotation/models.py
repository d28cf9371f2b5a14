"""Who reads, what they were given to read, and what they drew on it."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.policy import daily_limit, working_week
from lims.models import Case, Slide


class Reader(models.Model):
    """A pathologist as the assignment sees one: which tissues, how many slides a day. Exports say only the
    number.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reader")
    tissues = models.JSONField(default=list, help_text="the tissue categories this person reads")
    daily_limit = models.PositiveSmallIntegerField(default=daily_limit)
    hours = models.JSONField(default=working_week, help_text="hours of reading on each day, Monday first")
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


class Leave(models.Model):
    """Days on which a reader gets nothing: both the first and the last are free."""

    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="leave")
    first = models.DateField()
    last = models.DateField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["first"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(last__gte=models.F("first")), name="annotation_leave_ends")
        ]

    def __str__(self) -> str:
        return f"{self.reader}, {self.first} to {self.last}"


class Recusal(models.Model):
    """A conflict of interest: this reader never gets a slide of this case."""

    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="recusals")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="recusals")
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reader", "case"], name="annotation_recused_once")
        ]

    def __str__(self) -> str:
        return f"{self.reader} not on {self.case}"


class Study(models.Model):
    """What is asked of a kind of slide: the words to label with, and how often a second reader looks. A slide
    belongs to the first active study, by `priority`, whose tissues and stain pattern fit it.
    """

    name = models.CharField(max_length=100, unique=True)
    question = models.TextField(blank=True, help_text="what the readers are to find, in plain words")
    tissues = models.JSONField(default=list, blank=True, help_text="empty: every tissue")
    stains = models.CharField(max_length=200, blank=True, help_text="a pattern sought in the stain's name")
    priority = models.PositiveSmallIntegerField(default=100, help_text="the lowest that fits is taken")
    second_reads = models.FloatField(
        default=0.0, help_text="the share of slides read blindly by a second reader"
    )
    agreement = models.FloatField(default=0.6, help_text="below this two readings go to a third reader")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["priority", "id"]
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return self.name

    @property
    def second_percent(self) -> float:
        return 100 * self.second_reads


class Term(models.Model):
    """One word of a study's vocabulary: a label with its colour and its key."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="terms")
    label = models.CharField(max_length=100)
    colour = models.CharField(max_length=7, default="#ffd21e")
    key = models.CharField(max_length=1, blank=True)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["order", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "label"], name="annotation_one_term_per_label"),
            models.UniqueConstraint(
                fields=["study", "key"], condition=~Q(key=""), name="annotation_one_term_per_key"
            ),
        ]

    def __str__(self) -> str:
        return self.label


class Assignment(models.Model):
    """One slide on one reader's list."""

    class State(models.TextChoices):
        OPEN = "open", "To read"
        SUBMITTED = "submitted", "Submitted"
        RETURNED = "returned", "Returned"

    class Purpose(models.TextChoices):
        FIRST = "first", "First reading"
        SECOND = "second", "Second reading"  # blind: neither reader sees the other's annotations
        THIRD = "third", "Adjudication"  # sees both
        OPINION = "opinion", "Second opinion"  # asked of a named colleague

    slide = models.ForeignKey(Slide, on_delete=models.PROTECT, related_name="assignments")
    reader = models.ForeignKey(Reader, on_delete=models.PROTECT, related_name="assignments")
    purpose = models.CharField(max_length=8, choices=Purpose, default=Purpose.FIRST)
    study = models.ForeignKey(Study, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    question = models.CharField(max_length=500, blank=True, help_text="what a colleague is asked")
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
                fields=["slide", "purpose"],
                condition=Q(state="open") & ~Q(purpose="opinion"),
                name="annotation_one_open_per_purpose",
            ),
            models.UniqueConstraint(
                fields=["slide", "reader"], condition=Q(state="open"), name="annotation_one_open_per_reader"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slide} to {self.reader}"


class Sitting(models.Model):
    """One page view of an assignment: the seconds in which the reader was at work, idle time left out. The
    page sends its running total again and again under its own id.
    """

    client_id = models.UUIDField(unique=True)
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="sittings")
    active_s = models.FloatField(default=0.0)
    began_at = models.DateTimeField(default=timezone.now)
    heard_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["began_at"]

    def __str__(self) -> str:
        return f"{self.active_s:.0f} s of {self.assignment}"


class Agreement(models.Model):
    """Two blind readings of one slide, compared. `labels` has a row for each label: counts, IoU, Dice."""

    first = models.OneToOneField(Assignment, on_delete=models.PROTECT, related_name="+")
    second = models.OneToOneField(Assignment, on_delete=models.PROTECT, related_name="+")
    third = models.OneToOneField(
        Assignment, null=True, blank=True, on_delete=models.PROTECT, related_name="settles"
    )
    kappa = models.FloatField(null=True, blank=True, help_text="Cohen's, over the labels of the vocabulary")
    iou = models.FloatField(null=True, blank=True, help_text="area in common over area of either, same label")
    dice = models.FloatField(null=True, blank=True)
    labels = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.first} and {self.second}"


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
        RULER = "ruler", "Ruler"

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
    negative = models.BooleanField(default=False, help_text="cuts out of what lies under it (ImageScope)")
    layer = models.CharField(
        max_length=100, blank=True, help_text="the group it was drawn or brought in with"
    )
    origin = models.CharField(
        max_length=100, blank=True, help_text="empty: by hand; a detector or a file's format"
    )
    extra = models.JSONField(default=dict, blank=True, help_text="what a file said of it that we do not use")
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
    negative = models.BooleanField(default=False)
    layer = models.CharField(max_length=100, blank=True)
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
