"""Which slide a file shows, as far as its name says."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from microscope.drivers.watchfolder.folder import SlideFile


class Matches(NamedTuple):
    """Files by the barcode that they belong to, and those that belong to none, or to one that has a file
    already.
    """

    matched: dict[str, SlideFile]
    unmatched: tuple[SlideFile, ...]


def match(files: Iterable[SlideFile], barcodes: Iterable[str]) -> Matches:
    """Give each file to the barcode that its name carries: the whole name, or one part of it between
    separators.

    Two barcodes in one name, or two files for one barcode, are left to a person.
    """
    wanted = {barcode.casefold(): barcode for barcode in barcodes}
    claims: dict[str, list[SlideFile]] = {}
    unmatched: list[SlideFile] = []
    for file in files:
        found = barcodes_in(file.name.casefold(), wanted)
        if len(found) == 1:
            claims.setdefault(found.pop(), []).append(file)
        else:
            unmatched.append(file)
    matched = {barcode: claimed[0] for barcode, claimed in claims.items() if len(claimed) == 1}
    unmatched += [file for claimed in claims.values() if len(claimed) > 1 for file in claimed]
    return Matches(matched, tuple(sorted(unmatched, key=lambda file: file.path)))


def barcodes_in(name: str, wanted: dict[str, str]) -> set[str]:
    """Of ``wanted`` (case-folded: as it is) those that a case-folded name carries."""
    if name in wanted:
        return {wanted[name]}
    # A barcode may itself hold separators, so look for it whole, with none of its own signs around it.
    return {
        barcode
        for folded, barcode in wanted.items()
        if folded in name and re.search(rf"(?<![a-z0-9]){re.escape(folded)}(?![a-z0-9])", name)
    }
