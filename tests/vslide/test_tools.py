import os
from pathlib import Path

import h5py
import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

import vslide
from tests.vslide.slides import brightfield, make_header, make_specimen, publish, write_journal
from vslide.__main__ import main
from vslide.errors import AlreadyThere, NotASlide, UnsafeFile
from vslide.export import export
from vslide.inspect import inspect_file
from vslide.tiles import TileGrid, import_tiles

DATA = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not on this machine")


def test_an_ome_tiff_holds_the_same_pixels(tmp_path):
    specimen = make_specimen(make_header())
    output = tmp_path / "out.ome.tif"
    with vslide.open(publish(tmp_path, specimen).path) as slide:
        export(slide, output, "ome-tiff")
        with pytest.raises(AlreadyThere):
            export(slide, output, "ome-tiff")
    assert np.array_equal(tifffile.imread(output), specimen.mosaic())
    with vslide.open(output) as exported:
        assert [channel.name for channel in exported.channels] == ["DAPI", "FITC", "TRITC", "Cy5"]
        assert exported.pixel_size_um == 0.5
        assert np.array_equal(exported.region(-5, 20, 300, 200)[:, :, 5:], specimen.mosaic()[:, 20:220, :295])


def test_openslide_opens_the_exported_svs_as_aperio(tmp_path):
    specimen = make_specimen(brightfield(field_width=400, field_height=400))
    with vslide.open(publish(tmp_path, specimen).path) as slide:
        export(slide, tmp_path / "out.svs", "svs")
    with openslide.OpenSlide(tmp_path / "out.svs") as exported:
        assert exported.properties["openslide.vendor"] == "aperio"
        assert float(exported.properties["openslide.mpp-x"]) == 0.5
        assert exported.dimensions == specimen.mosaic().shape[:0:-1]
        assert exported.level_count == 2


def test_an_svs_of_fluorescence_is_refused(tmp_path):
    path = publish(tmp_path, make_specimen(make_header(rows=1, columns=1))).path
    with vslide.open(path) as slide, pytest.raises(NotASlide):
        export(slide, tmp_path / "out.svs", "svs")
    assert not list(tmp_path.glob("*svs*"))


@needs_data
def test_an_svs_reads_like_openslide(tmp_path):
    path = DATA / "wsi" / "CMU-1-Small-Region.svs"
    with vslide.open(path) as slide, openslide.OpenSlide(path) as reference:
        assert (slide.kind, slide.size, slide.fields) == ("vendor", reference.dimensions, ())
        expected = np.asarray(reference.read_region((500, 700), 0, (90, 60)).convert("RGB"))
        assert np.array_equal(np.moveaxis(slide.region(500, 700, 90, 60), 0, -1), expected)
        assert slide.region(-30, -30, 20, 20).min() == 255
        assert slide.thumbnail(200).shape == (3, 200, 150)


@needs_data
@pytest.mark.parametrize("name", ["multi-channel.ome.tif", "viv_multi-channel_small.ome.tif"])
def test_a_signed_ome_tiff_reads_like_tifffile(name):
    reference = tifffile.imread(DATA / "wsi" / name).astype(int) + 128
    with vslide.open(DATA / "wsi" / name) as slide:
        width, height = slide.size
        assert np.array_equal(slide.region(0, 0, width, height), reference)


@needs_data
def test_a_folder_of_tiles_becomes_a_slide(tmp_path):
    made = import_tiles(DATA / "tiles" / "stitch2d", tmp_path, TileGrid(step_x=384, step_y=395))
    with vslide.open(made.path) as slide:
        with Image.open(DATA / "tiles" / "stitch2d" / "stitch2d_ex[Grid@0 0].jpg") as picture:
            first = np.asarray(picture)
        assert slide.header is not None
        assert (slide.header.rows, slide.header.columns, slide.size) == (3, 2, (896, 1232))
        assert np.array_equal(slide.plane(0, 0), first)
    assert not list(tmp_path.glob("run-*"))


def test_tiles_without_a_grid_are_refused(tmp_path):
    Image.new("L", (10, 10)).save(tmp_path / "picture.png")
    with pytest.raises(NotASlide, match="grid"):
        import_tiles(tmp_path, tmp_path / "out", TileGrid())


def test_the_commands_work_on_a_bare_file(tmp_path, capsys):
    path = publish(tmp_path, make_specimen(brightfield(rows=1, columns=2))).path
    assert main(["info", str(path)]) == 0
    assert "H&E" in capsys.readouterr().out
    assert main(["thumbnail", str(path), str(tmp_path / "t.png"), "--size", "64"]) == 0
    with Image.open(tmp_path / "t.png") as picture:
        assert max(picture.size) == 64
    assert main(["fsck", str(tmp_path)]) == 0
    assert main(["info", str(tmp_path / "t.png")]) == 1
    assert capsys.readouterr().err.startswith("not_a_slide: ")
    assert main(["salvage", str(tmp_path / "journal"), str(tmp_path / "back")]) == 0


def hostile_hdf5(path: Path, kind: str) -> None:
    with h5py.File(path, "w") as file:
        if kind == "external link":
            file["a"] = h5py.ExternalLink("/etc/passwd", "/")
        elif kind == "soft link":
            file["a"] = h5py.SoftLink("/b")
        elif kind == "external storage":
            file.create_dataset("a", (10,), "u1", external=[("/etc/passwd", 0, 10)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((10,), "u1")
            layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (10,))
            file.create_virtual_dataset("a", layout)
        else:
            file.create_dataset("a", (1 << 20, 1 << 14), "u1", chunks=(1 << 10, 1 << 14), compression="gzip")
            file["a"][0] = 1


@pytest.mark.parametrize("kind", ["external link", "soft link", "external storage", "virtual", "bomb"])
def test_an_untrusted_hdf5_is_refused_before_it_is_read(tmp_path, kind):
    hostile_hdf5(tmp_path / "a.h5", kind)
    with pytest.raises(UnsafeFile):
        inspect_file(tmp_path / "a.h5")


def test_a_tiff_whose_directories_run_in_a_circle_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64), "u1"), byteorder="<")
    data = bytearray(path.read_bytes())
    first = int.from_bytes(data[4:8], "little")
    following = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    data[following : following + 4] = first.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(UnsafeFile, match="circle"):
        inspect_file(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UnsafeFile):
        inspect_file(path)


@pytest.mark.parametrize(
    "start", [b"", b"hello", b"II*\0\xff\xff\xff\xff", b"\x89HDF\r\n\x1a\n" + b"\xff" * 500]
)
def test_what_is_no_slide_is_refused(tmp_path, start):
    (tmp_path / "a").write_bytes(start)
    with pytest.raises(UnsafeFile):
        inspect_file(tmp_path / "a")


def test_our_own_slides_pass_the_inspection(tmp_path):
    path = publish(tmp_path, make_specimen(make_header(rows=1, columns=1))).path
    assert inspect_file(path).kind == "hdf5"


def test_a_journal_directory_shows_a_live_thumbnail(tmp_path, capsys):
    write_journal(tmp_path / "run", make_specimen(make_header(rows=1, columns=2)))
    assert main(["thumbnail", str(tmp_path / "run"), str(tmp_path / "t.jpg")]) == 0
    assert main(["info", str(tmp_path / "run"), "--json"]) == 0
    assert '"live": true' in capsys.readouterr().out
