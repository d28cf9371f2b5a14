"""What the columns of a slide file are called, at home and elsewhere, and what their values mean. Pure."""

import re
from datetime import date, datetime

from lims.models import Patient, Slide, Tissue

REQUIRED = ("barcode", "accession", "mrn", "family_name")
OURS = (
    *REQUIRED,
    "given_name",
    "birth_date",
    "sex",
    "tissue",
    "received",
    "clinician",
    "site_code",
    "specimen",
    "block",
    "stain",
    "cut",
    "cut_number",
)

# Our field → what others call it. `name` is a whole name, `part` a part's letter; both are taken apart below.
ALIASES: dict[str, tuple[str, ...]] = {
    "barcode": ("bar code value", "bar code", "slide barcode"),
    "accession": ("case id", "accession number", "case"),
    "mrn": ("patient id", "medical record number"),
    "name": ("patient name",),
    "family_name": ("last name", "surname"),
    "given_name": ("first name", "forename"),
    "birth_date": ("patient dob", "dob", "date of birth", "patient birth date"),
    "sex": ("patient sex", "gender"),
    "tissue": ("tissue category", "organ"),
    "received": ("specimen collection date", "received date", "date received"),
    "clinician": ("requesting physician", "physician"),
    "specimen": ("specimen description",),
    "modifier": ("specimen modifier",),
    "part": ("specimen code",),
    "block": ("block code",),
    "cut": ("cut type",),
}

_ORGANS: tuple[tuple[Tissue, str], ...] = (
    (Tissue.BREAST, r"breast|mammary|nipple"),
    (Tissue.PROSTATE, r"prostat\w*|bladder|kidney|renal|ureter\w*|urethra\w*|testi[sc]\w*"),
    (
        Tissue.GASTROINTESTINAL,
        r"stomach|gastric|colon\w*|colorectal|rect(?:um|al)|o?esophag\w*|duoden\w*|ile(?:um|al)|jejun\w*"
        r"|append\w*|liver|hepatic|pancrea\w*|gall\s?bladder|bowel|cecum|caecum",
    ),
    (Tissue.HEAD_NECK, r"laryn\w*|pharyn\w*|tongue|tonsil\w*|oral|nasal|sinus|saliva\w*|parotid|neck|palate"),
    (Tissue.PULMONARY, r"lung|bronch\w*|pleura\w*|trache\w*|pulmonary"),
    (Tissue.ENDOCRINE, r"thyroid|parathyroid|adrenal|pituitary|endocrine"),
)

_SEXES = {
    "": "U",
    "female": "F",
    "male": "M",
    "other": "O",
    "unknown": "U",
    "f": "F",
    "m": "M",
    "o": "O",
    "u": "U",
}
_CUTS = {choice.label.casefold(): choice.value for choice in Slide.Cut} | {
    c.value: c.value for c in Slide.Cut
}
_PLACEHOLDER = re.compile(r"[YMDHS?-]+|n/?a|unknown|none", re.IGNORECASE)


def plain(name: str) -> str:
    """A column's name without case, blanks and signs: `Bar Code Value` and `bar_code_value` are one."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def columns(header: tuple[str, ...]) -> dict[str, int]:
    """Our field → its column. Our own names win over other people's."""
    places = {plain(name): index for index, name in reversed(list(enumerate(header)))}
    found: dict[str, int] = {}
    for field in dict.fromkeys((*OURS, *ALIASES)):
        names = (field, *ALIASES.get(field, ()))
        index = next((places[plain(name)] for name in names if plain(name) in places), None)
        if index is not None:
            found[field] = index
    return found


def person(name: str) -> tuple[str, str]:
    """`Family^Given^Middle` or `Family, Given` → (family, given)."""
    family, _, given = name.partition("^") if "^" in name else name.partition(",")
    return family.strip(), " ".join(given.replace("^", " ").split())


def day(value: str) -> date | None:
    """An ISO date or YYYYMMDD; a placeholder or nothing is None. Raises ValueError with what is wrong."""
    if not value or _PLACEHOLDER.fullmatch(value):
        return None
    for form in ("%Y-%m-%d", "%Y%m%d"):
        try:
            return datetime.strptime(value, form).date()
        except ValueError:
            continue
    raise ValueError(f"“{value[:30]}” is not a date like 1957-03-21 or 19570321")


def sex(value: str) -> str:
    if value.casefold() not in _SEXES:
        raise ValueError(f"“{value[:30]}” is none of {', '.join(Patient.Sex.values)}")
    return _SEXES[value.casefold()]


def cut(value: str) -> str:
    if not value:
        return Slide.Cut.LEVEL
    if value.casefold() not in _CUTS:
        raise ValueError(f"“{value[:30]}” is none of {', '.join(Slide.Cut.values)}")
    return _CUTS[value.casefold()]


def whole(value: str) -> int:
    if not value:
        return 1
    if not re.fullmatch(r"[1-9][0-9]{0,3}", value):
        raise ValueError(f"“{value[:30]}” is not a number from 1 to 9999")
    return int(value)


def tissue(stated: str, described: str) -> str:
    """The category that was stated, or the one that the specimen's words speak of, else miscellaneous."""
    if stated:
        known = {choice.label.casefold(): choice.value for choice in Tissue} | {
            c.value: c.value for c in Tissue
        }
        found = known.get(stated.casefold()) or _organ(stated)
        if found is None:
            raise ValueError(f"“{stated[:30]}” is none of {', '.join(Tissue.values)}")
        return found
    return _organ(described) or Tissue.MISCELLANEOUS


def _organ(words: str) -> str | None:
    return next((t for t, organ in _ORGANS if re.search(rf"\b(?:{organ})\b", words, re.IGNORECASE)), None)


def site_code(stated: str, part: str) -> str:
    """The corpus' site code: as stated, or made of the part's letter (`B` → `0b001`)."""
    if stated:
        return stated.lower()
    letter = part.strip().lower()
    return f"0{letter}001" if re.fullmatch(r"[a-z]", letter) else "0a001"
