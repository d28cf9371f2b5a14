"""The web server's door."""

import os

from django.core.asgi import get_asgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()
get_resolver().resolve("/")  # reads every view: before the door opens, not while the first person waits
