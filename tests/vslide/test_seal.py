"""Sealing at rest: without the key a slide is noise, and nothing in it can be moved or changed unseen."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vslide
from tests.vslide.slides import Specimen, make_header, make_specimen, publish
from vslide.__main__ import main
from vslide.build import slide_path
from vslide.clean import copy_clean
from vslide.coding import Coding
from vslide.errors import Damaged, KeyMissing, KeyRefused, NotASlide, Truncated
from vslide.export import export
from vslide.fsck import fsck
from vslide.journal import Journal
from vslide.keys import ENVIRONMENT, KeyRing, key_id_of
from vslide.reseal import reseal
from vslide.salvage import salvage
from vslide.seal import OVERHEAD, Seal
from vslide.store import SlideFile
from vslide.verify import verify_slide

KEY, RUN = b"k" * 32, "0123456789ab4def8123456789abcdef"
NAME = (1, 0, 3, 0, 0, 1, 0, 1)
SEAL = Seal(KEY, RUN)
names = st.lists(st.integers(0, 1 << 40), min_size=4, max_size=8).map(tuple)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Specimen, Path]:
    """A sealed slide, its journal and its ring below one directory."""
    root = tmp_path_factory.mktemp("sealed")
    ring = KeyRing(root / "keys")
    specimen = make_specimen(make_header(rows=2, columns=3, key_id=ring.create()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENVIRONMENT, str(ring.directory))
        publish(root, specimen)
    return specimen, root


@pytest.fixture
def sealed(built, tmp_path, monkeypatch) -> tuple[Specimen, Path]:
    """A copy of it for this test; the environment names its ring."""
    specimen, root = built
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "keys"))
    return specimen, slide_path(tmp_path / "slides", specimen.header.slide_id, specimen.header.run_id)


@given(st.binary(max_size=4096), names)
def test_it_opens_what_it_sealed_and_seals_alike(plain, name):
    stored = SEAL.seal(plain, name)
    assert stored == Seal(KEY, RUN).seal(plain, name)
    assert len(stored) == len(plain) + OVERHEAD
    assert SEAL.open(stored, name) == plain


@given(st.binary(min_size=1, max_size=64), st.data())
def test_it_sees_every_flipped_bit_and_every_cut(plain, data):
    stored = bytearray(SEAL.seal(plain, NAME))
    for length in range(len(stored)):
        with pytest.raises(Damaged):
            SEAL.open(bytes(stored[:length]), NAME)
    bit = data.draw(st.integers(0, 8 * len(stored) - 1))
    stored[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Damaged):
        SEAL.open(bytes(stored), NAME)


def test_a_chunk_opens_nowhere_but_in_its_place_with_its_key():
    stored = SEAL.seal(b"pixels", NAME)
    other_place, other_run = (*NAME[:-1], 2), RUN.replace("0", "f")
    for seal, name in ((SEAL, other_place), (Seal(KEY, other_run), NAME), (Seal(b"x" * 32, RUN), NAME)):
        with pytest.raises(Damaged, match="another key"):
            seal.open(stored, name)
    with pytest.raises(Truncated):
        SEAL.open(b"short", NAME)


def test_equal_pictures_in_two_places_do_not_look_alike():
    assert SEAL.seal(b"dark" * 99, NAME)[12:] != SEAL.seal(b"dark" * 99, (*NAME[:-1], 2))[12:]


def test_a_ring_makes_keys_that_only_their_owner_reads(tmp_path):
    ring = KeyRing(tmp_path / "keys")
    made = sorted(ring.create() for _ in range(3))
    assert ring.ids() == made
    assert {key_id_of(ring.get(one)) for one in made} == set(made)
    assert ring.directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in ring.directory.iterdir()} == {0o600}


def test_a_ring_refuses_keys_that_others_read_or_that_are_not_what_they_say(tmp_path):
    ring = KeyRing(tmp_path)
    key_id = ring.create()
    file = tmp_path / f"{key_id}.key"
    file.chmod(0o640)
    with pytest.raises(KeyRefused, match="others may read"):
        ring.get(key_id)
    file.chmod(0o600)
    for content in (b"", b"short", b"x" * 32, b"x" * 33):
        file.write_bytes(content)
        with pytest.raises(KeyRefused, match="something else"):
            ring.get(key_id)
    with pytest.raises(KeyRefused):
        ring.get("../../etc/passwd")
    with pytest.raises(KeyMissing) as missing:
        ring.get("0" * 16)
    assert missing.value.key_id == "0" * 16


def test_journal_and_file_hold_the_same_sealed_bytes(sealed, tmp_path):
    specimen, path = sealed
    plane = specimen.planes()[0]
    with SlideFile(path) as file:
        stored = [file.stored(1, (0, 0, *divmod(at, 2))) for at in range(len(plane.chunks))]
    assert tuple(stored) == Coding(specimen.header).arrived(plane).chunks
    journal = next((tmp_path / "journal").glob("seg-*")).read_bytes()
    for chunk, plain in zip(stored, plane.chunks, strict=True):
        assert chunk in journal
        assert plain not in journal + path.read_bytes()


def test_without_the_key_everything_works_but_pixels(sealed, tmp_path, monkeypatch):
    specimen, path = sealed
    monkeypatch.delenv(ENVIRONMENT)
    assert verify_slide(path) == []
    assert not [one for one in fsck(tmp_path) if one.fault]
    for source in (path, tmp_path / "journal"):
        with vslide.open(source) as slide:
            assert slide.header == specimen.header
            assert slide.info()["key_id"] == specimen.header.key_id
            asked = (
                lambda: slide.region(0, 0, 9, 9),
                lambda: slide.chunk(0, 0, 0, 0),
                lambda: slide.thumbnail(9),
            )
            for ask in asked:
                with pytest.raises(KeyMissing, match=specimen.header.key_id) as missing:
                    ask()
                assert missing.value.key_id == specimen.header.key_id


def test_a_key_that_others_read_is_not_used(sealed, tmp_path):
    specimen, path = sealed
    (tmp_path / "keys" / f"{specimen.header.key_id}.key").chmod(0o644)
    assert verify_slide(path) == []
    with vslide.open(path) as slide, pytest.raises(KeyRefused, match="chmod"):
        slide.plane(0, 0)


def test_a_ring_may_be_given_by_hand(sealed, tmp_path, monkeypatch):
    specimen, path = sealed
    monkeypatch.delenv(ENVIRONMENT)
    with vslide.open(path, keys=KeyRing(tmp_path / "keys")) as slide:
        assert np.array_equal(slide.plane(0, 1), specimen.pixels[slide.fields[0].key, 1])
        assert slide.chunk(0, 1, 0, 0) == specimen.planes()[1].chunks[0]


def test_swapped_chunks_do_not_open(sealed):
    _, path = sealed
    with SlideFile(path) as file:
        for level, here, there in ((1, (0, 0, 0, 0), (1, 0, 0, 0)), (4, (0, 0, 0, 0), (0, 1, 0, 0))):
            assert file.decode(level, here, file.stored(level, here)).any()
            with pytest.raises(Damaged, match="moved"):
                file.decode(level, here, file.stored(level, there))


def test_a_resent_plane_is_a_duplicate(sealed, tmp_path):
    specimen, _ = sealed
    with Journal.resume(tmp_path / "journal") as journal:
        assert not journal.append(Coding(specimen.header).arrived(specimen.planes()[5]), 99)


def test_a_clean_copy_is_in_the_clear(sealed, tmp_path, monkeypatch):
    _, path = sealed
    header = copy_clean(path, tmp_path / "clean.h5")
    assert header.key_id == ""
    with vslide.open(path) as slide:
        before = slide.region(0, 0, *slide.size)
    monkeypatch.delenv(ENVIRONMENT)
    assert verify_slide(tmp_path / "clean.h5", with_manifest=False) == []
    with vslide.open(tmp_path / "clean.h5") as slide:
        assert np.array_equal(slide.region(0, 0, *slide.size), before)
    with pytest.raises(KeyMissing):
        copy_clean(path, tmp_path / "another.h5")


def test_the_commands_make_keys_and_seal_and_open_slides(sealed, tmp_path, capsys):
    specimen, path = sealed
    assert main(["keys", "new", "--json"]) == 0
    key_id = json.loads(capsys.readouterr().out)["key_id"]
    assert main(["unseal", str(path), str(tmp_path / "open")]) == 0
    name = path.relative_to(tmp_path / "slides")
    assert main(["seal", str(tmp_path / "open" / name), str(tmp_path / "again"), "--key", key_id]) == 0
    for folder, expected in (("open", ""), ("again", key_id)):
        assert verify_slide(tmp_path / folder / name) == []
        with vslide.open(tmp_path / folder / name) as slide:
            assert slide.header == replace(specimen.header, key_id=expected)
            assert np.array_equal(slide.region(0, 0, *slide.size), specimen.mosaic())
        assert [one.name for one in (tmp_path / folder).iterdir()] == [specimen.header.slide_id]
    assert main(["keys", "list"]) == 0
    assert f"{key_id}  good" in capsys.readouterr().out
    assert main(["unseal", str(path), str(tmp_path / "slides")]) == 1
    assert "already_there" in capsys.readouterr().err


def test_a_slide_is_not_sealed_with_a_key_that_is_missing_or_from_damaged_bytes(sealed, tmp_path):
    _, path = sealed
    with pytest.raises(KeyMissing):
        reseal(path, tmp_path / "new", "0" * 16)
    with SlideFile(path) as file:
        at = int(file.index(1).offsets[3, 0, 0, 0])
    data = bytearray(path.read_bytes())
    data[at + 30] ^= 4
    path.write_bytes(data)
    with pytest.raises(Damaged, match="checksum"):
        reseal(path, tmp_path / "new", "")
    assert not list((tmp_path / "new").iterdir())


def test_a_reference_is_refused(sealed, tmp_path):
    with vslide.open(sealed[1]) as slide, pytest.raises(NotASlide, match="encrypted"):
        export(slide, tmp_path / "slide.json", "reference")


@pytest.mark.parametrize("key_at_hand", [True, False])
def test_salvage_needs_no_key_to_bring_back_the_journal(sealed, tmp_path, monkeypatch, key_at_hand):
    _, path = sealed
    data = bytearray(path.read_bytes())
    data[:96] = bytes(96)  # HDF5's superblock: nobody opens this file any more
    with SlideFile(path) as file:
        data[int(file.index(1).offsets[2, 1, 0, 0]) + 5] ^= 1
    path.write_bytes(data)
    if not key_at_hand:
        monkeypatch.delenv(ENVIRONMENT)
    back = salvage(path, tmp_path / "back")
    assert (back.planes, len(back.lost)) == (6 * 4 - 1, 1)
    assert (back.slide is not None) == key_at_hand


def test_a_changed_slide_is_found_without_its_key(sealed, monkeypatch):
    _, path = sealed
    monkeypatch.delenv(ENVIRONMENT)
    with SlideFile(path) as file:
        at = int(file.index(8).offsets[0, 2, 0, 0])
    data = bytearray(path.read_bytes())
    data[at + 30] ^= 4
    path.write_bytes(data)
    assert any("fields/8 chunk (0, 2, 0, 0)" in fault for fault in verify_slide(path))


def test_the_nonce_is_as_documented(sealed, tmp_path):
    """What docs/format.md says, with SHA-256 alone."""
    header = sealed[0].header
    key, salt = KeyRing(tmp_path / "keys").get(header.key_id), bytes.fromhex(header.run_id)

    def hmac(secret: bytes, text: bytes) -> bytes:
        pad = secret.ljust(64, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in pad) + text).digest()
        return hashlib.sha256(bytes(byte ^ 0x5C for byte in pad) + inner).digest()

    nonce_key = hmac(hmac(salt, key), b"nocturne-slide nonce\x01")
    stored = Coding(header).stored(np.zeros((1, 1, 9, 9), "<u2"), (4, 7, 1, 0, 0))
    plain = Coding(header).plain(stored, (4, 7, 1, 0, 0))
    assert stored[:12] == hmac(nonce_key, b"4,7,1,0,0\0" + plain)[:12]
