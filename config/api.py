"""The one router of the API: every app adds its own resources."""

from rest_framework.routers import SimpleRouter

from annotation import api as annotation
from corpus import api as corpus
from deidentify import api as deidentify
from lims import api as lims
from scanning import api as scanning

router = SimpleRouter()
for room in (lims, scanning, deidentify, annotation, corpus):
    room.register(router)
