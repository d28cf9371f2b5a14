"""Naming templates that a laboratory keeps, and a release that is named by one."""

import json
from collections.abc import Callable

import pytest
from django.test import Client

from core.errors import Conflict, NotAllowed
from corpus.errors import BadName
from corpus.models import NamingTemplate, Release
from corpus.queries import candidates, propose, template, template_names
from corpus.services import build
from corpus.services.naming import keep_template
from tests.conftest import person
from tests.corpus.making import approved, read_slide
from tests.corpus.test_patterns import LINE

pytestmark = pytest.mark.django_db(databases=["default", "vault"])
OTHER = "ours/" + LINE


def test_another_line_is_another_version() -> None:
    steward = person("steward")
    first, second = (keep_template(actor=steward, name="lab", line=line) for line in (LINE, OTHER))
    assert (str(first), str(second)) == ("lab:1", "lab:2")
    assert template("lab:1").line == LINE
    assert template_names() == ["tudp-2018", "tudp-v1.0.0", "lab:2"]
    with pytest.raises(Conflict, match="lab:2 already"):
        keep_template(actor=steward, name="lab", line=OTHER)


@pytest.mark.parametrize("name", ["tudp-2018", "ab", "Lab", "lab:2", "../lab", "a" * 31])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        keep_template(actor=person("steward"), name=name, line=LINE)


def test_only_a_steward_makes_one() -> None:
    with pytest.raises(NotAllowed):
        keep_template(actor=person("manager"), name="lab", line=LINE)


@pytest.mark.parametrize("name", ["lab", "lab:", "lab:9", "lab:x", "lab:²", "nothing"])
def test_a_template_that_is_not_there_lists_what_is(name: str) -> None:
    keep_template(actor=person("steward"), name="lab", line=LINE)
    with pytest.raises(BadName) as refused:
        template(name)
    assert refused.value.detail["choices"] == ["tudp-2018", "tudp-v1.0.0", "lab:1"]


def test_a_release_says_by_which_line_it_was_named() -> None:
    keep_template(actor=person("steward"), name="lab", line=OTHER)
    read_slide(tissue="breast")
    release = build(release=approved("lab:1"))
    assert release.state == Release.State.PUBLISHED, release.problem
    manifest = json.loads((release.folder / "manifest.json").read_bytes())
    assert (manifest["template"], manifest["names"]) == ("lab:1", OTHER)
    paths = [row["path"] for row in manifest["files"] if row["path"].startswith("data/")]
    assert paths
    assert all(path.startswith("data/ours/breast/") for path in paths)


def test_another_version_gives_no_name_that_is_taken() -> None:
    steward = person("steward")
    for line in (LINE, LINE.replace("{duplicate:2}", "{duplicate}")):
        keep_template(actor=steward, name="lab", line=line)
    slide = read_slide(tissue="breast")
    release = build(release=approved("lab:01"))
    assert (release.state, release.template) == (Release.State.PUBLISHED, "lab:1"), release.problem
    (proposed,) = propose(template("lab:2"), candidates([slide]), number=2, actor=steward)
    assert proposed.moved
    assert proposed.path.name.endswith("_s01.svs")


def test_the_page_keeps_shows_and_refuses(client_of: Callable[[str], Client]) -> None:
    client = client_of("steward")
    address = "/corpus/names/keep/"
    assert client.post(address, {"name": "lab", "line": LINE}).status_code == 302
    assert NamingTemplate.objects.get().line == LINE
    page = client.get("/corpus/names/").content.decode()
    assert "lab:1" in page
    assert "gastrointestinal/12345678/0s15_12345/" in page
    refused = client.post(address, {"name": "lab", "line": "../" + LINE})
    assert refused.status_code == 400
    assert "cannot be the name of a folder" in refused.content.decode()
    assert client.post(address, {"name": "lab", "line": LINE}).status_code == 409
    assert client.post(address, {"name": "", "line": ""}).status_code == 400


def test_a_dry_run_of_nothing_shows_an_example(client_of: Callable[[str], Client]) -> None:
    page = client_of("steward").post("/corpus/names/keep/", {"name": "lab", "line": OTHER, "dry_run": "1"})
    assert "Nothing to name yet" in page.content.decode()
    assert "ours/gastrointestinal/12345678/" in page.content.decode()


def test_a_dry_run_keeps_nothing(client_of: Callable[[str], Client]) -> None:
    read_slide(tissue="breast")
    page = client_of("steward").post("/corpus/names/keep/", {"name": "lab", "line": OTHER, "dry_run": "1"})
    assert "ours/breast/" in page.content.decode()
    assert not NamingTemplate.objects.exists()


def test_programs_name_a_release_by_it(client_of: Callable[[str], Client]) -> None:
    client = client_of("steward")
    refused = client.post("/api/releases/", {"template": "lab:1"}, content_type="application/json")
    assert refused.status_code == 400
    assert "lab:1" in refused.content.decode()
