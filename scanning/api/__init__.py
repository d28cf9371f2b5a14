"""The scanner room for programs: the same verbs as its pages."""

from rest_framework.routers import BaseRouter

from scanning.api.attempts import Attempts
from scanning.api.nights import Nights
from scanning.api.quality import Profiles, Qualities
from scanning.api.scanners import Alerts, Scanners
from scanning.api.snapshots import Snapshots


def register(router: BaseRouter) -> None:
    router.register("scanners", Scanners, "scanner")
    router.register("snapshots", Snapshots, "snapshot")
    router.register("nights", Nights, "night")
    router.register("attempts", Attempts, "attempt")
    router.register("alerts", Alerts, "alert")
    router.register("qualities", Qualities, "quality")
    router.register("scan-profiles", Profiles, "scan-profile")
