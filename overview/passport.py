"""A slide's passport: everything every room knows about it, as one JSON-able story."""

from datetime import datetime
from typing import Any

from annotation.models import Annotation, AnnotationVersion, Assignment
from core.errors import NotFound
from corpus.queries import releases_of
from deidentify.models import Deidentified, DeidentifiedReport, DeidentifiedSlide
from lims.models import Slide, Slot
from lims.queries import history
from lims.states import FailureReason, State
from scanning.models import Snapshot
from scanning.queries import attempts_of
from viewer.models import VirtualSlide

Row = dict[str, Any]


def slide_of(barcode: str) -> Slide:
    found = Slide.objects.select_related("block__specimen__case__patient").filter(barcode=barcode).first()
    if found is None:
        raise NotFound(f"No slide has the barcode {barcode}.")
    return found


def passport_of(slide: Slide) -> dict[str, Any]:
    """Section by section, in the order of a slide's life. A section that has nothing is an empty list."""
    return {
        "record": _record(slide),
        "events": [_event(event) for event in history(slide)],
        "slots": _slots(slide),
        "snapshots": [
            _snapshot(snapshot)
            for snapshot in slide.snapshots.select_related("slot__carousel__batch").order_by("id")
        ],
        "attempts": [_attempt(attempt) for attempt in attempts_of(slide)],
        "files": [_file(file) for file in VirtualSlide.objects.filter(slide=slide).order_by("attempt")],
        "deidentified": [_clean(row) for row in DeidentifiedSlide.objects.filter(slide=slide).order_by("id")],
        "report": [_clean(row) for row in DeidentifiedReport.objects.filter(case=slide.case).order_by("id")],
        "assignments": _assignments(slide),
        "annotations": _annotations(slide),
        "releases": _releases(slide),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def _record(slide: Slide) -> Row:
    case, specimen = slide.case, slide.block.specimen
    return {
        "barcode": slide.barcode,
        "uid": str(slide.uid),
        "state": slide.state,
        "state_since": _iso(slide.state_since),
        "failure": slide.failure,
        "accession": case.accession,
        "patient": str(case.patient),
        "tissue": case.tissue,
        "received": case.received.isoformat(),
        "site": specimen.site_code,
        "specimen": specimen.description,
        "block": slide.block.label,
        "stain": slide.stain,
        "cut": slide.cut,
        "cut_number": slide.cut_number,
        "duplicate": slide.duplicate,
        "registered": _iso(slide.created_at),
    }


def _event(event: Any) -> Row:
    return {
        "at": _iso(event.at),
        "verb": event.verb,
        "source": event.source,
        "target": event.target,
        "label": State(event.target).label,
        "actor": event.actor,
        "reason": _reason(event.reason),
        "note": event.note,
    }


def _reason(reason: str) -> str:
    return FailureReason(reason).label if reason in FailureReason.values else reason


def _slots(slide: Slide) -> list[Row]:
    slots = Slot.objects.filter(slide=slide).select_related("carousel__batch").order_by("id")
    return [
        {
            "batch": slot.carousel.batch.name,
            "batch_id": slot.carousel.batch_id,
            "night": slot.carousel.batch.night.isoformat(),
            "slot": str(slot),
            "barcode": slot.barcode,
        }
        for slot in slots
    ]


def _snapshot(snapshot: Snapshot) -> Row:
    return {
        "id": snapshot.pk,
        "taken": _iso(snapshot.taken_at),
        "batch": snapshot.slot.carousel.batch.name,
        "barcode_read": snapshot.barcode_read,
        "risk": round(snapshot.risk, 3),
        "reasons": snapshot.reasons,
        "points": snapshot.points.count(),
        "by_hand": snapshot.points.filter(source="person").count(),
        "area_mm": [round(snapshot.area_width_um / 1000, 2), round(snapshot.area_height_um / 1000, 2)],
        "accepted_by": snapshot.accepted_by,
        "accepted": _iso(snapshot.accepted_at),
        "review_seconds": round(snapshot.review_seconds, 1),
    }


def _attempt(attempt: Any) -> Row:
    return {
        "number": attempt.number,
        "state": attempt.state,
        "batch": attempt.night.batch.name,
        "scanner": attempt.night.scanner.name,
        "slot": str(attempt.slot),
        "reason": _reason(attempt.reason),
        "message": attempt.message,
        "planes": f"{attempt.done_planes}/{attempt.planned_planes}",
        "takeovers": attempt.takeovers,
        "queued": _iso(attempt.queued_at),
        "started": _iso(attempt.started_at),
        "acquired": _iso(attempt.acquired_at),
        "ended": _iso(attempt.ended_at),
        "seconds": round(attempt.seconds, 1) if attempt.seconds is not None else None,
        "run": str(attempt.run),
        "parameters": attempt.parameters,
    }


def _file(file: VirtualSlide) -> Row:
    return {
        "path": file.path,
        "kind": file.kind,
        "attempt": file.attempt,
        "current": file.current,
        "sha256": file.sha256,
        "bytes": file.bytes,
        "size_px": [file.width, file.height],
        "fields": file.fields,
        "channels": file.channels,
        "pixel_size_um": file.pixel_size_um,
        "verified": _iso(file.verified_at),
    }


def _clean(row: Deidentified) -> Row:
    return {
        "state": row.state,
        "problem": row.problem,
        "source_sha256": row.source_sha256,
        "sha256": row.sha256,
        "bytes": row.bytes,
        "policy": row.policy_version,
        "at": _iso(row.changed_at),
        "certificate": row.certificate,
    }


def _assignments(slide: Slide) -> list[Row]:
    rows = Assignment.objects.filter(slide=slide).select_related("reader__user").order_by("id")
    return [
        {
            "reader": row.reader.name,
            "number": row.reader.number,
            "state": row.state,
            "due": row.due.isoformat(),
            "assigned": _iso(row.created_at),
            "opened": _iso(row.opened_at),
            "ended": _iso(row.ended_at),
            "minutes": row.minutes,
            "note": row.note,
        }
        for row in rows
    ]


def _annotations(slide: Slide) -> list[Row]:
    rows = Annotation.objects.filter(slide=slide).select_related("author").order_by("id")
    saves = dict.fromkeys((row.pk for row in rows), 0)
    for annotation_id in AnnotationVersion.objects.filter(annotation__slide=slide).values_list(
        "annotation_id", flat=True
    ):
        saves[annotation_id] = saves.get(annotation_id, 0) + 1
    return [
        {
            "id": str(row.client_id),
            "kind": row.kind,
            "label": row.label,
            "comment": row.comment,
            "author": row.author.username,
            "version": row.version,
            "saves": saves[row.pk],
            "locked": row.locked,
            "deleted": row.deleted,
            "updated": _iso(row.updated_at),
        }
        for row in rows
    ]


def _releases(slide: Slide) -> list[Row]:
    return [
        {
            "release": item.release.number,
            "state": item.release.state,
            "published": _iso(item.release.published_at),
            "kind": item.kind,
            "path": item.path,
            "sha256": item.sha256,
        }
        for item in releases_of(slide)
    ]
