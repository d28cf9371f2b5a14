"""The map from people to keys, in a database of its own. Rows are only ever added.

There is no foreign key to the laboratory's tables and no page that shows this map. A reference is the
laboratory's own
row number in words (``patient:17``): who steals this file alone learns no name.
"""

from typing import Any, NoReturn

from django.core.validators import RegexValidator
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


class PatientKey(AddOnlyModel):
    """A patient's key in the corpus: eight random digits, and the days by which that patient's dates are
    shifted."""

    patient_ref = models.CharField(max_length=64, unique=True)
    key = models.CharField(max_length=8, unique=True, validators=[RegexValidator(r"^\d{8}\Z")])
    date_shift_days = models.SmallIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.key


class CaseNumber(AddOnlyModel):
    """A case's sample number in the corpus: random within its year."""

    case_ref = models.CharField(max_length=64, unique=True)
    year = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["year", "number"], name="vault_one_number_per_year")]

    def __str__(self) -> str:
        return f"{self.year}-{self.number:05d}"


class KeyLook(AddOnlyModel):
    """One look at the map: who, when, at what, why."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.CharField(max_length=150)
    reference = models.CharField(max_length=64, db_index=True)
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.actor}: {self.reference}"
