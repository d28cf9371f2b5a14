"""The frame of every page, the pages of what went wrong, and colours that can be read."""

import re
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from core import views
from core.errors import Conflict, NocturneError, Unavailable
from core.middleware import TypedErrors
from core.templatetags import core as tags

EDGE = TypedErrors(lambda request: HttpResponse())
CSS = (Path(__file__).parents[2] / "core/static/core/nocturne.css").read_text(encoding="utf-8")


@pytest.mark.django_db
def test_it_shows_the_rooms_of_the_role(client_of):
    page = client_of("pathologist").get(reverse("lims:slides")).content.decode()
    assert reverse("lims:slides") in page
    assert reverse("lims:batches") not in page


@pytest.mark.django_db
def test_it_runs_no_script_of_its_own_page(client_of):
    response = client_of("technician").get(reverse("lims:slides"))
    assert "script-src 'self'" in response["Content-Security-Policy"]
    page = response.content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"\son\w+=", page) == []


@pytest.mark.django_db
def test_it_logs_in_and_locks_out_a_guesser(client, technician):
    technician.set_password("moonlight sonata")
    technician.save()
    for _ in range(9):
        assert client.post("/login/", {"username": "technician", "password": "wrong"}).status_code == 200
    locked = client.post("/login/", {"username": "technician", "password": "wrong"})
    assert locked.status_code == 429
    assert "Wait a quarter of an hour" in locked.content.decode()


@pytest.mark.django_db
def test_it_sends_strangers_to_the_log_in_and_back(client_of):
    address = reverse("lims:slides")
    assert client_of("anonymous").get(address).url == f"{reverse('login')}?next={address}"
    assert client_of("stranger").get(address).status_code == 403


@pytest.mark.django_db
def test_it_refuses_a_form_from_elsewhere(technician):
    client = Client(enforce_csrf_checks=True)
    client.force_login(technician, backend="django.contrib.auth.backends.ModelBackend")
    response = client.post(reverse("lims:batch-create"), {"name": "x"})
    assert response.status_code == 403
    assert "Load the page again" in response.content.decode()


@pytest.mark.parametrize("path", ["/nothing/", "/api/nothing/"])
@pytest.mark.django_db
def test_it_says_that_there_is_nothing(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response["Content-Type"].startswith("application/json") == path.startswith("/api/")


def test_its_own_fault_needs_no_database():
    request = RequestFactory().get("/lab/")
    assert b"undone as a whole" in views.broken(request).content
    assert views.broken(RequestFactory().get("/api/x/")).status_code == 500
    fragment = views.broken(RequestFactory().get("/lab/", headers={"HX-Request": "true"}))
    assert b"<html" not in fragment.content


@pytest.mark.parametrize("error", [Conflict("Taken."), Unavailable("Away."), NocturneError("Odd.")])
def test_a_typed_error_says_what_was_kept(error: NocturneError) -> None:
    response = EDGE.process_exception(RequestFactory().get("/"), error)
    assert response is not None
    assert response.status_code == error.status
    assert error.message in response.content.decode()
    assert re.search(r"Nothing was|is kept", response.content.decode())


def test_an_untyped_error_is_not_swallowed():
    assert EDGE.process_exception(RequestFactory().get("/"), ValueError()) is None


def test_its_small_words_are_escaped_and_bounded():
    assert "&lt;b&gt;" in tags.badge("<b>")
    assert 'value="1.0000"' in tags.progress(7, 5)
    assert 'value="0.0000"' in tags.progress(0, 0)
    assert tags.tile(3, "failed", "/x/").startswith('<a class="tile" href="/x/">')


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def mixed(over: str, share: float, under: str) -> str:
    pairs = [(int(over[i : i + 2], 16), int(under[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(o * share + u * (1 - share)):02x}" for o, u in pairs)


@pytest.mark.parametrize("theme", [0, 1])
def test_its_colours_have_the_contrast_that_wcag_aa_asks_for(theme: int) -> None:
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", CSS)
    colour = {name: pair[theme] for name, *pair in found}
    assert len(colour) == 18
    for name in ("ink", "soft", "accent"):
        for ground in ("ground", "surface", "raised"):
            assert contrast(colour[name], colour[ground]) >= 4.5, (name, ground)
    assert contrast(colour["on-accent"], colour["accent"]) >= 4.5
    assert contrast(colour["edge"], colour["ground"]) >= 3
    for tone in ("idle", "bench", "doubt", "busy", "done", "read", "good", "bad", "off"):
        tinted = mixed(colour[tone], 0.12, colour["surface"])
        assert contrast(colour[tone], tinted) >= 4.5, tone
        assert contrast(colour[tone], colour["ground"]) >= 4.5, tone
