"""The campaign of canaries in short, and what makes it fail."""

import pytest

from tests.deidentify.making import ENCODINGS
from tests.faults.canaries import PLACES, campaign
from tests.faults.canaries.campaign import CLEAN, FOUND, REFUSED, Canary, leftovers, release

SOME = (
    "svs: tag Artist", "svs: unlinked page", "svs: tile's comment", "svs: unknown key",
    "dicom: private element",
    "dicom: frame's comment", "hdf5: freed space", "hdf5: attribute", "docx: docProps/core.xml",
    "docx: deleted words", "txt: body", "pdf: attachment", "ndpi: tags", "ome: artist of a level",
)  # fmt: skip


@pytest.mark.parametrize("place", SOME)
def test_a_canary_is_found_before_and_gone_after(place: str) -> None:
    for encoding in ("ascii", "utf-16-le"):
        fate = release(Canary(place, encoding))
        assert fate.before == FOUND
        assert fate.after in (CLEAN, REFUSED), fate.reason


def test_it_has_sixty_places_in_eight_encodings() -> None:
    assert len(PLACES) >= 60
    assert len(ENCODINGS) == 8
    assert {place.split(":")[0] for place in PLACES} >= {
        "svs",
        "tiff",
        "ome",
        "ndpi",
        "dicom",
        "hdf5",
        "docx",
        "pdf",
        "rtf",
        "zip",
    }


def test_it_counts_what_was_found_and_what_remained() -> None:
    tally = campaign(places=2, jobs=1, encodings=["hex"], say=lambda words: None)
    assert tally.held, tally.problems
    assert (tally.tried, tally.counts["found_before"], tally.counts["remaining_after"]) == (2, 2, 0)
    assert tally.counts["clean_after"] + tally.counts["refused"] == 2


def test_the_second_search_sees_what_was_left() -> None:
    assert leftovers(b"tail Quentin", b"x" * 9) == ["bytes"]
    assert leftovers(b"nothing", b"x" * 9) == []
