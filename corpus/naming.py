"""Names of the corpus are templates, versioned: the same slide always gets the same name from the same
template.

tudp-2018
    breast/12345678/0s02_00001/0s02_00001_0a001_lvl0001_s00.svs
tudp-v1.0.0
    tudp/v1.0.0/svs/breast/000001/12345678/2015_03_05/0s15_12345/0s15_12345_0a001_12345678_lvl0001_s000.svs

Pure. Every part is checked before it becomes part of a path, so no name leaves the release's folder,
collides with another by case only, or means something to a shell.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePosixPath
from typing import Any, Final

from corpus.errors import BadName, NameCollision

CUTS: Final = ("lvl", "dep", "rct")
TISSUES: Final = (
    "breast",
    "prostate",
    "gastrointestinal",
    "head_neck",
    "pulmonary",
    "endocrine",
    "miscellaneous",
)
SHORT: Final[Mapping[str, str]] = {
    "gastrointestinal": "gastro",
    "head_neck": "headneck",
    "miscellaneous": "misc",
}
EXTENSIONS: Final = ("svs", "tif", "tiff", "ndpi", "dcm", "h5")
_LONG: Final = {short: tissue for tissue, short in SHORT.items()}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a name is made of. `year` (1970 to 2069: two digits say it) is the sample's, `sample` its random
    number; nothing here says who.
    """

    tissue: str
    key: str
    year: int
    sample: int
    site: str
    cut: str
    cut_number: int
    duplicate: int
    extension: str
    day: date | None = None
    group: int = 1

    def __post_init__(self) -> None:
        for field, allowed in _RULES.items():
            value = getattr(self, field)
            if not allowed(value):
                raise BadName(f"{value!r} cannot be the {field.replace('_', ' ')} of a name.", field=field)


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _matches(pattern: str) -> Callable[[Any], bool]:
    known = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and known.fullmatch(value) is not None


_RULES: Final[dict[str, Callable[[Any], bool]]] = {
    "tissue": lambda value: value in TISSUES,
    "key": _matches(r"[0-9]{8}"),
    "year": _whole(1970, 2069),
    "sample": _whole(0, 99_999),
    "site": _matches(r"[0-9a-z]{2,8}"),
    "cut": lambda value: value in CUTS,
    "cut_number": _whole(1, 9_999),
    "duplicate": _whole(0, 999),
    "extension": lambda value: value in EXTENSIONS,
    "day": lambda value: value is None or type(value) is date,
    "group": _whole(1, 999_999),
}


@dataclass(frozen=True, slots=True)
class Template:
    """One way of naming: how a case's folder and a slide's file are called, and how a path is read back."""

    name: str
    folder: Callable[[Parts], PurePosixPath]
    stem: Callable[[Parts], str]
    pattern: re.Pattern[str]
    most_duplicates: int
    needs_day: bool = False
    line: str = ""
    """Of the laboratory's own: what it was made from (corpus.patterns)."""

    def path(self, parts: Parts) -> PurePosixPath:
        """The file's path inside a release. Raises BadName where this template cannot say it."""
        if parts.duplicate > self.most_duplicates:
            raise BadName(
                f"{self.name} numbers {self.most_duplicates + 1} equal slides at most.", field="duplicate"
            )
        if self.needs_day and parts.day is None:
            raise BadName(f"{self.name} needs the day of the sample.", field="day")
        return self.folder(parts) / f"{self.stem(parts)}.{parts.extension}"

    def parse(self, path: str | PurePosixPath) -> Parts:
        """The parts of a path of this template; the inverse of `path`. Raises BadName."""
        match = self.pattern.fullmatch(str(path))
        if match is None:
            raise BadName(f"{path} is not a name of {self.name}.", field="path")
        parts = _parts_of(match.groupdict())
        if str(self.path(parts)) != str(path):
            raise BadName(f"{path} contradicts itself.", field="path")
        return parts


def _parts_of(found: dict[str, str]) -> Parts:
    year = int(found["yy"])
    day = None
    if "day" in found:
        try:
            day = date(*(int(number) for number in found["day"].split("_")))
        except ValueError as error:
            raise BadName(f"{found['day']} is not a day.", field="day") from error
    return Parts(
        tissue=_LONG.get(found["tissue"], found["tissue"]),
        key=found["key"],
        year=(2000 if year < 70 else 1900) + year,
        sample=int(found["sample"]),
        site=found["site"],
        cut=found["cut"],
        cut_number=int(found["number"]),
        duplicate=int(found["duplicate"]),
        extension=found["extension"],
        day=day,
        group=int(found.get("group", "1")),
    )


def case_name(parts: Parts) -> str:
    """Year and random sample number: 0s02_00001 is the first of 2002."""
    return f"0s{parts.year % 100:02d}_{parts.sample:05d}"


def _folder_2018(parts: Parts) -> PurePosixPath:
    return PurePosixPath(parts.tissue, parts.key, case_name(parts))


def _stem_2018(parts: Parts) -> str:
    return f"{case_name(parts)}_{parts.site}_{parts.cut}{parts.cut_number:04d}_s{parts.duplicate:02d}"


def _folder_v1(parts: Parts) -> PurePosixPath:
    tissue = SHORT.get(parts.tissue, parts.tissue)
    day = f"{parts.day:%Y_%m_%d}" if parts.day else ""
    root = PurePosixPath("tudp", "v1.0.0", parts.extension, tissue, f"{parts.group:06d}")
    return root / parts.key / day / case_name(parts)


def _stem_v1(parts: Parts) -> str:
    cut = f"{parts.cut}{parts.cut_number:04d}"
    return f"{case_name(parts)}_{parts.site}_{parts.key}_{cut}_s{parts.duplicate:03d}"


_CASE = r"0s(?P<yy>\d{2})_(?P<sample>\d{5})"
_END = r"(?P<cut>[a-z]{3})(?P<number>\d{4})_s(?P<duplicate>\d{%d})\.(?P<extension>[a-z0-9]+)"

TEMPLATES: Final[dict[str, Template]] = {
    "tudp-2018": Template(
        name="tudp-2018",
        folder=_folder_2018,
        stem=_stem_2018,
        pattern=re.compile(
            rf"(?P<tissue>[a-z_]+)/(?P<key>\d{{8}})/{_CASE}/"
            rf"0s(?P=yy)_(?P=sample)_(?P<site>[0-9a-z]+)_{_END % 2}",
            re.ASCII,
        ),
        most_duplicates=99,
    ),
    "tudp-v1.0.0": Template(
        name="tudp-v1.0.0",
        folder=_folder_v1,
        stem=_stem_v1,
        pattern=re.compile(
            r"tudp/v1\.0\.0/[a-z0-9]+/(?P<tissue>[a-z_]+)/(?P<group>\d{6})/(?P<key>\d{8})/(?P<day>\d{4}_\d\d_\d\d)/"
            rf"{_CASE}/0s(?P=yy)_(?P=sample)_(?P<site>[0-9a-z]+)_(?P=key)_{_END % 3}",
            re.ASCII,
        ),
        most_duplicates=999,
        needs_day=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Named:
    """One slide's name. `moved` says that its duplicate index was raised, because the wanted name was
    taken.
    """

    parts: Parts
    path: PurePosixPath
    moved: bool


def name_all(template: Template, wanted: Iterable[Parts], taken: Iterable[str] = ()) -> list[Named]:
    """Names for a whole release, in order: equal slides are told apart by the next free duplicate index.

    `taken` are the paths of earlier releases. Names are compared without case and without extension, for a
    slide's annotations stand beside it under the same stem. Raises NameCollision when a template's indices
    are used up.
    """
    used = {_stem_key(PurePosixPath(path)) for path in taken}
    named: list[Named] = []
    for parts in wanted:
        found = _free(template, parts, used)
        used.add(_stem_key(found.path))
        named.append(found)
    return named


def _free(template: Template, parts: Parts, used: set[str]) -> Named:
    for duplicate in range(parts.duplicate, template.most_duplicates + 1):
        candidate = parts if duplicate == parts.duplicate else replace(parts, duplicate=duplicate)
        path = template.path(candidate)
        if _stem_key(path) not in used:
            return Named(candidate, path, moved=candidate is not parts)
    raise NameCollision(
        f"Every name beginning {template.stem(parts)[:-2]} is taken.", name=str(template.path(parts))
    )


def _stem_key(path: PurePosixPath) -> str:
    return str(path.with_suffix("")).casefold()
