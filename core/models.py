"""What every app shares: people, the outbox of jobs, and the audit chain."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone


class User(AbstractUser):
    """A person who logs in. Roles are groups (`core.roles`)."""

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username


class Job(models.Model):
    """One piece of work to be done, written in the transaction that made it necessary.

    The row decides; the broker is only a doorbell. `due_at` says when the relay rings (again); a worker owns
    the job while `running_until` lies ahead, and keeps it ahead by beating.
    """

    id = models.BigAutoField(primary_key=True)
    task = models.CharField(max_length=100)
    args = models.JSONField(default=dict)
    queue = models.CharField(max_length=60, default="default")
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    rings = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    claim = models.UUIDField(null=True)
    running_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                name="core_job_open",
                condition=models.Q(done_at__isnull=True, failed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.args}"


class AuditEntry(models.Model):
    """Who did what to which record, when and why; each row seals the one before it."""

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=60, db_index=True)
    target = models.CharField(max_length=120, db_index=True)
    detail = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    previous_hash = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target}"
