"""A release as tar files for training."""

import hashlib
import json
import tarfile
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, Conflict
from corpus.errors import NotReleasable, ReleaseStopped
from corpus.models import Release
from corpus.services import build
from corpus.shards import SPLITS, split_of, write_shards
from tests.corpus.making import approved, read_slide

needs_database = pytest.mark.django_db(databases=["default", "vault"])
KEYS = st.text("0123456789", min_size=8, max_size=8)


@pytest.fixture
def release() -> Release:
    for number in (1, 2):
        facts: dict[str, Any] = {"accession": f"S19-2342{number}", "mrn": f"0048151{number}"}
        read_slide(barcode=f"S19-2342{number}-A1-1", block="A1", tissue="breast", **facts)
    return build(release=approved())


def members(folder: Path) -> dict[str, bytes]:
    found = {}
    for shard in sorted(folder.glob("*.tar")):
        with tarfile.open(shard) as tar:
            for entry in tar:
                assert (entry.mtime, entry.uid, entry.uname) == (0, 0, "")
                file = tar.extractfile(entry)
                assert file is not None
                found[entry.name] = file.read()
    return found


@given(KEYS, st.text(max_size=5))
def test_a_patient_is_in_one_split_whoever_else_is_there(key: str, seed: str) -> None:
    assert split_of(key, seed) == split_of(key, seed)
    assert split_of(key, seed) in dict(SPLITS)


def test_the_splits_are_about_as_large_as_they_say() -> None:
    found = Counter(split_of(f"{number:08}", "nocturne") for number in range(10_000))
    assert abs(found["train"] - 8000) < 200
    assert abs(found["val"] - found["test"]) < 200


@needs_database
def test_a_sample_holds_the_image_its_words_and_what_is_drawn(release: Release, tmp_path: Path) -> None:
    assert write_shards(release, tmp_path / "shards", megabytes=1) == 2
    found = members(tmp_path / "shards")
    suffixes = Counter(name.partition(".")[2] for name in found)
    assert suffixes == {"svs": 2, "xml": 2, "geojson": 2, "txt": 2, "json": 2}
    for name, content in found.items():
        if name.endswith(".json"):
            about = json.loads(content)
            image = found[f"{name.removesuffix('.json')}.svs"]
            assert about["sha256"] == hashlib.sha256(image).hexdigest()
            assert name.startswith(f"{about['patient']}_")
    assert not any(b"Vandermeer" in content for content in found.values())


@needs_database
def test_the_same_release_gives_the_same_bytes_and_an_index_of_them(release: Release, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_shards(release, tmp_path / name)
    one, two = ({file.name: file.read_bytes() for file in (tmp_path / n).iterdir()} for n in ("one", "two"))
    assert one == two
    index = json.loads(one["index.json"])
    assert (index["manifest_sha256"], sum(row["samples"] for row in index["shards"])) == (
        release.manifest_sha256,
        2,
    )
    for row in index["shards"]:
        assert hashlib.sha256(one[row["name"]]).hexdigest() == row["sha256"]


@needs_database
def test_a_file_that_is_not_as_published_stops_it_and_leaves_nothing(
    release: Release, tmp_path: Path
) -> None:
    file = next(release.folder.rglob("*.svs"))
    whole = bytearray(file.read_bytes())
    whole[-1] ^= 1
    file.unlink()
    file.write_bytes(whole)
    with pytest.raises(ReleaseStopped, match="not as it was published"):
        write_shards(release, tmp_path / "shards")
    assert list(tmp_path.glob("*shards*")) == []


@needs_database
def test_where_shards_cannot_stand_is_said(release: Release, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="beside"):
        write_shards(release, release.folder / "data" / "shards")
    (tmp_path / "there").mkdir()
    with pytest.raises(Conflict):
        write_shards(release, tmp_path / "there")
    with pytest.raises(BadInput, match="1 to"):
        write_shards(release, tmp_path / "shards", megabytes=0)


@needs_database
def test_the_command_writes_them_and_refuses_a_draft(release: Release, tmp_path: Path) -> None:
    said = StringIO()
    call_command("release_shards", release.number, to=tmp_path / "shards", stdout=said)
    assert "2 samples" in said.getvalue()
    with pytest.raises(CommandError, match="no release 9"):
        call_command("release_shards", 9, to=tmp_path / "nine")
    release.state = Release.State.DRAFT
    with pytest.raises(NotReleasable):
        write_shards(release, tmp_path / "draft")
