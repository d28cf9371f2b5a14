"""What a release holds, counted by tissue category. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

CUT_NAMES = {"lvl": "level", "dep": "deep", "rct": "recut"}


@dataclass(frozen=True, slots=True)
class Counted:
    """One released slide, as the statistics see it."""

    tissue: str
    key: str
    case: str
    stain: str
    cut: str
    bytes: int
    annotations: int


def count(slides: Iterable[Counted]) -> dict[str, Any]:
    """{"total": …, "tissues": {tissue: …}}; patients and cases are counted once each."""
    rows = list(slides)
    tissues = sorted({row.tissue for row in rows})
    return {
        "total": _sum(rows),
        "tissues": {tissue: _sum([row for row in rows if row.tissue == tissue]) for tissue in tissues},
    }


def _sum(rows: list[Counted]) -> dict[str, Any]:
    return {
        "slides": len(rows),
        "patients": len({row.key for row in rows}),
        "cases": len({row.case for row in rows}),
        "annotations": sum(row.annotations for row in rows),
        "bytes": sum(row.bytes for row in rows),
        "stains": dict(sorted(Counter(row.stain for row in rows).items())),
        "cuts": dict(sorted(Counter(CUT_NAMES[row.cut] for row in rows).items())),
    }
