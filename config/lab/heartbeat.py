"""The workers' sign of life: Celery's own heartbeat also touches the file that NOCTURNE_HEARTBEAT names.

Loaded into the workers by `celery worker --include`.
"""

import os
from pathlib import Path

from celery.signals import heartbeat_sent

from config.lab.environment import HEARTBEAT


def touch() -> None:
    """Say "I am here". Does nothing in a process that the supervisor did not start."""
    file = os.environ.get(HEARTBEAT)
    if file:
        Path(file).touch()


@heartbeat_sent.connect(weak=False)
def on_heartbeat(**kwargs: object) -> None:
    touch()
