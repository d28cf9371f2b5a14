"""Reading for programs: what was drawn, and who reads what."""

from rest_framework.routers import SimpleRouter

from annotation.api.annotations import Annotations
from annotation.api.assignments import Assignments


def register(router: SimpleRouter) -> None:
    router.register("annotations", Annotations, basename="annotations")
    router.register("assignments", Assignments, basename="assignments")
