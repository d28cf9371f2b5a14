"""A release in an S3-compatible bucket: signed, created once, never written over."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core.errors import BadInput, Conflict, NotAllowed, Unavailable
from corpus import bag
from corpus.errors import ReleaseStopped
from corpus.s3 import push_release
from corpus.s3.bucket import PAUSES_S, Bucket
from corpus.s3.pushing import place_of
from corpus.s3.signing import NOTHING, Keys, Request, signed_headers
from corpus.services import build
from tests.corpus.making import approved, read_slide
from tests.corpus.store import KEYS, REGION, Store, stored

needs_database = pytest.mark.django_db(databases=["default", "vault"])
# The reference's own example; in two parts, for this repository is searched for keys.
DOCUMENTED = Keys("AKIA" + "IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY")
HOST = {"Host": "examplebucket.s3.amazonaws.com"}
WELCOME = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()


@pytest.mark.parametrize(
    ("request_", "signature"),
    [
        (
            Request("GET", "/test.txt", {}, {**HOST, "Range": "bytes=0-9"}, NOTHING),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            Request(
                "PUT",
                "/test$file.text",
                {},
                {
                    **HOST,
                    "Date": "Fri, 24 May 2013 00:00:00 GMT",
                    "x-amz-storage-class": "REDUCED_REDUNDANCY",
                },
                WELCOME,
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            Request("GET", "/", {"lifecycle": ""}, HOST, NOTHING),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            Request("GET", "/", {"prefix": "J", "max-keys": "2"}, HOST, NOTHING),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_requests_are_signed_as_the_reference_says(request_: Request, signature: str) -> None:
    moment = datetime(2013, 5, 24, tzinfo=UTC)
    headers = signed_headers(request_, DOCUMENTED, "us-east-1", moment)
    assert headers["authorization"].endswith(f"Signature={signature}")


def test_secrets_are_in_no_repr() -> None:
    assert "wJalr" not in repr(DOCUMENTED)


@pytest.fixture
def store() -> Iterator[Store]:
    with stored() as running:
        yield running


def bucket_of(store: Store, *, keys: Keys = KEYS, part: int = 1 << 20) -> Bucket:
    return Bucket(store.address, "corpus", keys, REGION, part=part, sleep=lambda _: None)


def a_file(tmp_path: Path, content: bytes = b"slide") -> tuple[Path, str]:
    file = tmp_path / "a.svs"
    file.write_bytes(content)
    return file, hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("part", [1 << 20, 7])
def test_a_file_is_created_once(store: Store, tmp_path: Path, part: int) -> None:
    file, sha256 = a_file(tmp_path, b"a slide of some bytes")
    bucket = bucket_of(store, part=part)
    assert bucket.create("v1/ä b.svs", file, sha256) is True
    assert store.objects["/corpus/v1/ä b.svs"].content == b"a slide of some bytes"
    assert bucket.create("v1/ä b.svs", file, sha256) is False
    assert store.uploads == {}


@pytest.mark.parametrize("part", [1 << 20, 2])
def test_what_is_there_is_never_written_over(store: Store, tmp_path: Path, part: int) -> None:
    file, sha256 = a_file(tmp_path)
    bucket_of(store).create("a", file, sha256)
    other, other_sha256 = a_file(tmp_path, b"other")
    with pytest.raises(Conflict, match="nothing is written over"):
        bucket_of(store, part=part).create("a", other, other_sha256)
    assert store.objects["/corpus/a"].content == b"slide"


@pytest.mark.parametrize("part", [1 << 20, 2])
def test_who_was_slower_finds_the_others_object(store: Store, tmp_path: Path, part: int) -> None:
    """It came into being between the question and the creation."""
    file, sha256 = a_file(tmp_path)
    bucket = bucket_of(store, part=part)
    bucket.create("a", file, sha256)
    store.then.extend([404])
    assert bucket.create("a", file, sha256) is False
    assert store.uploads == {}


@pytest.mark.parametrize("part", [1 << 20, 2])
def test_a_file_that_has_changed_is_refused(store: Store, tmp_path: Path, part: int) -> None:
    file, _ = a_file(tmp_path)
    with pytest.raises(Conflict, match="not as it was published"):
        bucket_of(store, part=part).create("a", file, hashlib.sha256(b"before").hexdigest())
    assert (store.objects, store.uploads) == ({}, {})


@pytest.mark.parametrize("faults", [[503], [0, 500], [429, 0, 504, 503]])
def test_what_passes_is_tried_again(store: Store, tmp_path: Path, faults: list[int]) -> None:
    file, sha256 = a_file(tmp_path)
    store.then.extend(faults)
    assert bucket_of(store).create("a", file, sha256) is True


def test_a_store_that_stays_away_is_unavailable(store: Store, tmp_path: Path) -> None:
    file, sha256 = a_file(tmp_path)
    store.then.extend([503] * 20)
    with pytest.raises(Unavailable) as stop:
        bucket_of(store).create("a", file, sha256)
    assert stop.value.retryable
    assert len(store.asked) == len(PAUSES_S) + 1


def test_an_upload_that_fails_in_the_middle_is_dropped(store: Store, tmp_path: Path) -> None:
    """The questions: is it there, begin, the first part, the second and its tries; then it is dropped."""
    file, sha256 = a_file(tmp_path, b"four parts")
    store.then.extend([None, None, None, *[503] * (len(PAUSES_S) + 1)])
    with pytest.raises(Unavailable):
        bucket_of(store, part=3).create("a", file, sha256)
    assert (store.objects, store.uploads) == ({}, {})


def test_other_keys_are_not_let_in(store: Store, tmp_path: Path) -> None:
    file, sha256 = a_file(tmp_path)
    with pytest.raises(NotAllowed, match="403"):
        bucket_of(store, keys=Keys("AKIDEXAMPLE", "another")).create("a", file, sha256)


@pytest.mark.parametrize("address", ["s3.example.org", "ftp://s3.example.org", "https://s3.example.org/path"])
def test_an_endpoint_is_an_address(address: str) -> None:
    with pytest.raises(BadInput):
        Bucket(address, "corpus", KEYS, REGION)


@pytest.mark.parametrize(
    "address", ["corpus/v1", "s3://C", "s3://corpus/../x", "s3://corpus/a//b", "s3://corpus/a b", "s3:///a"]
)
def test_a_place_is_a_bucket_and_a_prefix(address: str) -> None:
    assert place_of("s3://corpus/v1/") == ("corpus", "v1")
    assert place_of("s3://corpus") == ("corpus", "")
    with pytest.raises(BadInput):
        place_of(address)


@needs_database
def test_a_release_is_pushed_whole_its_manifest_last_and_can_be_said_again(
    store: Store, settings: Any
) -> None:
    read_slide(barcode="S19-23421-A1-1", accession="S19-23421", mrn="00481516", tissue="breast")
    release = build(release=approved())
    created, there = push_release(release, bucket_of(store), "v1")
    files = [file for file in release.folder.rglob("*") if file.is_file()]
    assert (created, there) == (len(files), 0)
    assert [key for method, key in store.asked if method == "PUT"][-1] == f"/corpus/v1/{bag.MANIFEST}"
    for file in files:
        key = f"/corpus/v1/{file.relative_to(release.folder).as_posix()}"
        assert store.objects[key].content == file.read_bytes()
    settings.S3_ENDPOINT, settings.S3_REGION = store.address, REGION
    settings.S3_ACCESS_KEY_ID, settings.S3_SECRET_ACCESS_KEY = KEYS.access, KEYS.secret
    said = StringIO()
    call_command("release_push", release.number, to="s3://corpus/v1", stdout=said)
    assert f"0 files created, {len(files)} were there" in said.getvalue()
    next(release.folder.rglob("*.svs")).unlink()
    with pytest.raises(ReleaseStopped, match="is gone"):
        push_release(release, bucket_of(store), "v2")


@needs_database
def test_the_command_says_what_it_lacks() -> None:
    with pytest.raises(CommandError, match="no release 7"):
        call_command("release_push", 7, to="s3://corpus/v1")
