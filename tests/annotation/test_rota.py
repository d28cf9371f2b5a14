"""The managers' pages: readers, hours, leave, studies."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from annotation.models import Agreement, Assignment, Leave, Study
from annotation.services import enrol_reader, read_words, save_study
from core.errors import BadInput
from core.models import AuditEntry
from tests.annotation.making import assigned, clean, pathologist, reader

pytestmark = pytest.mark.django_db
FACTS = {
    "question": "", "tissues": [], "stains": "", "priority": 100, "second_reads": 0.1, "agreement": 0.6,
    "active": True,
}  # fmt: skip


def form(**changes: Any) -> dict[str, Any]:
    facts = {
        "name": "Breast", "question": "Outline tumour.", "tissues": ["breast"], "stains": "H&E",
        "priority": 5, "second_percent": 25, "agreement": 0.7,
        "words": "Tumour, #ff0000, t\nStroma", "active": "on",
    }  # fmt: skip
    return {**facts, **changes}


def test_a_new_person_reads_monday_to_friday():
    made = enrol_reader(user=pathologist(), actor="test")
    assert made.hours == [8.0] * 5 + [0.0, 0.0]
    for wrong in ([8.0] * 6, [9.0] * 7, [-1.0] * 7):
        with pytest.raises(BadInput, match="seven days"):
            enrol_reader(user=pathologist(), actor="test", hours=wrong)


def test_a_manager_changes_hours_and_leave(client_of):
    paul = reader("paul")
    client, where = client_of("manager"), reverse("annotation:reader", args=[paul.pk])
    assert client.get(where).status_code == 200
    hours = {f"day{number}": 4 for number in range(7)}
    sent = {"tissues": ["breast"], "limit": 50, "active": "on", **hours}
    assert client.post(where, sent).status_code == 302
    paul.refresh_from_db()
    assert (paul.hours, paul.tissues, paul.daily_limit) == ([4.0] * 7, ["breast"], 50)
    assert client.post(where, {**sent, "day3": 99}).status_code == 400
    day = timezone.localdate() + timedelta(days=2)
    leave = {"first": day.isoformat(), "last": day.isoformat()}
    assert client.post(reverse("annotation:leave", args=[paul.pk]), leave).status_code == 302
    assert "on leave" in client.get(reverse("annotation:assignments")).content.decode()
    cancel = reverse("annotation:leave-cancel", args=[Leave.objects.get().pk])
    assert client.post(cancel).status_code == 302
    assert client.post(cancel).status_code == 404


def test_a_pathologist_sees_their_own_page_and_changes_nothing(client_of):
    client_of("pathologist")
    mine, other = reader("pathologist"), reader("petra")
    client = client_of("pathologist")
    where = reverse("annotation:reader", args=[mine.pk])
    assert client.get(where).status_code == 200
    assert client.post(where, {}).status_code == 403
    assert client.get(reverse("annotation:reader", args=[other.pk])).status_code == 403


def test_a_study_is_made_and_changed_on_its_page(client_of):
    client = client_of("manager")
    assert client.post(reverse("annotation:study-new"), form()).status_code == 302
    made = Study.objects.get()
    terms = [(term.label, term.colour, term.key) for term in made.terms.all()]
    assert terms == [("Tumour", "#ff0000", "t"), ("Stroma", "#ffd21e", "")]
    assert made.second_reads == 0.25
    where = reverse("annotation:study", args=[made.pk])
    assert "Tumour, #ff0000, t" in client.get(where).content.decode()
    assert client.post(where, form(second_percent=0, words="Tumour")).status_code == 302
    made.refresh_from_db()
    assert (made.second_reads, made.terms.count()) == (0.0, 1)
    assert AuditEntry.objects.filter(action="study.save").count() == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"words": "Tumour, red"}, "no colour"),
        ({"words": "A, #ffffff, tt"}, "one character"),
        ({"words": "A\nA"}, "stands twice"),
        ({"words": "A, #ffffff, t\nB, #ffffff, t"}, "stands twice"),
        ({"words": ", #ffffff"}, "label, #colour, key"),
        ({"second_percent": 101}, "100"),
        ({"agreement": 2}, "1"),
        ({"name": "Taken"}, "has this name"),
    ],
)
def test_a_wrong_study_is_said_beside_its_field(client_of, manager, changes, says):
    save_study(study=None, words=[], actor=manager, name="Taken", **FACTS)
    answer = client_of("manager").post(reverse("annotation:study-new"), form(**changes))
    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert Study.objects.count() == 1


def test_words_stand_in_the_order_of_their_lines():
    assert [word.label for word in read_words("B\n\nA, , a\n")] == ["B", "A"]


def test_the_plan_of_the_day_says_who_waits_and_why(client_of):
    made = assigned("paul", tissue="breast")
    clean(tissue="pulmonary", accession="WAITS-1")
    reader("paul", tissues=["breast"])
    page = client_of("manager").get(reverse("annotation:assignments")).content.decode()
    for words in ("Nobody on the rota reads pulmonary", "WAITS-1", made.slide.barcode, "First reading"):
        assert words in page


def test_the_page_tells_how_pairs_agree(client_of):
    first = assigned("paul")
    second = Assignment.objects.create(
        slide=first.slide, reader=reader("petra"), purpose="second", state="submitted"
    )
    row = {"label": "Tumour", "first": 1, "second": 2, "iou": 0.5, "dice": 0.67}
    Agreement.objects.create(first=first, second=second, kappa=0.8, iou=0.5, dice=0.67, labels=[row])
    page = client_of("manager").get(reverse("annotation:assignments")).content.decode()
    assert "paul and petra: 1 slide, kappa 0.80" in page
    assert "0.67" in page
