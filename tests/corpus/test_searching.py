"""What is searched again before a release: everything new, and images of whose patient more is known."""

from pathlib import Path
from typing import Any

import pytest

from corpus.models import Release
from corpus.services import approve_release, build, create_release
from corpus.services.filling import fill
from corpus.services.searching import tasks
from lims.models import Patient
from tests.conftest import person
from tests.corpus.making import WHY, read_slide

pytestmark = pytest.mark.django_db(databases=["default", "vault"])
CASE: dict[str, Any] = {"accession": "S19-23421", "mrn": "00481516", "tissue": "breast"}


def approved() -> Release:
    made = create_release(actor=person("steward"), small_cells_reason=WHY)
    return approve_release(release=made, actor=person("administrator"))


def searched(root: Path) -> set[str]:
    """The kinds of files that the gate would be given."""
    return {Path(path).suffix for task in tasks(fill(approved(), root)) for path in task.paths}


def test_an_image_is_not_searched_twice_for_the_same(tmp_path: Path):
    read_slide(**CASE)
    assert searched(tmp_path) == {".docx", ".xml", ".geojson", ".json", ".md", ".txt"}


def test_it_is_searched_again_when_more_is_known(tmp_path: Path):
    made = read_slide(**CASE)
    Patient.objects.filter(pk=made.case.patient_id).update(family_name="Library")
    assert ".svs" in searched(tmp_path)


def test_what_was_learnt_since_stops_the_release():
    made = read_slide(comment="as Zoltan Brankovich said", **CASE)
    Patient.objects.filter(pk=made.case.patient_id).update(given_name="Zoltan", family_name="Brankovich")
    release = build(release=approved())
    assert (release.state, release.folder.exists()) == ("failed", False)
