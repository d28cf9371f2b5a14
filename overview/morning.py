"""The morning report: every slide of a night is published, failed with a reason, or skipped with one."""

from collections import Counter
from dataclasses import dataclass

from lims import queries as record
from lims.models import Batch, Slide
from lims.states import FailureReason, State
from scanning.queries import PUBLISHED

SKIPPED = (State.REGISTERED, State.REJECTED, State.HELD, State.WITHDRAWN)


@dataclass(frozen=True)
class Morning:
    """One night's account. `under_way` is empty once the night is over."""

    batch: Batch
    published: int
    failed: dict[str, list[str]]
    skipped: dict[str, list[str]]
    under_way: dict[str, list[str]]
    unknown: list[str]

    @property
    def slides(self) -> int:
        groups = (self.failed, self.skipped, self.under_way)
        return self.published + sum(len(found) for group in groups for found in group.values())


def morning(batch: Batch) -> Morning:
    groups: dict[str, dict[str, list[str]]] = {"failed": {}, "skipped": {}, "under_way": {}}
    states: Counter[str] = Counter()
    for slide in record.slides_of(batch).order_by("barcode"):
        states[slide.state] += 1
        if slide.state not in PUBLISHED:
            kind, why = _why(slide)
            groups[kind].setdefault(why, []).append(slide.barcode)
    strange = record.slots_of(batch).filter(slide=None)
    return Morning(
        batch=batch,
        published=sum(states[state] for state in PUBLISHED),
        unknown=[f"{slot} {slot.barcode or 'empty'}" for slot in strange],
        **groups,
    )


def _why(slide: Slide) -> tuple[str, str]:
    if slide.state == State.FAILED:
        return "failed", FailureReason(slide.failure or FailureReason.OTHER).label
    if slide.state in SKIPPED:
        return "skipped", State(slide.state).label
    return "under_way", State(slide.state).label


def as_text(found: Morning) -> str:
    """The report as a mail or a terminal shows it; the sum stands in the first line."""
    failed, skipped, open_ = (
        sum(map(len, group.values())) for group in (found.failed, found.skipped, found.under_way)
    )
    lines = [
        f"{found.batch.name}: {found.slides} slides = {found.published} published"
        f" + {failed} failed + {skipped} skipped" + (f" + {open_} under way" if open_ else ""),
    ]
    for title, group in (
        ("Failed", found.failed),
        ("Skipped", found.skipped),
        ("Under way", found.under_way),
    ):
        for why, barcodes in sorted(group.items(), key=lambda entry: (-len(entry[1]), entry[0])):
            lines.append(f"  {title}: {why} ({len(barcodes)}): {', '.join(barcodes)}")
    if found.unknown:
        lines.append(f"  Slots without a slide of ours ({len(found.unknown)}): {', '.join(found.unknown)}")
    return "\n".join(lines)
