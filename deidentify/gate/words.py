"""Words that a format itself writes, and words that are names and everyday words both.

A surname Green must not stop every slide for its channel called green: as a lone word it is not sought where
only the
format speaks. In the text of a report an everyday word counts as a name where it is written with a capital
letter.
"""

from typing import Final

from deidentify.gate.needles import Match

FORMAT_WORDS: Final[dict[str, frozenset[str]]] = {
    "hdf5": frozenset(
        [
            "red",
            "green",
            "blue",
            "fields",
            "field",
            "positions",
            "checksums",
            "overview",
            "level",
            "brightfield",
            "fluorescence",
            "format",
            "channel",
            "name",
            "colour",
            "stain",
            "scanner",
            "driver",
            "objective",
            "software",
            "simulated",
            "digest",
            "nocturne",
            "slide",
            "modality",
            "dtype",
            "rows",
            "columns",
            "layers",
            "times",
            "tree",
            "heap",
            "snod",
            "blue",
        ]
    ),
    "tiff": frozenset(
        [
            "aperio",
            "image",
            "library",
            "jpeg",
            "adobe",
            "leica",
            "slide",
            "none",
            "text",
            "color",
            "colour",
            "red",
            "green",
            "blue",
        ]
    ),
    "zip": frozenset(
        [
            "word",
            "normal",
            "title",
            "heading",
            "grid",
            "table",
            "styles",
            "style",
            "document",
            "types",
            "content",
            "default",
            "override",
            "xml",
            "rels",
            "target",
            "part",
            "space",
            "preserve",
            "body",
            "extension",
            "relationships",
            "relationship",
            "name",
            "based",
            "open",
        ]
    ),
    "dicom": frozenset(
        [
            "volume",
            "original",
            "primary",
            "none",
            "resampled",
            "derived",
            "dicom",
            "yes",
            "white",
            "red",
            "green",
            "blue",
        ]
    ),
}
EVERYDAY_WORDS: Final = frozenset(
    [
        "brown",
        "white",
        "black",
        "green",
        "gray",
        "grey",
        "young",
        "small",
        "long",
        "short",
        "rose",
        "hope",
        "grace",
        "mark",
        "may",
        "june",
        "april",
        "august",
        "will",
        "bill",
        "art",
        "frank",
        "rich",
        "stone",
        "wood",
        "woods",
        "field",
        "fields",
        "hill",
        "banks",
        "best",
        "cross",
        "case",
        "cook",
        "king",
        "price",
        "pace",
        "page",
        "ray",
        "rice",
        "sharp",
        "spring",
        "summer",
        "winter",
        "wells",
        "west",
        "north",
        "cancer",
        "normal",
        "head",
        "foot",
        "back",
        "hand",
        "heart",
        "block",
        "slide",
        "bone",
        "stain",
        "grade",
        "margin",
        "lobe",
        "core",
    ]
)
_READABLE: Final = (">text", ">words")


def is_format_word(kind: str, place: str, match: Match) -> bool:
    """A lone word of the format, found outside the text that people read."""
    word = match.needle.data.decode("ascii", "replace")
    if match.needle.encoding not in ("ascii", "separators removed") or kind not in FORMAT_WORDS:
        return False
    return word in FORMAT_WORDS[kind] and not (kind == "zip" and place.endswith(_READABLE))


def is_everyday_word(data: bytes | memoryview, match: Match) -> bool:
    """An everyday word in small letters."""
    if match.needle.encoding != "ascii" or match.needle.data.decode("ascii", "replace") not in EVERYDAY_WORDS:
        return False
    return 0x61 <= bytes(data[match.offset : match.offset + 1])[0] <= 0x7A
