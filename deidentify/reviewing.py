"""The review of a clean report by two people: one decides of every finding, another signs.

What is decided is kept place by place, at once. A decision names the version it was made on, so two people
who look at the same report never write over each other.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from core import audit, jobs
from core.errors import BadInput, Conflict, NotAllowed, Unavailable
from core.models import User
from deidentify.errors import BrokenInput, DeidentifyError
from deidentify.files import found_in
from deidentify.known import Known
from deidentify.models import DeidentifiedReport, ReportReview, State
from deidentify.reports.deciding import KINDS, Decisions, basis_of, everywhere, stretches
from deidentify.reports.making import Found
from deidentify.reports.writing import Policy
from deidentify.services import known_values, remake_report, report_policy
from lims.models import Report

MAKE: Final = "deidentify.remake_report"
Place = tuple[int, int]


def found_in_report(row: DeidentifiedReport) -> tuple[Found, Policy]:
    """The text with the names, and what the rules find in it now. Raises Conflict where it cannot be read, or
    is not the report that this clean one is of.
    """
    report = Report.objects.filter(case=row.case).first()
    if report is None:
        raise Conflict("The case has no report any more.")
    known, policy = known_values(row.case), report_policy(row.case)
    try:
        source = Path(report.file.path)
        now = source.stat()
        return _found(source, (now.st_mtime_ns, now.st_size), known, policy), policy
    except OSError as error:
        raise Unavailable("The report cannot be read.") from error
    except DeidentifyError as error:
        raise Conflict(f"The report cannot be reviewed: {error}", code=error.code) from error


@lru_cache(maxsize=8)  # a page for each decision, and a scan is read for seconds
def _found(source: Path, written: tuple[int, int], known: Known, policy: Policy) -> Found:
    return found_in(source, known, policy)


def open_review(*, row: DeidentifiedReport, actor: User) -> ReportReview:
    """The report's review, begun if it is not. Where the text or the rules are others since, an unsigned one
    begins anew. Raises Conflict. That somebody looks at the names is recorded.
    """
    if row.state != State.PASSED:
        raise Conflict("The report has not passed the gate: deal with that first.")
    found, _ = found_in_report(row)
    basis = basis_of(found.text, found.spans)
    with transaction.atomic():
        audit.record(actor=actor, action="report.review.look", target=f"deidentified-report:{row.pk}")
        review, _ = ReportReview.objects.get_or_create(report=row, defaults={"basis": basis})
        if review.basis != basis and review.state != ReportReview.State.SIGNED:
            _change(
                review,
                basis=basis,
                accepted=[],
                removed=[],
                added=[],
                state=ReportReview.State.OPEN,
                reviewed_by=None,
                returned="The report or the rules have changed: it is reviewed anew.",
            )
    return review


def accept(
    *, review: ReportReview, version: int, start: int, end: int, alike: bool = False, actor: User
) -> int:
    """This finding is right, and with `alike` wherever the same words were found; how many."""
    return _settle(review, version, actor, "accepted", "removed", start, end, alike=alike)


def remove(
    *, review: ReportReview, version: int, start: int, end: int, alike: bool = False, actor: User
) -> int:
    """This finding names nobody: its words stay. Raises Conflict for a value that the record knows."""
    return _settle(review, version, actor, "removed", "accepted", start, end, alike=alike)


def _settle(
    review: ReportReview,
    version: int,
    actor: User,
    into: str,
    out_of: str,
    start: int,
    end: int,
    *,
    alike: bool,
) -> int:
    found, _ = found_in_report(review.report)
    words = found.text[start:end]
    spans = [
        span
        for span in found.spans
        if (span.start, span.end) == (start, end) or (alike and found.text[span.start : span.end] == words)
    ]
    if not any((span.start, span.end) == (start, end) for span in spans):
        raise BadInput("Nothing was found there.")
    if into == "removed" and found.certain & {(span.start, span.end) for span in spans}:
        raise Conflict("The record knows this value: it cannot stay. Correct the record if it is wrong.")
    places = _places(spans)
    kept = {into: _with(getattr(review, into), places), out_of: _without(getattr(review, out_of), places)}
    _decide(review, version, actor, f"report.review.{into}", places=places, **kept)
    return len(places)


def undo(*, review: ReportReview, version: int, start: int, end: int, actor: User) -> None:
    """Takes a decision back: the finding waits again, what was added is gone."""
    place = [[start, end]]
    _decide(
        review,
        version,
        actor,
        "report.review.undone",
        places=place,
        accepted=_without(review.accepted, place),
        removed=_without(review.removed, place),
        added=[row for row in review.added if row[:2] != place[0]],
    )


def add(*, review: ReportReview, version: int, start: int, end: int, kind: str, actor: User) -> int:
    """Somebody is named there whom the rules have missed; how many stretches were added.

    Raises BadInput for another kind or an empty place, Conflict where something is marked already.
    """
    found, _ = found_in_report(review.report)
    try:
        places = list(stretches(found.text, start, end))
    except BrokenInput as error:
        raise BadInput(f"Nothing was added: {error}.") from error
    return _add(review, version, found, places, kind, actor)


def add_words(*, review: ReportReview, version: int, words: str, kind: str, actor: User) -> int:
    """As `add`, wherever these words stand and are not marked yet."""
    found, _ = found_in_report(review.report)
    try:
        places = everywhere(found.text, words)
    except BrokenInput as error:
        raise BadInput(f"Nothing was added: {error}.") from error
    free = [place for place in places if not _marked(review, found, place)]
    return _add(review, version, found, free or places, kind, actor)


def _add(
    review: ReportReview, version: int, found: Found, places: list[Place], kind: str, actor: User
) -> int:
    if kind not in KINDS:
        raise BadInput(f"A kind is one of {', '.join(KINDS)}.")
    if any(_marked(review, found, place) for place in places):
        raise Conflict("Something is marked there already: take that back first.")
    more = [[*place, kind] for place in places]
    _decide(review, version, actor, "report.review.added", places=more, added=sorted([*review.added, *more]))
    return len(places)


def _marked(review: ReportReview, found: Found, place: Place) -> bool:
    removed = set(map(tuple, review.removed))
    live = [span for span in found.spans if (span.start, span.end) not in removed]
    taken = [(span.start, span.end) for span in live] + [(row[0], row[1]) for row in review.added]
    return any(place[0] < end and start < place[1] for start, end in taken)


def accept_rest(*, review: ReportReview, version: int, actor: User) -> int:
    """All findings that wait are right; how many."""
    left = waiting(review)
    if left:
        accepted = _with(review.accepted, left)
        _decide(review, version, actor, "report.review.accepted", places=left, accepted=accepted)
    return len(left)


def waiting(review: ReportReview) -> list[list[int]]:
    """Findings that nobody has decided of; what the record knows needs no decision."""
    found, _ = found_in_report(review.report)
    decided = {tuple(place) for place in (*review.accepted, *review.removed)} | found.certain
    return _places([span for span in found.spans if (span.start, span.end) not in decided])


def finish(*, review: ReportReview, version: int, actor: User) -> None:
    """The first person is done: all findings are decided of. Raises Conflict."""
    left = len(waiting(review))
    if left:
        raise Conflict(f"{left} findings wait for a decision.")
    _decide(
        review,
        version,
        actor,
        "report.review.finished",
        state=ReportReview.State.REVIEWED,
        reviewed_by=actor,
        reviewed_at=timezone.now(),
        returned="",
    )


def give_back(*, review: ReportReview, version: int, reason: str, actor: User) -> None:
    """The second person sends it back. Raises BadInput without a reason, Conflict where it does not wait."""
    if not reason.strip():
        raise BadInput("Say why it goes back.")
    _waits_for_second(review)
    _step(
        review,
        version,
        actor,
        "report.review.returned",
        state=ReportReview.State.OPEN,
        reviewed_by=None,
        reviewed_at=None,
        returned=reason.strip()[:300],
    )


def sign(*, review: ReportReview, version: int, actor: User) -> None:
    """A second person signs: the clean report is made as it was decided, and may leave then.

    Raises NotAllowed for the first person, Conflict where it does not wait or has changed.
    """
    _waits_for_second(review)
    if review.reviewed_by == actor:
        raise NotAllowed("You reviewed this report yourself: another person signs it.")
    found, _ = found_in_report(review.report)
    if basis_of(found.text, found.spans) != review.basis:
        raise Conflict("The report or the rules have changed since it was reviewed.")
    changed = bool(review.removed or review.added)
    with transaction.atomic():
        _step(
            review,
            version,
            actor,
            "report.review.signed",
            state=ReportReview.State.SIGNED,
            signed_by=actor,
            signed_at=timezone.now(),
            made=not changed,  # as the rules made it, nothing is to be written anew
        )
        if changed:
            jobs.enqueue(MAKE, review_id=review.pk)


def remake(*, review_id: int) -> None:
    """Make the signed report's clean file. What the gate refuses goes back to review with its reason; raises
    what may pass (retryable)."""
    review = ReportReview.objects.select_related("report__case__patient").get(pk=review_id)
    if review.state != ReportReview.State.SIGNED or review.made:
        return
    try:
        remake_report(row=review.report, decisions=decisions_of(review))
    except DeidentifyError as error:
        if error.retryable:
            raise
        why = f"It could not be made: {error}"[:300]
        state = ReportReview.State.OPEN
        _change(review, state=state, signed_by=None, signed_at=None, reviewed_by=None, returned=why)
    else:
        _change(review, made=True)


def decisions_of(review: ReportReview) -> Decisions:
    """For the rules. Raises nothing: whether they are stale is found out where they are used."""
    removed = frozenset((start, end) for start, end in review.removed)
    return Decisions(review.basis, removed, tuple((start, end, kind) for start, end, kind in review.added))


def _waits_for_second(review: ReportReview) -> None:
    if review.state != ReportReview.State.REVIEWED:
        raise Conflict("This report does not wait for a second person.")


def _decide(review: ReportReview, version: int, actor: User, action: str, **changes: Any) -> None:
    if review.state != ReportReview.State.OPEN:
        raise Conflict("This report is reviewed already: the second person can send it back.")
    _step(review, version, actor, action, **changes)


def _step(
    review: ReportReview, version: int, actor: User, action: str, *, places: Any = None, **changes: Any
) -> None:
    with transaction.atomic():
        mine = ReportReview.objects.filter(pk=review.pk, version=version)
        if not mine.update(version=version + 1, **changes):
            raise Conflict("Somebody else has decided something here meanwhile: look at it as it is now.")
        told: dict[str, Any] = {} if places is None else {"places": len(places)}
        audit.record(actor=actor, action=action, target=f"deidentified-report:{review.report_id}", **told)
    review.refresh_from_db()


def _change(review: ReportReview, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(review, name, value)
    review.version += 1
    review.save(update_fields=[*changes, "version"])


def _places(spans: Any) -> list[list[int]]:
    return [[span.start, span.end] for span in spans]


def _with(kept: list[list[int]], places: list[list[int]]) -> list[list[int]]:
    return sorted([*_without(kept, places), *places])


def _without(kept: list[list[int]], places: list[list[int]]) -> list[list[int]]:
    return [place for place in kept if place not in places]
