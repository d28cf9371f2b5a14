"""Signed addresses: what they open, for how long, and what they do not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core import signing as django_signing
from django.test import Client

from core.models import AuditEntry
from lims.states import State
from tests.conftest import CAST, person
from viewer import signing
from viewer.models import VirtualSlide

PARTS = (
    "{uid}/header.json",
    "{uid}/histogram.json",
    "{uid}/chunks?level=1&blocks=0-0&channels=0",
    "{uid}/tile/0/0/0.jpg",
    "{uid}/thumbnail.jpg?px=32",
    "{uid}/region.jpg?um=0,0,20,20",
    "{uid}.dzi",
    "{uid}_files/0/0_0.jpg",
    "iiif/{uid}/info.json",
    "iiif/{uid}/full/16,/0/default.png",
)
SEE = {"technician", "pathologist", "manager", "steward", "administrator"}


def asked(client: Client, virtual: VirtualSlide, **body: Any) -> dict[str, str]:
    answer = client.post(f"/viewer/{virtual.slide.uid}/sign", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def below(signed: dict[str, str], virtual: VirtualSlide, part: str = "{uid}/thumbnail.jpg?px=32") -> str:
    return signed["base"].removeprefix("http://testserver") + part.format(uid=virtual.slide.uid)


@pytest.mark.parametrize("who", CAST)
def test_who_sees_the_slide_may_sign_and_the_address_needs_no_session(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], who: str
) -> None:
    client = client_of(who)
    if who not in SEE:
        answer = client.post(f"/viewer/{brightfield.slide.uid}/sign", {}, content_type="application/json")
        assert answer.status_code == 403
        return
    signed = asked(client, brightfield)
    for part in PARTS:
        assert client_of("anonymous").get(below(signed, brightfield, part)).status_code == 200, part
        assert client_of("stranger").get(below(signed, brightfield, part)).status_code == 200, part
    assert AuditEntry.objects.filter(action="viewer.sign").count() == 1


@pytest.mark.parametrize("part", PARTS)
def test_each_address_is_shut_with_every_kind_of_wrong_signature(
    brightfield: VirtualSlide,
    slide_files: dict[str, Path],
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
    part: str,
) -> None:
    other = register(slide_files["jpeg"], barcode="other")
    sign = partial(signing.sign, person=person("pathologist"), uid=brightfield.slide.uid)
    good, _ = sign(version=brightfield.sha256[:16], seconds=60)
    over, _ = sign(version=brightfield.sha256[:16], seconds=0)
    older, _ = sign(version="0" * 16, seconds=60)
    elsewhere = django_signing.dumps(
        [1, str(brightfield.slide.uid), "x", 2**40], key="k" * 50, salt="viewer.signing"
    )
    reused = django_signing.dumps([1, str(brightfield.slide.uid), "x", 2**40], salt="another.purpose")

    def status(token: str, virtual: VirtualSlide, who: str = "anonymous") -> int:
        address = f"/viewer/signed/{token}/{part.format(uid=virtual.slide.uid)}"
        return client_of(who).get(address).status_code

    assert status(good, brightfield) == 200
    assert status(good, other) == 404  # moved to another slide
    assert status(older, brightfield) == 404  # the slide was scanned anew since
    for token in (over, elsewhere, reused, good[:-1], good[1:], good + "A", "x", f"{good.split(':')[0]}:a:b"):
        assert status(token, brightfield) == 403
        assert status(token, brightfield, "administrator") == 403  # a cookie does not mend it


def test_a_right_that_is_taken_away_is_gone_at_once(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    address = below(asked(client_of("pathologist"), brightfield), brightfield)
    anybody = client_of("anonymous")
    assert anybody.get(address).status_code == 200
    slide = brightfield.slide
    slide.state = State.SCANNED
    slide.save(update_fields=["state"])
    assert anybody.get(address).status_code == 403
    slide.state = State.ASSIGNED
    slide.save(update_fields=["state"])
    reader = person("pathologist")
    reader.groups.clear()
    assert anybody.get(address).status_code == 403
    reader.is_active = False
    reader.save(update_fields=["is_active"])
    assert anybody.get(address).status_code == 403


def test_it_says_when_it_ends_and_caches_keep_it_no_longer(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    signed = asked(client_of("pathologist"), brightfield, seconds=120)
    left = datetime.fromisoformat(signed["ends"]) - datetime.now(UTC)
    assert timedelta(seconds=100) < left <= timedelta(seconds=121)
    kept = client_of("anonymous").get(below(signed, brightfield))["Cache-Control"]
    assert kept.startswith("private, max-age=")
    assert 100 <= int(kept.rpartition("=")[2]) <= 120


@pytest.mark.parametrize("seconds", [0, -5, 10**9, "x", None])
def test_it_signs_for_a_sensible_time_only(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], seconds: Any
) -> None:
    answer = client_of("pathologist").post(
        f"/viewer/{brightfield.slide.uid}/sign", {"seconds": seconds}, content_type="application/json"
    )
    assert answer.status_code == 400


def test_keys_are_changed_without_a_gap(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], settings: Any
) -> None:
    settings.VIEWER_SIGNING_KEYS = ["first" * 10]
    address = below(asked(client_of("pathologist"), brightfield), brightfield)
    settings.VIEWER_SIGNING_KEYS = ["second" * 10, "first" * 10]
    assert client_of("anonymous").get(address).status_code == 200
    newer = below(asked(client_of("pathologist"), brightfield), brightfield)
    settings.VIEWER_SIGNING_KEYS = ["second" * 10]
    assert client_of("anonymous").get(address).status_code == 403
    assert client_of("anonymous").get(newer).status_code == 200


def test_a_signed_address_opens_nothing_but_pixels(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    signed = asked(client_of("technician"), brightfield)
    for part in ("{uid}/", "{uid}/sign", "{uid}/beside/{uid}/"):
        assert client_of("anonymous").get(below(signed, brightfield, part)).status_code == 404
    post = client_of("anonymous").post(below(signed, brightfield))
    assert post.status_code == 405
