"""Writing 2560 × 2160 × uint16 fields losslessly, synced, on two cores."""

from collections.abc import Mapping
from pathlib import Path

from tests.bench.measure import Figure, Round, Subject
from tests.bench.peers import (
    INNER,
    Writer,
    write_hdf5_blosc,
    write_hdf5_gzip,
    write_tensorstore,
    write_tiff,
    write_zarr,
)
from tests.bench.slides import Fields, Scale, camera_fields, write_journal
from tests.bench.subjects import absent, seconds
from vslide.build import build

CHUNK, SHARD = "tensorstore zarr3, field chunk", "tensorstore zarr3, shard"
ZARR, TIFF = "zarr-python, shard", "tifffile zstd"
GZIP, BLOSC = "h5py gzip-4", "h5py Blosc"
GZIP_PART = 6  # gzip is given a part of the fields: it would take longer than all the others together
AT_LEAST = {CHUNK: 1.0, SHARD: 1.0, ZARR: 3.0, TIFF: 3.0, GZIP: 20.0}


def write(scale: Scale, kept: Path) -> Subject:
    """`durable`: pixels → compressed → journal, committed in groups of eight: what the scanner's side and the
    proxy do, and what a peer does when its files are written and synced. `slide`: the same and then the
    finished file with zoom layers and checksums, verified in another process; no peer does that much.
    """
    fields = camera_fields(scale.fields, scale.distinct)
    figures = {
        "durable": Figure("MB/s of pixels", target=AT_LEAST),
        "slide": Figure("MB/s of pixels"),
        "compression": Figure("times smaller", target={CHUNK: 0.93, SHARD: 0.93}),
    }
    return Subject(
        figures, lambda folder: _ours(fields, folder), _peers(fields), missing=absent("zarr", "tensorstore")
    )


def _ours(fields: Fields, folder: Path) -> Mapping[str, float]:
    header, stored = fields.header(), 0

    def to_journal() -> None:
        nonlocal stored
        stored = write_journal(fields, header, folder / "journal")

    durable_s = seconds(to_journal)
    build_s = seconds(lambda: build(folder / "journal", folder / "slides"))
    return {
        "durable": fields.megabytes / durable_s,
        "slide": fields.megabytes / (durable_s + build_s),
        "compression": fields.megabytes * 1e6 / stored,
    }


def _peers(fields: Fields) -> dict[str, Round]:
    part = Fields(fields.sources, 1, max(1, len(fields) // GZIP_PART), fields.channels, fields.shape)
    peers = {
        TIFF: _peer(write_tiff, fields),
        BLOSC: _peer(write_hdf5_blosc, fields),
        GZIP: _peer(write_hdf5_gzip, part),
    }
    if not absent("tensorstore"):
        peers[CHUNK] = _peer(write_tensorstore, fields)
        peers[SHARD] = _peer(lambda those, path: write_tensorstore(those, path, inner=INNER), fields)
    if not absent("zarr"):
        peers[ZARR] = _peer(write_zarr, fields)
    return peers


def _peer(work: Writer, fields: Fields) -> Round:
    def once(folder: Path) -> Mapping[str, float]:
        path = folder / "peer"
        rate = fields.megabytes / seconds(lambda: work(fields, path))
        stored = sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
        return {"durable": rate, "slide": rate, "compression": fields.megabytes * 1e6 / stored}

    return once
