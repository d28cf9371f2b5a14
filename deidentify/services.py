"""De-identifying the laboratory's slides and reports. Safe to repeat and to kill at any moment."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from core import audit, jobs
from core.errors import Conflict
from deidentify.errors import AlreadyThere, BrokenInput, DeidentifyError, GateRefused
from deidentify.files import Outcome, deidentify_file
from deidentify.known import Known
from deidentify.models import DeidentifiedReport, DeidentifiedSlide, State, fresh_path
from deidentify.queries import passed_slide
from deidentify.reports.deciding import Decisions
from deidentify.reports.making import clean_suffix
from deidentify.reports.writing import Names, Policy
from deidentify.seal import seal
from deidentify.vault.services import key_for
from lims import services as lims
from lims.models import Case, Report, Slide
from lims.services.life import Actor
from lims.states import State as SlideState
from viewer.models import VirtualSlide

log = structlog.get_logger(__name__)
Row = TypeVar("Row", DeidentifiedSlide, DeidentifiedReport)
LEAST_IDENTIFIER: Final = 4
NOTE: Final = "passed the gate"
SHIFT_REASON: Final = "dates of a report"
REMAKE: Final = "deidentify.remake_slide"
WITHDRAWN: Final = "withdrawn"
ENDED: Final = (State.PASSED, State.QUARANTINED)  # what is held back waits for a steward (`try_again`)


def known_values(case: Case) -> Known:
    """All that the record knows about the person and the case: what must not be found in anything that
    leaves."""
    patient = case.patient
    names = [f"{patient.given_name} {patient.family_name}".strip(), case.clinician]
    barcodes = Slide.objects.filter(block__specimen__case__patient=patient).values_list("barcode", flat=True)
    accessions = patient.cases.values_list("accession", flat=True)
    identifiers = [patient.mrn, *accessions, *barcodes]
    dates = [
        day.isoformat()
        for day in (patient.birth_date, *patient.cases.values_list("received", flat=True))
        if day
    ]
    return Known(
        names=tuple(name for name in names if name),
        identifiers=tuple(dict.fromkeys(value for value in identifiers if len(value) >= LEAST_IDENTIFIER)),
        dates=tuple(dict.fromkeys(dates)),
    )


def deidentify_slide(*, slide_id: int) -> DeidentifiedSlide | None:
    """Make the slide's current file and its case's report clean; advance the slide when its file has passed.

    None when the slide is not waiting for it. What cannot be done is kept as a quarantined row; errors that
    may pass
    (disk full, gate not answering) are raised, for the job to come again.
    """
    slide = Slide.objects.select_related("block__specimen__case__patient").get(pk=slide_id)
    if slide.state != SlideState.SCANNED:
        return None
    deidentify_report(case_id=slide.case.pk)
    source = VirtualSlide.objects.filter(slide=slide, current=True).first()
    if source is None:
        raise BrokenInput(f"slide {slide.pk} has no verified file")
    row, _ = DeidentifiedSlide.objects.get_or_create(
        slide=slide, source_sha256=source.sha256, defaults={"path": fresh_path("slides", source.file.suffix)}
    )
    if row.state not in ENDED:
        version = row.regions_version
        _make(row, source.file, known_values(slide.case), slide_policy(row))
        _make_again_where_covered_since(row, version)
    if row.state == State.PASSED:
        lims.advance(slide=slide, to=SlideState.DEIDENTIFIED, note=NOTE)
    return row


def deidentify_report(*, case_id: int) -> DeidentifiedReport | None:
    """Make the case's report clean. None when the case has none."""
    report = Report.objects.select_related("case__patient").filter(case_id=case_id).first()
    if report is None:
        return None
    source = Path(report.file.path)
    row, _ = DeidentifiedReport.objects.get_or_create(
        case=report.case,
        source_sha256=_sha256(source),
        defaults={"path": fresh_path("reports", clean_suffix(source.name))},
    )
    if row.state not in ENDED:
        _make(row, source, known_values(report.case), report_policy(report.case))
    return row


def remake_report(*, row: DeidentifiedReport, decisions: Decisions) -> None:
    """The clean report anew, as two people decided; the one before stays until the gate has passed this.

    Raises the errors of ``deidentify.errors``.
    """
    report = Report.objects.get(case=row.case)
    known, policy = known_values(row.case), report_policy(row.case)
    old, path = row.file, fresh_path("reports", row.file.suffix)
    outcome = deidentify_file(
        Path(report.file.path), Path(settings.DEIDENTIFIED_ROOT) / path, known, policy, decisions
    )
    with transaction.atomic():
        _write(row, path=path)
        _keep_outcome(row, outcome, known)
        transaction.on_commit(lambda: old.unlink(missing_ok=True))


def remake_slide(*, item_id: int) -> None:
    """The clean file anew, with the regions that are covered now; the one before goes, whatever comes of it.

    Nothing where it does not wait for it. Raises what may pass (retryable).
    """
    row = DeidentifiedSlide.objects.select_related("slide__block__specimen__case__patient").get(pk=item_id)
    if row.state != State.PENDING:
        return
    if row.slide.state == SlideState.SCANNED:  # it has never passed
        deidentify_slide(slide_id=row.slide_id)
        return
    source = VirtualSlide.objects.filter(slide=row.slide, sha256=row.source_sha256).first()
    version, old, path = row.regions_version, row.file, fresh_path("slides", row.file.suffix)
    new, known = Path(settings.DEIDENTIFIED_ROOT) / path, known_values(row.slide.case)
    # Not where it was withdrawn meanwhile, or somebody has covered more: the job of that makes it again.
    mine = DeidentifiedSlide.objects.filter(pk=row.pk, state=State.PENDING, regions_version=version)
    try:
        if source is None:
            raise BrokenInput("the slide's file that these regions were drawn on is not there any more")
        outcome = deidentify_file(source.file, new, known, slide_policy(row))
    except DeidentifyError as error:
        if not mine.exists():
            return
        _keep_problem(row, error)
        if error.retryable:
            raise
        old.unlink(missing_ok=True)
        return
    with transaction.atomic():
        kept = mine.update(path=path)
        if kept:
            row.path = path
            _keep_outcome(row, outcome, known)
        transaction.on_commit(lambda: (old if kept else new).unlink(missing_ok=True))


def hold_clean(*, slide: Slide, sha256: str) -> bool:
    """Whether a release may still take this file; nobody covers a region of it in this transaction."""
    newest = passed_slide(slide.pk)
    if newest is None:
        return False
    held = DeidentifiedSlide.objects.filter(pk=newest.pk, state=State.PASSED, sha256=sha256)
    return bool(held.update(changed_at=F("changed_at")))


def _make_again_where_covered_since(row: DeidentifiedSlide, version: int) -> None:
    """A file that was being made while somebody covered more does not pass."""
    with transaction.atomic():
        others = DeidentifiedSlide.objects.filter(pk=row.pk).exclude(regions_version=version)
        if others.update(state=State.PENDING, changed_at=timezone.now()):
            jobs.enqueue(REMAKE, item_id=row.pk)
    row.refresh_from_db()


def try_again(*, row: DeidentifiedSlide | DeidentifiedReport, actor: Actor) -> None:
    """A steward sends a quarantined item through once more, after its cause was dealt with. Raises
    Conflict."""
    with transaction.atomic():
        waiting = type(row)._default_manager.filter(pk=row.pk, state=State.QUARANTINED)  # noqa: SLF001
        changed = waiting.update(state=State.PENDING, changed_at=timezone.now())
        if not changed:
            raise Conflict("This item is not in quarantine.")
        kind = "slide" if isinstance(row, DeidentifiedSlide) else "report"
        audit.record(actor=actor, action=f"deidentify.{kind}.again", target=f"deidentified-{kind}:{row.pk}")
        if isinstance(row, DeidentifiedSlide) and row.slide.state == SlideState.SCANNED:
            jobs.enqueue("deidentify.deidentify_slide", slide_id=row.slide_id)
        elif isinstance(row, DeidentifiedSlide):
            jobs.enqueue(REMAKE, item_id=row.pk)
        else:
            jobs.enqueue("deidentify.deidentify_report", case_id=row.case_id)


def forget_clean(*, slide: Slide) -> int:
    """The slide was withdrawn: its clean files go, and its case's report where no slide of the case stays;
    how many. The rows stay, in quarantine, and say why.
    """
    gone = [_forget(row) for row in DeidentifiedSlide.objects.filter(slide=slide)]
    of_case = Slide.objects.filter(block__specimen__case=slide.case)
    reports = DeidentifiedReport.objects.filter(case=slide.case)
    if not of_case.exclude(state__in=[SlideState.WITHDRAWN, SlideState.REJECTED]).exists():
        return len(gone) + len([_forget(row) for row in reports])
    return len(gone)


def _forget(row: Row) -> Row:
    row.file.unlink(missing_ok=True)
    why = "withdrawn: its clean file is gone"
    _write(row, state=State.QUARANTINED, problem=why, problem_code=WITHDRAWN)
    return row


def slide_policy(row: DeidentifiedSlide) -> Policy:
    """One secret for the laboratory: the instances of a DICOM series are made clean one by one, and stay one
    series. And the regions that people have covered."""
    covered = tuple(region.box for region in row.regions.filter(removed_at=None))
    secret = salted_hmac("deidentify.uids", "laboratory", algorithm="sha256").digest()
    return Policy(secret=secret, covered=covered)


def report_policy(case: Case) -> Policy:
    """How this patient's reports are written, by REPORT_DATES and REPORT_NAMES. Raises ImproperlyConfigured
    for other words than theirs, and what the vault raises where dates are shifted by its days.
    """
    dates, names = settings.REPORT_DATES, settings.REPORT_NAMES
    if dates not in ("year", "shift") or names not in set(Names):
        raise ImproperlyConfigured(
            f"REPORT_DATES is year or shift, not {dates!r}; "
            f"REPORT_NAMES is one of {', '.join(Names)}, not {names!r}"
        )
    patient = f"patient:{case.patient_id}"
    shift = None
    if dates == "shift":
        shift = key_for(patient_ref=patient, reason=SHIFT_REASON, actor="deidentify").date_shift_days
    secret = salted_hmac("deidentify.surrogates", patient, algorithm="sha256").digest()
    return Policy(shift_days=shift, names=Names(names), secret=secret)


def _make(row: Row, source: Path, known: Known, policy: Policy | None = None) -> None:
    """Run the file through; the row says afterwards how it went."""
    root = Path(settings.DEIDENTIFIED_ROOT)
    row.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    root.chmod(0o700)
    # A file without a passed row was left by a killed run: no one was told of it, and it is made again.
    row.file.unlink(missing_ok=True)
    try:
        outcome = deidentify_file(source, row.file, known, policy)
    except AlreadyThere:
        log.info("deidentify_raced", row=row.pk)
        row.refresh_from_db()
    except DeidentifyError as error:
        _keep_problem(row, error)
        if error.retryable:
            raise
    else:
        _keep_outcome(row, outcome, known)


def _keep_outcome(row: Row, outcome: Outcome, known: Known) -> None:
    _write(
        row,
        state=State.PASSED,
        sha256=outcome.sha256,
        bytes=outcome.bytes,
        certificate=outcome.certificate,
        work=json.loads(json.dumps(outcome.work)),
        policy_version=outcome.policy_version,
        known_seal=seal(known),
        seconds=outcome.seconds,
        problem="",
        problem_code="",
    )


def _keep_problem(row: Row, error: DeidentifyError) -> None:
    state = State.PENDING if error.retryable else State.QUARANTINED
    certificate = error.certificate if isinstance(error, GateRefused) else {}
    _write(row, state=state, problem=str(error)[:2000], problem_code=error.code, certificate=certificate)
    log.warning("deidentify_stopped", kind=type(row).__name__, row=row.pk, code=error.code)


def _write(row: Row, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.changed_at = timezone.now()
    row.save(update_fields=[*values, "changed_at"])


def _sha256(path: Path) -> str:
    """Of a file that cannot be read: nothing. Making it clean will say why."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
