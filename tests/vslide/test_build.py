import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest

from tests.vslide.slides import (
    FOUR,
    Specimen,
    brightfield,
    make_header,
    make_specimen,
    publish,
    write_journal,
)
from vslide.build import build, slide_path
from vslide.disk import Disk
from vslide.errors import AlreadyThere, Damaged, VerifyFailed
from vslide.manifest import manifest_path, read_manifest
from vslide.verify import verify_slide

assert hdf5plugin.FILTERS["blosc"] == 32001


@pytest.mark.parametrize(
    "header",
    [
        make_header(channels=FOUR[:3]),
        make_header(),
        brightfield(),
        make_header(field_width=96, chunk_width=48),
    ],
    ids=["3 channels", "4 channels", "brightfield", "two chunks a field"],
)
def test_h5py_with_hdf5plugin_alone_reads_every_plane(tmp_path, header):
    specimen = make_specimen(header)
    manifest = publish(tmp_path, specimen)
    with h5py.File(manifest.path) as file:
        pixels, places = file["fields/1"][:], file["positions"][:]
    assert pixels.shape == (30, len(header.channels), *header.field_shape)
    for number, place in enumerate(places):
        for channel in range(len(header.channels)):
            key = next(key for key in specimen.corners if (key.r, key.c) == (place["r"], place["c"]))
            assert np.array_equal(pixels[number, channel], specimen.pixels[key, channel])


def test_the_chunks_are_the_bytes_of_the_journal(tmp_path):
    specimen = make_specimen(make_header(rows=1, columns=2))
    manifest = publish(tmp_path, specimen)
    with h5py.File(manifest.path) as file:
        stored = [file["fields/1"].id.read_direct_chunk((n, w, 0, 0))[1] for n in range(2) for w in range(4)]
    assert stored == [plane.chunks[0] for plane in specimen.planes()]
    assert list(manifest.chunks) == [hashlib.sha256(chunk).hexdigest() for chunk in stored]


def test_zoom_layers_are_exact_means(tmp_path):
    header = make_header(field_width=128, field_height=64, rows=3, columns=3)
    specimen = make_specimen(header)
    manifest = publish(tmp_path, specimen)
    first = np.stack([specimen.pixels[next(iter(specimen.corners)), w] for w in range(4)]).astype(np.uint64)
    with h5py.File(manifest.path) as file:
        for level in (4, 8, 16, 32):
            sums = first.reshape(4, 64 // level, level, 128 // level, level).sum(axis=(2, 4))
            assert np.array_equal(file[f"fields/{level}"][0], (sums + level * level // 2) // (level * level))


def test_building_again_gives_the_same_published_slide(tmp_path):
    first = publish(tmp_path, make_specimen(make_header(rows=2, columns=2)))
    assert build(tmp_path / "journal", tmp_path / "slides") == first
    assert read_manifest(manifest_path(first.path)) == first
    assert (
        sorted(path.name for path in first.path.parent.iterdir())
        == [first.path.name, manifest_path(first.path).name][::1]
    )


def test_a_slide_with_a_missing_plane_is_named_and_not_published(tmp_path):
    specimen = make_specimen(make_header(rows=2, columns=2))
    key = next(iter(specimen.corners))
    holed = Specimen(
        specimen.header, {k: v for k, v in specimen.pixels.items() if k != (key, 2)}, specimen.corners
    )
    write_journal(tmp_path / "journal", holed)
    with pytest.raises(Damaged) as caught:
        build(tmp_path / "journal", tmp_path / "slides")
    assert caught.value.missing == ((0, 0, 0, 0, 2),)
    assert list((tmp_path / "slides").rglob("*.h5")) == []


def test_it_never_overwrites_another_file(tmp_path):
    specimen = make_specimen(make_header(rows=1, columns=1))
    write_journal(tmp_path / "journal", specimen)
    final = slide_path(tmp_path / "slides", specimen.header.slide_id, specimen.header.run_id)
    final.parent.mkdir(parents=True)
    final.write_bytes(b"something else")
    with pytest.raises(AlreadyThere):
        build(tmp_path / "journal", tmp_path / "slides")
    assert final.read_bytes() == b"something else"


def test_a_killed_build_leaves_nothing_that_the_next_one_minds(tmp_path):
    specimen = make_specimen(make_header(rows=1, columns=2))
    write_journal(tmp_path / "journal", specimen)
    final = slide_path(tmp_path / "slides", specimen.header.slide_id, specimen.header.run_id)
    final.parent.mkdir(parents=True)
    (final.parent / f".{final.stem}.1.part.h5").write_bytes(b"half a file")
    manifest_path(final).write_text("half a manifest")
    assert build(tmp_path / "journal", tmp_path / "slides").path == final
    assert verify_slide(final) == []


class _FlippingDisk(Disk):
    """Turns one bit of a stored chunk over just before the file is synced."""

    def sync_file(self, path: Path) -> None:
        with path.open("r+b") as stream:
            at = stream.read().index(b"\x02" + (72 * 100 * 2).to_bytes(4, "little")) + 40
            stream.seek(at)
            byte = stream.read(1)
            stream.seek(at)
            stream.write(bytes([byte[0] ^ 1]))
        super().sync_file(path)


def test_a_file_that_fails_its_check_is_not_published(tmp_path):
    write_journal(tmp_path / "journal", make_specimen(make_header(rows=1, columns=2)))
    with pytest.raises(VerifyFailed, match="sha256"):
        build(tmp_path / "journal", tmp_path / "slides", disk=_FlippingDisk())
    assert [name for _, _, names in os.walk(tmp_path / "slides") for name in names] == []


_BUILD = """
import sys
from pathlib import Path
from vslide.build import build
print(flush=True)
build(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("seconds", [0.1, 0.4, 0.8])
def test_a_build_killed_at_any_moment_can_be_repeated(tmp_path, seconds):
    specimen = make_specimen(make_header())
    write_journal(tmp_path / "journal", specimen)
    command = [sys.executable, "-c", _BUILD, str(tmp_path / "journal"), str(tmp_path / "slides")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as builder:
        assert builder.stdout is not None
        builder.stdout.readline()
        time.sleep(seconds)
        builder.kill()
    manifest = build(tmp_path / "journal", tmp_path / "slides")
    assert verify_slide(manifest.path) == []
    assert len(list(manifest.path.parent.iterdir())) == 2
