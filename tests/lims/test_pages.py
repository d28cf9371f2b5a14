import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.models import AuditEntry
from lims import services
from lims.models import Batch, Slide, Slot
from lims.states import State
from tests.conftest import Browsers
from tests.lims.making import batch, loaded, slide

pytestmark = pytest.mark.django_db
CSV = b"barcode,accession,mrn,family_name\nX-1,X26-1,1,Ray\nX-1,X26-1,1,Ray\nX-2,X26-1,1,=Ray\n"


def see(client: Client, name: str, *args: object, **query: str) -> str:
    response = client.get(reverse(f"lims:{name}", args=args), query)
    assert response.status_code == 200, response.content
    return response.content.decode()


def test_it_finds_a_slide_by_a_part_of_its_barcode(client_of):
    one, other = slide(barcode="AAA-17"), slide(barcode="BBB-18")
    page = see(client_of("technician"), "slides", q="aa-1")
    assert one.barcode in page
    assert other.barcode not in page


def test_it_filters_by_state_and_says_when_nothing_fits(client_of):
    slide(barcode="AAA-17")
    assert "No slide fits" in see(client_of("technician"), "slides", state="scanned")
    assert "AAA-17" in see(client_of("technician"), "slides", state="registered")


def test_it_says_what_to_do_in_an_empty_laboratory(client_of):
    assert "Register a slide" in see(client_of("technician"), "slides")
    assert "No batches yet" in see(client_of("manager"), "batches")


def test_it_keeps_the_case_from_those_who_read_blind(client_of):
    one = slide(accession="S26-4711")
    for name, args in (("slides", []), ("slide", [one.barcode])):
        assert "S26-4711" not in see(client_of("pathologist"), name, *args)
        assert "S26-4711" in see(client_of("technician"), name, *args)
    assert one.barcode not in see(client_of("pathologist"), "slides", q="S26-4711")


def test_it_escapes_what_people_wrote(client_of):
    one = slide(family_name="<script>alert(1)</script>")
    assert "<script>alert" not in see(client_of("technician"), "case", one.case.accession)


def test_its_buttons_are_those_of_the_role(client_of):
    one = slide(State.REVIEW)
    assert 'value="rejected"' in see(client_of("technician"), "slide", one.barcode)
    assert 'value="rejected"' not in see(client_of("steward"), "slide", one.barcode)
    assert 'name="to"' not in see(client_of("pathologist"), "slide", one.barcode)


def test_it_moves_a_slide_by_its_button(client_of):
    one = slide()
    address = reverse("lims:slide-move", args=[one.barcode])
    assert client_of("technician").post(address, {"to": "held", "note": "wet"}).status_code == 302
    assert client_of("pathologist").post(address, {"to": "registered"}).status_code == 403
    assert client_of("technician").post(address, {"to": "scanned"}).status_code == 409
    one.refresh_from_db()
    assert one.state == State.HELD


def test_it_records_each_look_at_a_patient(client_of):
    case = slide().case
    services.attach_report(case=case, name="r.docx", content=b"text", actor="test")
    see(client_of("steward"), "case", case.accession)
    response = client_of("steward").get(reverse("lims:case-report", args=[case.accession]))
    assert b"".join(response.streaming_content) == b"text"
    looks = AuditEntry.objects.filter(actor="steward").values_list("action", "target")
    assert list(looks) == [("case.look", f"case:{case.accession}"), ("report.look", f"case:{case.accession}")]


def test_it_finds_a_case_by_mrn_or_name_and_does_not_write_the_name_down(client_of):
    case = slide(mrn="4711", family_name="Quintero").case
    for text in ("4711", "quint", case.accession):
        assert case.accession in see(client_of("technician"), "cases", q=text)
    assert not [row for row in AuditEntry.objects.all() if "uint" in f"{row.target}{row.detail}"]


def test_it_registers_a_slide_by_its_form(client_of):
    form = {
        "barcode": "N-1", "stain": "H&E", "cut": "lvl", "cut_number": 1, "accession": "S26-1",
        "tissue": "breast", "received": "2026-05-01", "site_code": "0a001", "block": "A1", "mrn": "1",
        "family_name": "Ray", "sex": "F",
    }  # fmt: skip
    client = client_of("technician")
    assert client.post(reverse("lims:register"), form).status_code == 302
    again = client.post(reverse("lims:register"), form)
    assert again.status_code == 400
    assert "registered already" in again.content.decode()
    assert Slide.objects.count() == 1


def preview(client: Client, content: bytes = CSV) -> Any:
    file = io.BytesIO(content)
    file.name = "night.csv"
    return client.post(reverse("lims:import"), {"file": file})


def test_it_previews_a_file_and_writes_nothing(client_of):
    response = preview(client_of("technician"))
    assert (len(response.context["good"]), len(response.context["refused"])) == (1, 2)
    assert not Slide.objects.exists()


def test_it_commits_the_good_rows_and_hands_back_the_others(client_of):
    client = client_of("technician")
    seen = preview(client).context
    assert client.post(reverse("lims:import-commit"), {"rows": seen["good_token"]}).status_code == 302
    assert list(Slide.objects.values_list("barcode", flat=True)) == ["X-1"]
    back = client.post(reverse("lims:import-refused"), {"rows": seen["refused_token"]}).content.decode()
    assert "'=Ray" in back
    assert "stands in line 2" in back


def test_it_commits_only_what_this_person_previewed(client_of):
    token = preview(client_of("technician")).context["good_token"]
    for client, rows in ((client_of("administrator"), token), (client_of("technician"), token[:-3] + "abc")):
        response = client.post(reverse("lims:import-commit"), {"rows": rows})
        assert response.status_code == 400
        assert "Nothing was written" in response.content.decode()
    assert not Slide.objects.exists()


def test_it_tells_what_is_wrong_with_a_file(client_of):
    response = preview(client_of("technician"), b"\xff\xfeb\x00")
    assert response.status_code == 400
    assert "UTF-16" in response.content.decode()


def test_without_scripts_it_tells_what_was_loaded_too(client_of):
    made, one = batch(), slide()
    client, form = client_of("technician"), {"carousel": 1, "position": 1, "barcode": one.barcode}
    page = client.post(reverse("lims:batch-load", args=[made.pk]), form, follow=True).content.decode()
    assert f"{one.barcode}</span> is loaded" in page
    assert 'value="1-2"' in page
    nobody = client.get(reverse("lims:batch", args=[made.pk]), {"just": "9-9"})
    assert "is loaded" not in nobody.content.decode()


def test_it_loads_by_reader_and_goes_to_the_next_slot(client_of):
    made, one = batch(), slide()
    address = reverse("lims:batch-load", args=[made.pk])
    form = {"carousel": 1, "position": 1, "barcode": one.barcode}
    page = client_of("technician").post(address, form, headers={"HX-Request": "true"}).content.decode()
    assert f"{one.barcode}</span> is loaded" in page
    assert 'value="1-2"' in page
    taken = client_of("technician").post(address, form, headers={"HX-Request": "true"})
    assert taken.status_code == 409
    assert "<html" not in taken.content.decode()


def test_it_loads_a_file_of_slots(client_of):
    made, one = batch(), slide()
    file = io.BytesIO(f"carousel,slot,barcode\n2,3,{one.barcode}\n".encode())
    file.name = "load.csv"
    response = client_of("technician").post(reverse("lims:batch-load-file", args=[made.pk]), {"file": file})
    assert response.status_code == 302
    assert str(Slot.objects.get()) == "02-03"


def test_it_takes_a_slide_out_again(client_of):
    made = loaded(slide())
    slot = Slot.objects.get()
    see(client_of("technician"), "batch", made.pk, at="1-1")
    address = reverse("lims:batch-unload", args=[made.pk])
    assert client_of("technician").post(address, {"slot": slot.pk}).status_code == 302
    assert client_of("technician").post(address, {"slot": "1; drop"}).status_code == 400
    assert not Slot.objects.exists()


def test_it_builds_the_rescan_with_one_click(client_of):
    made = loaded(slide(), slide())
    services.advance(slide=Slide.objects.earliest("pk"), to=State.FAILED, reason="jam")
    Batch.objects.update(phase=Batch.Phase.MORNING)
    assert "Build the rescan batch" in see(client_of("technician"), "batch", made.pk)
    response = client_of("technician").post(reverse("lims:batch-rescan", args=[made.pk]))
    rescan = Batch.objects.get(rescan_of=made)
    assert response.url == reverse("lims:batch", args=[rescan.pk])
    page = see(client_of("technician"), "pull-list", rescan.pk)
    assert "Slide jammed" in page
    assert "Nakamura" not in page


@pytest.mark.parametrize("at", ["1-1", "40-10", "41-1", "x-y", "1", "-", "9999999-1", "²-1"])
def test_it_shows_a_board_wherever_somebody_points(client_of: Browsers, at: str) -> None:
    made = loaded(slide())
    see(client_of("technician"), "batch", made.pk, at=at)
    see(client_of("manager"), "batch-fragment", made.pk, at=at)


def test_it_verifies_the_chain_and_shows_where_it_broke(client_of):
    slide()
    slide()
    assert "The chain holds" in see(client_of("administrator"), "audit", verify="")
    AuditEntry.objects.filter(pk=AuditEntry.objects.earliest("pk").pk).update(actor="eve")
    assert "The chain is broken" in see(client_of("administrator"), "audit", verify="")
