import pytest

from core.errors import BadInput, Conflict
from lims import queries, services
from lims.models import Batch, Slot
from lims.services import Placement
from lims.states import State
from tests.lims.making import batch, hands, loaded, slide

pytestmark = pytest.mark.django_db


def test_it_loads_a_slide_into_its_slot():
    one = slide()
    made = loaded(one)
    one.refresh_from_db()
    assert one.state == State.LOADED
    assert str(queries.slots_of(made).get()) == "01-01"


def test_it_takes_one_slide_for_a_slot():
    made = loaded(slide())
    second = slide()
    with pytest.raises(Conflict, match="taken"):
        services.load(batch=made, placements=[Placement(1, 1, second.barcode)], actor=hands())
    second.refresh_from_db()
    assert second.state == State.REGISTERED


@pytest.mark.parametrize("place", [(0, 1), (41, 1), (1, 0), (1, 11)])
def test_it_knows_forty_carousels_of_ten_slots(place: tuple[int, int]) -> None:
    with pytest.raises(BadInput):
        services.load(batch=batch(), placements=[Placement(*place, "B-1")], actor=hands())


def test_it_loads_all_of_a_file_or_nothing():
    made, one = batch(), slide()
    places = [Placement(1, 1, one.barcode), Placement(1, 1, "other")]
    with pytest.raises(Conflict):
        services.load(batch=made, placements=places, actor=hands())
    one.refresh_from_db()
    assert (one.state, Slot.objects.count()) == (State.REGISTERED, 0)


def test_its_preflight_names_every_kind_of_problem():
    good, done, other = slide(), slide(State.SCANNED), slide()
    loaded(other, name="Other night")
    made = batch()
    barcodes = [good.barcode, good.barcode, done.barcode, other.barcode, "NOBODY", ""]
    places = [Placement(1, i, barcode) for i, barcode in enumerate(barcodes, 1)]
    services.load(batch=made, placements=places, actor=hands())
    found = {(p.slot.position if p.slot else 0, p.kind) for p in queries.preflight(made)}
    assert found == {
        (1, "duplicate"),
        (2, "duplicate"),
        (3, "already_scanned"),
        (4, "elsewhere"),
        (5, "unknown"),
        (6, "empty"),
    }


def test_its_preflight_is_silent_on_a_good_load_and_says_an_empty_one():
    assert queries.preflight(loaded(slide(), slide())) == []
    assert queries.preflight(batch("Empty"))[0].kind == "no_slides"


def test_it_unloads_while_it_is_being_loaded_and_not_later(technician):
    one = slide()
    made = loaded(one)
    slot = queries.slots_of(made).get()
    Batch.objects.update(phase=Batch.Phase.NIGHT)
    with pytest.raises(Conflict, match="no longer"):
        services.unload(slot=slot, actor=technician)
    Batch.objects.update(phase=Batch.Phase.LOADING)
    services.unload(slot=slot, actor=technician)
    one.refresh_from_db()
    assert (one.state, Slot.objects.count()) == (State.REGISTERED, 0)


def test_it_packs_the_failed_slides_into_a_rescan_with_its_pull_list(technician):
    slides = [slide() for _ in range(3)]
    made = loaded(*slides)
    for one in slides[1:]:
        one.refresh_from_db()
        services.advance(slide=one, to=State.FAILED, reason="jam")
    assert [pull.stood for pull in queries.pull_list(made)] == ["Night 01-02", "Night 01-03"]
    rescan = services.build_rescan(batch=made, actor=technician)
    pulls = queries.pull_list(rescan)
    assert [(p.barcode, p.stood, p.goes, p.reason) for p in pulls] == [
        (slides[1].barcode, "Night 01-02", "01-01", "jam"),
        (slides[2].barcode, "Night 01-03", "01-02", "jam"),
    ]
    with pytest.raises(Conflict):
        services.build_rescan(batch=made, actor=technician)


def test_its_board_has_at_least_four_rows_and_every_one_in_use():
    made, one = batch(), slide()
    services.load(batch=made, placements=[Placement(7, 10, one.barcode)], actor=hands())
    rows = queries.board(made)
    assert len(rows) == 7
    last = rows[6][1][9]
    assert last is not None
    assert last.slide == one
    assert len(queries.board(made, carousels=40)) == 40
