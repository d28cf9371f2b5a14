"""Where the verified pixels of a slide are."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone

from lims.models import Slide


class VirtualSlide(models.Model):
    """One verified pixel file of a slide. A row never names a path that was not verified."""

    class Kind(models.TextChoices):
        MOSAIC = "mosaic", "Raw mosaic (HDF5)"
        VENDOR = "vendor", "Vendor file"

    slide = models.ForeignKey(Slide, on_delete=models.PROTECT, related_name="virtual_slides")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.MOSAIC)
    path = models.CharField(max_length=300, unique=True, help_text="relative to SLIDE_ROOT")
    sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    fields = models.PositiveIntegerField(default=0)
    channels = models.PositiveSmallIntegerField(default=3)
    pixel_size_um = models.FloatField(null=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    current = models.BooleanField(default=True)
    verified_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["slide", "-attempt"]
        constraints = [
            models.UniqueConstraint(
                fields=["slide"], condition=models.Q(current=True), name="viewer_one_current_per_slide"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slide} ({self.kind})"

    @property
    def file(self) -> Path:
        return Path(settings.SLIDE_ROOT) / self.path
