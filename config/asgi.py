"""The web server's door."""

import os

import django
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from core.serving import LastingThreads  # noqa: E402  # needs the settings

application = LastingThreads()
# It looks after the connections itself: the signals would wake one more thread at each request.
request_started.disconnect(reset_queries)
request_started.disconnect(close_old_connections)
request_finished.disconnect(close_old_connections)
get_resolver().resolve("/")  # reads every view: before the door opens, not while the first person waits
