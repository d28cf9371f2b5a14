"""The morning report: every slide of a night is published, failed with a reason, or skipped with one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max
from django.urls import reverse

from lims.models import Batch
from scanning.boards import Place
from scanning.models import Attempt, Night
from scanning.mornings import Account, account, outcomes
from scanning.queries import ReviewEffort, review_effort

Told = Callable[[Place], str]


def by_barcode(place: Place) -> str:
    return place.barcode or f"{by_slot(place)} empty"


def by_slot(place: Place) -> str:
    """For what leaves the house: no barcode is in a mail."""
    return f"{place.carousel}-{place.position}"


@dataclass(frozen=True)
class Morning:
    """One night's account."""

    batch: Batch
    account: Account
    failed: Mapping[str, Sequence[Place]]
    skipped: Mapping[str, Sequence[Place]]
    under_way: Mapping[str, Sequence[Place]]
    unknown: Sequence[Place]
    effort: ReviewEffort
    hours: float | None
    rescans: Sequence[Batch] = field(default=())

    @property
    def slides(self) -> int:
        return self.account.slides

    @property
    def published(self) -> int:
        return self.account.published

    @property
    def per_hour(self) -> float | None:
        return (self.account.published + self.account.failed) / self.hours if self.hours else None

    @property
    def sum(self) -> str:
        return self.account.words

    @property
    def figures(self) -> list[tuple[str, str]]:
        """(name, value) of what the night cost and gave."""
        pace = f"{self.per_hour:.0f} slides an hour" if self.per_hour else "not measured"
        scanned = f"{self.hours:.1f} h of scanning, {pace}" if self.hours else "nothing was scanned"
        looked = f"{self.effort.total_s / 60:.1f} min for {self.effort.reviewed} slides"
        again = ", ".join(batch.name for batch in self.rescans) or "none yet"
        return [("Pace", scanned), ("Technician's focus review", looked), ("Rescan batches", again)]

    @property
    def groups(self) -> list[tuple[str, str, Sequence[Place]]]:
        """(Failed, cause, slots): the failures first, the commonest cause first."""
        named = (("Failed", self.failed), ("Skipped", self.skipped), ("Under way", self.under_way))
        return [
            (title, why, found)
            for title, group in named
            for why, found in sorted(group.items(), key=lambda entry: (-len(entry[1]), entry[0]))
        ]

    @property
    def links(self) -> list[tuple[str, str]]:
        """(what, address); none where the settings do not say under which address the laboratory is."""
        if not settings.SITE_URL:
            return []
        pages = [("The morning board", reverse("scanning:morning", args=[self.batch.pk]))]
        pages += [
            (f"Pick list of {one.name}", reverse("lims:pull-list", args=[one.pk])) for one in self.rescans
        ]
        return [(name, settings.SITE_URL.rstrip("/") + path) for name, path in pages]


def morning(batch: Batch) -> Morning:
    found = outcomes(batch)
    slides = [place for place in found if place.slide]
    return Morning(
        batch=batch,
        account=account(found),
        failed=_by_cause(place for place in slides if place.failed),
        skipped=_by_cause(place for place in slides if place.skipped),
        under_way=_by_cause(
            place for place in slides if not (place.published or place.failed or place.skipped)
        ),
        unknown=[place for place in found if not place.slide],
        effort=review_effort(batch),
        hours=_hours(batch),
        rescans=list(batch.rescans.order_by("id")),
    )


def _by_cause(found: Iterable[Place]) -> dict[str, list[Place]]:
    groups: dict[str, list[Place]] = {}
    for place in found:
        groups.setdefault(place.why, []).append(place)
    return groups


def _hours(batch: Batch) -> float | None:
    """From the start of the night to the end of its last attempt."""
    night = Night.objects.filter(batch=batch, started_at__isnull=False).first()
    if night is None or night.started_at is None:
        return None
    end: datetime | None = Attempt.objects.filter(night=night).aggregate(last=Max("ended_at"))["last"]
    return (end - night.started_at) / timedelta(hours=1) if end else None


def as_text(found: Morning, told: Told = by_barcode) -> str:
    """The report as a mail or a terminal shows it; the sum stands in the first line."""
    lines = [f"{found.batch.name}: {found.sum}"]
    lines += [
        f"  {title}: {why} ({len(group)}): {', '.join(map(told, group))}"
        for title, why, group in found.groups
    ]
    if found.unknown:
        strange = ", ".join(map(told, found.unknown))
        lines.append(f"  Slots without a slide of ours ({len(found.unknown)}): {strange}")
    lines += [f"  {name}: {value}" for name, value in found.figures]
    lines += [f"  {name}: {address}" for name, address in found.links]
    return "\n".join(lines)
