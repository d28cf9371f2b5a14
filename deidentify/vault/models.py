"""What was issued to whom, sealed, in a database of its own. Rows are only ever added.

There is no foreign key to the laboratory's tables and no page that shows this map. Who steals this file
learns how many keys were issued, and when; who steals the laboratory's as well learns no more.
"""

from typing import Any, NoReturn

from django.db import models
from django.utils import timezone

from deidentify.vault.errors import AppendOnly


class AddOnly(models.QuerySet[Any]):
    """A query set that neither changes nor removes rows."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly("rows of the vault are never changed")

    def delete(self) -> NoReturn:
        raise AppendOnly("rows of the vault are never removed")


class AddOnlyModel(models.Model):
    objects = AddOnly.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("rows of the vault are never changed")
        super().save(*args, **kwargs | {"force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("rows of the vault are never removed")


class KeyRing(AddOnlyModel):
    """The data key, wrapped by the file key named; the newest row counts."""

    generation = models.PositiveIntegerField(unique=True)
    key_id = models.CharField(max_length=16)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["generation"]

    def __str__(self) -> str:
        return f"generation {self.generation}"


class Issued(AddOnlyModel):
    """One number given out. `owner` and `value` are tags: of whom it was given to, and of the number itself,
    so that both are unique without being readable. `sealed` holds them in words.
    """

    owner = models.CharField(max_length=64, unique=True)
    value = models.CharField(max_length=64, unique=True)
    sealed = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"issued {self.pk}"


class KeyLook(AddOnlyModel):
    """One look at the map: who, when, at what, why; chained, so that none can be taken out unseen."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.CharField(max_length=150)
    reference = models.CharField(max_length=64, db_index=True)
    reason = models.CharField(max_length=200)
    seal = models.CharField(max_length=64, blank=True, help_text="of this row and the one before it")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.actor}: {self.reference}"
