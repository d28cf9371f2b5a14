"""What the measures of a scan mean: findings in plain words, and what is to be done."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.conf import settings

from lims.states import FailureReason
from scanning.models import Quality
from vslide.quality import Measures

NO_TISSUE = "no_tissue"
SEAMS = "seams"
UNREADABLE = "unreadable"
# what another try with other parameters may heal
HEALED_BY_RESCAN = frozenset(
    {
        FailureReason.BLURRED,
        FailureReason.MISSING_FIELDS,
        FailureReason.SATURATED,
        FailureReason.TISSUE_OUTSIDE,
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond which a scan is not simply published (docs/quality.md)."""

    sharp: float = 0.5
    blurred_share: float = 0.1
    saturated_share: float = 0.02
    outside_share: float = 0.03
    seam_um: float = 10.0
    rescans: int = 1

    @classmethod
    def of_settings(cls) -> "Limits":
        return cls(
            sharp=settings.QUALITY_SHARP,
            blurred_share=settings.QUALITY_BLURRED_SHARE,
            saturated_share=settings.QUALITY_SATURATED_SHARE,
            outside_share=settings.QUALITY_OUTSIDE_SHARE,
            seam_um=settings.QUALITY_SEAM_UM,
            rescans=settings.QUALITY_RESCANS,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a scan. `share` says how much of it is, 0 to 1."""

    code: str
    share: float
    message: str


def findings(measures: Measures, limits: Limits, channels: Sequence[str] = ()) -> list[Finding]:
    """What is wrong, the worst first; empty for a good scan. `channels` are the names to call them by."""
    if not measures.scored:
        return [Finding(NO_TISSUE, 1.0, "no tissue is to be seen on any field")]
    found = [
        _blurred(measures, limits),
        _missing(measures),
        _saturated(measures, limits, channels),
        _outside(measures, limits),
        _seams(measures, limits),
    ]
    return sorted((one for one in found if one is not None), key=lambda one: -one.share)


def decide(
    found: Sequence[Finding], *, rescans_left: int, can_heal: Collection[str] = HEALED_BY_RESCAN
) -> Quality.Verdict:
    """Good, again with other parameters where these can heal something, or a person's to decide."""
    if not found:
        return Quality.Verdict.GOOD
    codes = {one.code for one in found}
    if rescans_left > 0 and codes & set(can_heal) and NO_TISSUE not in codes:
        return Quality.Verdict.RESCAN
    return Quality.Verdict.DOUBTFUL


def _blurred(measures: Measures, limits: Limits) -> Finding | None:
    share, count = measures.blurred(limits.sharp), len(measures.scored)
    if share <= limits.blurred_share:
        return None
    number = round(share * count)
    message = f"{number} of {count} fields with tissue {_are(number)} blurred ({share:.0%})"
    return Finding(FailureReason.BLURRED, share, message)


def _missing(measures: Measures) -> Finding | None:
    if measures.missing <= 0:
        return None
    number = measures.missing
    share = number / (number + len(measures.places))
    return Finding(
        FailureReason.MISSING_FIELDS, share, f"{number} of the planned fields {_are(number)} missing"
    )


def _saturated(measures: Measures, limits: Limits, channels: Sequence[str]) -> Finding | None:
    worst = max(measures.saturated, default=0.0)
    if worst <= limits.saturated_share:
        return None
    number = measures.saturated.index(worst)
    name = channels[number] if number < len(channels) else f"channel {number + 1}"
    return Finding(FailureReason.SATURATED, worst, f"{worst:.0%} of the pixels are overexposed in {name}")


def _outside(measures: Measures, limits: Limits) -> Finding | None:
    if measures.outside is None or measures.outside <= limits.outside_share:
        return None
    message = f"{measures.outside:.0%} of the tissue on the photograph was not scanned"
    return Finding(FailureReason.TISSUE_OUTSIDE, measures.outside, message)


def _seams(measures: Measures, limits: Limits) -> Finding | None:
    if measures.seam_um is None or measures.seam_um <= limits.seam_um:
        return None
    share = 1 - limits.seam_um / measures.seam_um
    return Finding(SEAMS, share, f"neighbouring fields disagree by {measures.seam_um:.0f} µm")


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
