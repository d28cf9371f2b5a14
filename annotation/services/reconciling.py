"""What stopped in reading is found and put right."""

from django.utils import timezone

from annotation.services import rota, settling


def reconcile() -> None:
    """Asked every few seconds (config/pipeline.py)."""
    rota.hand_over_leave(today=timezone.localdate())
    settling.reconcile()
