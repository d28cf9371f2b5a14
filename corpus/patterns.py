"""A naming template of the laboratory's own, from one line such as

    {tissue}/{key}/{case}/{case}_{site}_{cut}{cut_number:4}_s{duplicate:2}.{extension}

Every field that tells slides apart stands in it, so that a path can be read back. Pure: what comes out is a
`corpus.naming.Template` as the built-in ones are.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePosixPath
from typing import Final

from corpus.errors import BadName
from corpus.naming import CUTS, EXTENSIONS, SHORT, TISSUES, Parts, Template, case_name

MOST_SIGNS: Final = 200
LONGEST: Final = 230
"""Signs of a path below data/, so that what stands beside an image still fits into 250."""
_TOKEN: Final = re.compile(
    r"\{(?P<field>[a-z_]+)(?::(?P<width>[1-9]))?\}|(?P<literal>[a-z0-9._/-]+)", re.ASCII
)
_SEGMENT: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9_-])?", re.ASCII)
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.ASCII)
_SEPARATORS: Final = "_-./"


@dataclass(frozen=True, slots=True)
class Field:
    """How a part is written, and the expression that reads it back. ``numbers``: it has a width, at most this
    many digits, which `say` and `pattern` are given."""

    say: Callable[[Parts, int], str]
    pattern: Callable[[int], str]
    meaning: str
    numbers: int = 0
    varies: bool = False


def _number(name: str, group: str, most: int, meaning: str) -> Field:
    def say(parts: Parts, width: int) -> str:
        return f"{getattr(parts, name):0{width}d}"

    return Field(say, lambda width: rf"(?P<{group}>\d{{{width}}})", meaning, numbers=most)


def _one_of(group: str, names: tuple[str, ...]) -> Callable[[int], str]:
    return lambda _: f"(?P<{group}>{'|'.join(names)})"


FIELDS: Final[Mapping[str, Field]] = {
    "tissue": Field(
        lambda parts, _: parts.tissue, _one_of("tissue", TISSUES), "category of tissue", varies=True
    ),
    "tissue_short": Field(
        lambda parts, _: SHORT.get(parts.tissue, parts.tissue),
        _one_of("tissue", tuple(SHORT.get(name, name) for name in TISSUES)),
        "the same, shortened",
        varies=True,
    ),
    "key": Field(lambda parts, _: parts.key, lambda _: r"(?P<key>\d{8})", "the patient's random number"),
    "case": Field(
        lambda parts, _: case_name(parts),
        lambda _: r"0s(?P<yy>\d{2})_(?P<sample>\d{5})",
        "year and the sample's random number",
    ),
    "year": Field(lambda parts, _: f"{parts.year}", lambda _: r"(?P<year>\d{4})", "year of the sample"),
    "day": Field(
        lambda parts, _: f"{parts.day:%Y_%m_%d}",
        lambda _: r"(?P<day>\d{4}_\d\d_\d\d)",
        "day of the sample, moved by the patient's days",
    ),
    "site": Field(
        lambda parts, _: parts.site, lambda _: r"(?P<site>[0-9a-z]{2,8})", "where it was taken", varies=True
    ),
    "cut": Field(lambda parts, _: parts.cut, _one_of("cut", CUTS), "kind of cut"),
    "cut_number": _number("cut_number", "number", 4, "number of the cut"),
    "duplicate": _number("duplicate", "duplicate", 3, "tells equal slides apart"),
    "group": _number("group", "group", 6, "number of the release"),
    "extension": Field(
        lambda parts, _: parts.extension, _one_of("extension", EXTENSIONS), "kind of file", varies=True
    ),
}
WIDTHS: Final = {"cut_number": 4, "duplicate": 2, "group": 6}
NEEDED: Final = ("key", "case", "site", "cut", "cut_number", "duplicate", "extension")
EXAMPLE: Final = Parts(
    tissue="gastrointestinal", key="12345678", year=2015, sample=12345, site="0a001", cut="lvl", cut_number=1,
    duplicate=0, extension="svs", day=date(2015, 3, 5),
)  # fmt: skip
_LONG: Final = replace(EXAMPLE, site="0a00100z", extension="tiff")


@dataclass(frozen=True, slots=True)
class Token:
    """A literal, or a field with its width (0: it has none)."""

    literal: str = ""
    field: str = ""
    width: int = 0

    def say(self, parts: Parts) -> str:
        if not self.field:
            return self.literal
        said = FIELDS[self.field].say(parts, self.width)
        if self.width and len(said) > self.width:
            raise BadName(f"{said} has more than {self.width} digits.", field=self.field)
        return said


def own_template(name: str, line: str) -> Template:
    """The template of a line. Raises BadName, which says what to change, for unknown or missing fields, other
    signs, a path that could leave its folder or be too long, and one that could not be read back.
    """
    tokens = _tokens(line)
    fields = [token.field for token in tokens if token.field]
    _check_fields(fields)
    _check_ends(tokens)
    widths = [token.width for token in tokens if token.field == "duplicate"]

    def path(parts: Parts) -> PurePosixPath:
        return PurePosixPath("".join(token.say(parts) for token in tokens))

    _check_path("".join(token.say(_LONG) for token in tokens))
    return Template(
        name=name,
        folder=lambda parts: path(parts).parent,
        stem=lambda parts: path(parts).name.removesuffix(f".{parts.extension}"),
        pattern=re.compile(_expression(tokens), re.ASCII),
        most_duplicates=min(999, 10 ** min(widths) - 1),
        needs_day="day" in fields,
        line=line,
    )


def _tokens(line: str) -> list[Token]:
    if not line or len(line) > MOST_SIGNS:
        raise BadName(f"A naming template has 1 to {MOST_SIGNS} signs.", field="line")
    tokens, position = [], 0
    for found in _TOKEN.finditer(line):
        if found.start() != position:
            break
        position = found.end()
        tokens.append(_token(found))
    if position != len(line):
        raise BadName(
            f"{line[position]!r} cannot stand at sign {position + 1}: small letters, digits, _ - . / and "
            f"fields in braces can.",
            field="line",
        )
    return tokens


def _token(found: re.Match[str]) -> Token:
    name, width = found["field"], int(found["width"] or 0)
    if name is None:
        return Token(literal=found["literal"])
    if name not in FIELDS:
        raise BadName(f"There is no field {{{name}}}.", field="line", choices=list(FIELDS))
    most = FIELDS[name].numbers
    if width > most:
        raise BadName(f"{{{name}}} has {f'at most {most} digits' if most else 'no width'}.", field="line")
    return Token(field=name, width=width or WIDTHS.get(name, 0))


def _check_fields(fields: list[str]) -> None:
    missing = [name for name in NEEDED if name not in fields]
    if not {"tissue", "tissue_short"} & set(fields):
        missing.append("tissue")
    if missing:
        told = ", ".join(f"{{{name}}}" for name in missing)
        raise BadName(f"A path must say {told}: else it could not be read back.", field="line")
    if {"tissue", "tissue_short"} <= set(fields):
        raise BadName("{tissue} and {tissue_short} cannot both stand in it.", field="line")


def _check_ends(tokens: list[Token]) -> None:
    """A part of no fixed length ends where a sign follows that it cannot have."""
    for token, following in zip(tokens, [*tokens[1:], Token(literal="/")], strict=True):
        if token.field and FIELDS[token.field].varies and following.literal[:1] not in tuple(_SEPARATORS):
            raise BadName(
                f"After {{{token.field}}} one of {' '.join(_SEPARATORS)} must follow.", field="line"
            )
    if tokens[-1].field != "extension" or not tokens[-2].literal.endswith("."):
        raise BadName("It ends with .{extension}.", field="line")


def _check_path(path: str) -> None:
    for segment in path.split("/"):
        if not _SEGMENT.fullmatch(segment) or _RESERVED.fullmatch(segment):
            raise BadName(f"{segment!r} cannot be the name of a folder or file.", field="line")
    if len(path) > LONGEST:
        raise BadName(f"Its paths are longer than {LONGEST} signs.", field="line")


def _expression(tokens: list[Token]) -> str:
    """Each field once, and where it stands again the same as before."""
    made, groups = [], set()
    for token in tokens:
        pattern = FIELDS[token.field].pattern(token.width) if token.field else re.escape(token.literal)
        for group in re.findall(r"\?P<(\w+)>", pattern):
            if group in groups and token.width == 0:
                pattern = re.sub(rf"\(\?P<{group}>[^()]*\)", f"(?P={group})", pattern)
            elif group in groups:
                pattern = pattern.replace(f"(?P<{group}>", "(?:")
            groups.add(group)
        made.append(pattern)
    return "".join(made)
