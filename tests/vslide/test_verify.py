import json
import random
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.vslide.slides import make_header, make_specimen, publish, write_journal
from vslide.errors import NotASlide
from vslide.fsck import fsck
from vslide.journal import recover
from vslide.layout import fields_name
from vslide.manifest import file_sha256, manifest_path
from vslide.orders import Order, write_order
from vslide.salvage import salvage
from vslide.store import SlideFile
from vslide.verify import verify_slide


@pytest.fixture
def slide(tmp_path):
    return publish(tmp_path, make_specimen(make_header(rows=2, columns=2))).path


def flip(path: Path, at: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def test_it_finds_every_flipped_bit_in_slide_and_manifest(slide):
    chance = random.Random(1)
    for path in (slide, manifest_path(slide)):
        size = path.stat().st_size
        for _ in range(60):
            at, bit = chance.randrange(size), chance.randrange(8)
            flip(path, at, bit)
            assert verify_slide(slide) != [], f"bit {bit} of byte {at} of {path.name}"
            flip(path, at, bit)
    assert verify_slide(slide) == []


def test_it_names_the_field_and_channel_that_are_hit(slide):
    with SlideFile(slide) as file:
        at = int(file.index(1).offsets[3, 2, 0, 0]) + 40
        key = file.fields[3].key
    flip(slide, at, 0)
    faults = verify_slide(slide, with_manifest=False)
    assert faults == [f"field r={key.r} c={key.c} z=0 t=0 channel=2 chunk (0, 0): does not match its sha256"]


@pytest.mark.parametrize("keep", [0, 7, 1000, 20_000])
def test_it_says_so_when_the_file_is_cut_short(slide, keep):
    slide.write_bytes(slide.read_bytes()[:keep])
    assert verify_slide(slide)


def test_it_reports_what_the_format_does_not_know(slide):
    with h5py.File(slide, "r+") as file:
        file.attrs["patient"] = "Jane Doe"
        file["notes"] = np.zeros(3)
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/")
        file[fields_name(1)].attrs["comment"] = "x"
    faults = "\n".join(verify_slide(slide, with_manifest=False))
    for name in ("attribute: patient", "object: notes", "object: elsewhere", "attribute: fields/1/comment"):
        assert name in faults


def test_the_command_exits_1_and_lists_what_is_wrong(slide):
    command = [sys.executable, "-m", "vslide", "verify", str(slide), "--json"]
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert said == {"sound": True, "faults": [], "sha256": file_sha256(slide)}
    flip(slide, slide.stat().st_size // 2, 3)
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["sound"]) == (1, False)


def test_salvage_brings_back_all_but_the_damaged_plane(tmp_path, slide):
    with SlideFile(slide) as file:
        at, key = int(file.index(1).offsets[1, 0, 0, 0]) + 30, file.fields[1].key
    flip(slide, at, 5)
    back = salvage(slide, tmp_path / "back")
    assert (back.planes, back.lost) == (15, ((key.r, key.c, 0, 0, 0),))
    assert back.slide is not None
    assert (back.slide.fields, verify_slide(back.slide.path)) == (3, [])


def test_salvage_takes_the_header_from_the_order_when_the_journal_has_lost_it(tmp_path):
    specimen = make_specimen(make_header(rows=1, columns=2))
    header = specimen.header
    run = tmp_path / "run"
    journal = write_journal(run, specimen)
    write_order(Order(header.run_id, header.slide_id, 1, 8, header, str(run), str(tmp_path), "tcp://x:1"))
    flip(journal, 200, 3)
    with pytest.raises(NotASlide):
        recover(run)
    back = salvage(run, tmp_path / "back")
    assert (back.planes, back.lost) == (8, ())
    assert back.slide is not None


def test_salvage_needs_no_hdf5_when_the_manifest_is_there(tmp_path, slide):
    data = slide.read_bytes()
    with SlideFile(slide) as file:
        first = int(file.index(1).offsets.min())
    slide.write_bytes(b"\0" * first + data[first:-5000])
    back = salvage(slide, tmp_path / "back")
    assert (back.planes, back.lost) == (16, ())


def test_salvage_without_a_manifest_trusts_only_checksums(tmp_path, slide):
    manifest_path(slide).unlink()
    with SlideFile(slide) as file:
        flip(slide, int(file.index(1).offsets[0, 1, 0, 0]) + 20, 1)
    back = salvage(slide, tmp_path / "back")
    assert (back.planes, len(back.lost), len(back.incomplete)) == (15, 1, 1)


def test_fsck_finds_and_repairs_what_a_crash_left(tmp_path, slide):
    segment = next((tmp_path / "journal").glob("*.journal"))
    segment.write_bytes(segment.read_bytes()[:-10])
    (slide.parent / f".{slide.stem}.9.part.h5").write_bytes(b"half")
    assert sum(one.fault for one in fsck(tmp_path)) == 2
    assert not any(one.fault for one in fsck(tmp_path, repair=True))
    assert not any(one.fault for one in fsck(tmp_path))
