"""A report is reviewed by keyboard alone, in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from core.roles import Role
from deidentify import services
from deidentify.models import ReportReview
from lims.models import Case, Patient, Report
from tests.browser.test_pages import findings
from tests.viewer.browser import chromium

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
TEXT = """Patient: Rosa Vandermeer
Seen by Dr. Amalia Crane in the morning. \U0001f600
Her cousin Beatrix called. Dr. Owen Pike agrees. Gleason score 3+4=7
"""
SELECT = """(words) => {
  const walk = document.createTreeWalker(document.querySelector("[data-source]"), NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const at = node.data.indexOf(words);
    if (at >= 0) getSelection().setBaseAndExtent(node, at, node, at + words.length);
  }
}"""


def test_the_keys_decide_add_and_hand_over(
    live_server: LiveServer, client_of: Callable[[str], Client], settings: Any
) -> None:
    patient = Patient.objects.create(mrn="00481516", family_name="Vandermeer", given_name="Rosa")
    case = Case.objects.create(accession="S19-23421", patient=patient, received="2019-05-12")
    Report(case=case).file.save("r.txt", ContentFile(TEXT.encode()))
    row = services.deidentify_report(case_id=case.pk)
    assert row is not None
    session = client_of(Role.STEWARD).cookies["sessionid"].value
    with chromium(live_server.url, session) as page:
        page.goto(f"{live_server.url}/deidentify/reviews/{row.pk}/")
        page.get_by_text("1 of 3 decided").wait_for()  # the patient's name needs no decision
        page.keyboard.press("a")
        page.get_by_text("2 of 3 decided").wait_for()
        page.keyboard.press("r")
        page.get_by_text("3 of 3 decided").wait_for()
        assert "Pike" in page.locator("[data-clean]").inner_text()
        page.evaluate(SELECT, "Beatrix")
        page.keyboard.press("1")
        page.get_by_text("4 of 4 decided").wait_for()
        assert "cousin [NAME] called" in page.locator("[data-clean]").inner_text()
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            assert findings(page) == []
        page.keyboard.press("f")
        page.get_by_text("Another person signs it.").wait_for()
    review = ReportReview.objects.get(report=row)
    assert (review.state, len(review.accepted), len(review.removed)) == ("reviewed", 1, 1)
