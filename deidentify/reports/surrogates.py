"""Invented names and numbers: the same for the same secret, and nobody's that the record knows."""

import hmac
import re
from collections.abc import Sequence
from typing import Final


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN: Final = _listed(
    """
    Adrian Alexis Ariel Avery Casey Dana Devon Eden Ellis Emery Finley Harper Hollis Jamie Jordan
    Kendall Lane Logan Marley Morgan Noel Oakley Parker Peyton Quinn Reagan Reese Remy Riley Robin
    Rowan Sage Sasha Shannon Skyler Sydney Tatum Taylor Terry Toby
    """
)
FAMILY: Final = _listed(
    """
    Abernathy Aldridge Ashworth Bancroft Barlow Beckett Blakely Bramwell Calloway Carmody Chadwick
    Colby Corrigan Dalton Dunmore Eastman Ellison Fairchild Farrow Garrick Gilmore Hadley Halloran
    Hargrove Hartwell Kimball Kingsley Langford Lockwood Maddox Merrick Montrose Norwood Oakes
    Pemberton Prescott Radcliffe Ransome Redmond Sheffield Stanhope Stratton Thackeray Thornbury
    Tolliver Underhill Wakefield Whitlock Winslow Yardley
    """
)
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def pick_name(
    drawn: bytes, written: str, given_words: Sequence[str], forbidden: frozenset[str] | set[str]
) -> str:
    """An invented name in the manner in which the real one is ``written``: whole, the family name alone,
    with a comma, in capitals.

    ``drawn`` are 32 bytes that are the same for the same person; one of the ``given_words`` alone is answered
    with the given name alone.
    """
    given = _choice(GIVEN, drawn[:8], forbidden)
    family = _choice(FAMILY, drawn[8:16], forbidden)
    words = re.findall(r"[^\W\d_][^\W_]*", written)
    if re.fullmatch(r"(?:[A-Z]\.\s*)+", written):
        told = f"{given[0]}. {family[0]}."
    elif len(words) <= 1:
        told = given if words and words[0].lower() in given_words else family
    elif "," in written:
        told = f"{family}, {given}"
    elif len(words[0]) == 1:
        told = f"{given[0]}. {family}"
    else:
        told = f"{given} {family}"
    return told.upper() if written.isupper() and len(words) and len(words[-1]) > 1 else told


def _choice(names: Sequence[str], drawn: bytes, forbidden: frozenset[str] | set[str]) -> str:
    """The drawn one, or the next that neither holds nor is held by a word that must not be said."""
    start = int.from_bytes(drawn) % len(names)
    for step in range(len(names)):
        name = names[(start + step) % len(names)]
        low = name.lower()
        if not any(word in low or low in word for word in forbidden if len(word) > 2):
            return name
    return "[NAME]"


def another_number(secret: bytes, written: str) -> str:
    """A number of the same look: digits for digits, letters for letters, what parts them left as it is."""
    bare = re.sub(r"[^0-9A-Za-z]", "", written).upper()
    stream = hmac.digest(secret, f"number {bare}".encode(), "sha512")
    made: list[str] = []
    at = 0
    for mark in written:
        if mark.isalnum():
            turn = stream[at % len(stream)]
            made.append(str(turn % 10) if mark.isdigit() else _LETTERS[turn % len(_LETTERS)])
            at += 1
        else:
            made.append(mark)
    told = "".join(made)
    return (
        told if re.sub(r"[^0-9A-Za-z]", "", told).upper() != bare else another_number(secret + b"+", written)
    )
