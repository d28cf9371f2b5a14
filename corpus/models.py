"""What left the laboratory: releases and every file in them."""

from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from lims.models import Slide


class NamingTemplate(models.Model):
    """One version of a naming template of the laboratory's own (corpus.patterns). Never changed: another line
    is another version, for published releases are read back by theirs.
    """

    name = models.SlugField(max_length=30)
    version = models.PositiveIntegerField()
    line = models.CharField(max_length=200)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["name", "-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "version"], name="corpus_one_line_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


class Release(models.Model):
    """One immutable, numbered edition of the corpus. One person makes it, another approves it."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        APPROVED = "approved", "Approved, building"
        PUBLISHED = "published", "Published"
        FAILED = "failed", "Stopped"

    number = models.PositiveIntegerField(unique=True)
    template = models.CharField(max_length=60)
    licence = models.CharField(max_length=40, default="CC0-1.0", help_text="SPDX identifier")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    path = models.CharField(max_length=500, blank=True, help_text="the folder it was published to")
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    stats = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=1, help_text="one more for each withdrawal")
    small_cells = models.JSONField(default=dict, help_text="patients who stand nearly alone in it")
    small_cells_reason = models.CharField(max_length=500, blank=True, help_text="why it leaves all the same")
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(approved_by=None) | ~models.Q(approved_by=models.F("created_by")),
                name="corpus_two_people_release",
            )
        ]

    def __str__(self) -> str:
        return f"Release {self.number}"

    @property
    def folder(self) -> Path:
        return Path(settings.RELEASE_ROOT) / str(self.number)


class ReleaseItem(models.Model):
    """One file of a release. A draft has its image files only, without size and hash."""

    class Kind(models.TextChoices):
        IMAGE = "image", "Image"
        ANNOTATION = "annotation", "Annotations"
        REPORT = "report", "Report"
        TAG = "tag", "About the release"

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="items")
    slide = models.ForeignKey(
        Slide, null=True, blank=True, on_delete=models.PROTECT, related_name="release_items"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    path = models.CharField(max_length=250, help_text="inside the release")
    sha256 = models.CharField(max_length=64, blank=True)
    bytes = models.BigIntegerField(default=0)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["path"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["release", "path"], name="corpus_one_file_per_path")
        ]

    def __str__(self) -> str:
        return self.path


class WrittenSite(models.Model):
    """A folder where a site of a release was written: a withdrawal reaches it. `problem` says why it could
    not be written again.
    """

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="sites")
    place = models.CharField(max_length=1000, unique=True)
    written_at = models.DateTimeField(default=timezone.now)
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["release__number", "place"]

    def __str__(self) -> str:
        return self.place

    @property
    def folder(self) -> Path:
        return Path(self.place)


class SearchDocument(models.Model):
    """What a slide can be found by: clean words only. The full-text index of the database lies over it
    (migration 0003); `of_report` is the hash of the clean report that it was made from.
    """

    slide = models.OneToOneField(Slide, on_delete=models.CASCADE, related_name="+")
    report = models.TextField(blank=True)
    drawn = models.TextField(blank=True, help_text="labels and comments of what was signed")
    of_report = models.CharField(max_length=64, blank=True)
    indexed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"words of {self.slide}"


class Words(models.TextField):  # type: ignore[type-arg]  # not to be subscripted when it runs
    """All that an FTS5 table holds of a row: only to be searched."""


@Words.register_lookup
class Match(models.Lookup):
    lookup_name = "match"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, values = self.process_lhs(compiler, connection)
        asked, more = self.process_rhs(compiler, connection)
        return f"{column} MATCH {asked}", (*values, *more)


class SearchIndex(models.Model):
    """SQLite's index over `SearchDocument`, made by migration 0003; in PostgreSQL there is no such table."""

    document = models.OneToOneField(
        SearchDocument, on_delete=models.DO_NOTHING, primary_key=True, db_column="rowid", related_name="index"
    )
    words = Words(db_column="corpus_search")
    rank = models.FloatField()

    class Meta:
        managed = False
        db_table = "corpus_search"

    def __str__(self) -> str:
        return f"index of {self.document}"
