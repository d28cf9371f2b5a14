"""What is measured: ours and its peers, each as a function that gives one figure of one round."""

import importlib.util
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import h5py
import tifffile

import vslide
from tests.bench.pixels import Slide
from tests.faults.service import serving
from vslide.build import build
from vslide.client import SlideService
from vslide.journal import Journal
from vslide.sink import ProxySink

Round = Callable[[Path], float]
TILE = (512, 512)
READS = 24


@dataclass(frozen=True)
class Subject:
    """One benchmark. `missing` says why a peer is not measured here."""

    unit: str
    higher_is_better: bool
    ours: Round
    peers: Mapping[str, Round]
    missing: Mapping[str, str]


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def sync(path: Path) -> None:
    """A peer's file counts when the disk has it, as ours does."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def absent(*names: str) -> dict[str, str]:
    """Those of these Python packages that are not here."""
    return {name: "not installed" for name in names if importlib.util.find_spec(name) is None}


def write_ours(slide: Slide, folder: Path) -> Path:
    """Compress, journal, sync, build with zoom layers and checksums, verify in another process, publish."""
    header, planes = slide.header(), slide.planes()
    with Journal.create(folder / "journal", header, header.run_id, 1, len(planes)) as journal:
        for number, plane in enumerate(planes):
            journal.append(plane, number)
            journal.commit()
    build(folder / "journal", folder / "slides")
    return folder / "slides" / header.slide_id / f"{header.run_id}.h5"


def write_journal(slide: Slide, folder: Path) -> None:
    """Compress, journal, sync for each field: what the scanner waits for."""
    header = slide.header()
    with Journal.create(folder / "journal", header, header.run_id, 1, len(slide.fields)) as journal:
        for number, plane in enumerate(slide.planes()):
            journal.append(plane, number)
            journal.commit()


def write_tiff(slide: Slide, folder: Path) -> Path:
    """The bare fields as tiled zstd pages, synced once: no zoom layers, no checksums, not verified."""
    path = folder / "slide.tif"
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for field in slide.fields:
            file.write(field, tile=TILE, compression="zstd", compressionargs={"level": 1}, predictor=True)
    sync(path)
    return path


def _written(slide: Slide, ours: Callable[[Slide, Path], object]) -> Subject:
    def rate(work: Callable[[Slide, Path], object]) -> Round:
        return lambda folder: slide.megabytes / seconds(lambda: work(slide, folder))

    peers = {"tifffile zstd": rate(write_tiff)}
    return Subject("MB/s of pixels", True, rate(ours), peers, absent("zarr", "tensorstore"))


def write(slide: Slide, kept: Path) -> Subject:
    """From pixels to a published slide."""
    return _written(slide, write_ours)


def journal(slide: Slide, kept: Path) -> Subject:
    """From pixels to durable: the part of it that a scan waits for."""
    return _written(slide, write_journal)


def read(slide: Slide, kept: Path) -> Subject:
    """One whole field at full resolution, from files that were just written."""
    ours, tiff = write_ours(slide, kept), write_tiff(slide, kept)
    order = [Random(7).randrange(len(slide.fields)) for _ in range(READS)]

    def with_ours(_: Path) -> float:
        with vslide.open(ours) as reader:
            return 1000 * seconds(lambda: [reader.plane(n, 0) for n in order]) / READS

    def with_h5py(_: Path) -> float:
        with h5py.File(ours) as file:
            return 1000 * seconds(lambda: [file["fields/1"][n, 0] for n in order]) / READS

    def with_tifffile(_: Path) -> float:
        with tifffile.TiffFile(tiff) as file:
            return 1000 * seconds(lambda: [file.asarray(key=n) for n in order]) / READS

    peers = {"h5py, same file": with_h5py, "tifffile zstd": with_tifffile}
    return Subject("ms a field", False, with_ours, peers, absent("zarr", "tensorstore"))


def ingest(slide: Slide, kept: Path) -> Subject:
    """Compressed fields into a real slide service, until the last one is acknowledged: it is durable then."""
    planes = slide.planes()

    def with_service(folder: Path) -> float:
        header = slide.header()
        with serving(folder) as service, SlideService(service.endpoint) as client:
            opened = client.open_run(
                run_id=header.run_id, slide_id=header.slide_id, fence=1, header=header, planned=len(planes)
            )
            with ProxySink(opened.proxy, header.run_id, 1) as sink:

                def send() -> None:
                    for plane in planes:
                        sink.put(plane)
                    sink.flush()

                return slide.megabytes / seconds(send)

    def to_a_file(folder: Path) -> float:
        def dump() -> None:
            with (folder / "bare").open("wb") as file:
                for plane in planes:
                    file.writelines(plane.chunks)
                    file.flush()
                    os.fdatasync(file.fileno())

        return slide.megabytes / seconds(dump)

    return Subject("MB/s of pixels", True, with_service, {"bare file, fdatasync a field": to_a_file}, {})


# Each is given a folder that lasts as long as its benchmark.
SUBJECTS: dict[str, Callable[[Slide, Path], Subject]] = {
    "write": write,
    "journal": journal,
    "read": read,
    "ingest": ingest,
}
