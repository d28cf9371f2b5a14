"""Ingest, end to end, through the real processes of `python -m vslide serve`."""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.measure import OURS, Figure, Subject
from tests.bench.processes import ROLES, Watch
from tests.bench.scan import Scanned, scan
from tests.bench.slides import Fields, Scale, camera_fields
from tests.bench.subjects import seconds
from tests.faults.service import Service, serving
from vslide.model import Plane
from vslide.sink import WINDOW_BYTES

SCANS = 2
ABOVE_WINDOW_MB = 300
BARE = "bare file, fdatasync a field"


def ingest(scale: Scale, kept: Path) -> Subject:
    """Fields of 2560 × 2160 × uint16, about 1 GB raw, compressed beforehand and held in memory → ZeroMQ →
    journal with fdatasync → acknowledged → finished file with zoom layers → verified.

    `rate` is of raw pixels from the first field sent to the verified file, `acknowledged` until the last
    acknowledgement. `published` counts the seconds from there to `verified`. `memory` is the peak of all
    processes of the service over what they held before the run. `cpu_…` are processor seconds: where the
    time goes; `cpu_slide` are the processes that build and check the file, `cpu_sender` this one. Memory and
    processor seconds are of a second scan: to look at every process ten times a second takes a tenth of the
    two cores. `two_scans` is the rate of
    two scans at once that share the fields. The bare file is no peer but the limit: the same bytes appended
    and synced, nothing else.
    """
    fields = camera_fields(scale.streamed, scale.distinct)
    planes = list(fields.encoded())
    seconds_each = {
        f"cpu_{role}": Figure("processor seconds", higher_is_better=False) for role in (*ROLES, "sender")
    }
    figures = {
        "rate": Figure("MB/s of pixels", target={OURS: 600}),
        "acknowledged": Figure("MB/s of pixels"),
        "published": Figure("s", higher_is_better=False, target={OURS: 3.0}),
        "memory": Figure(
            "MB over idle", higher_is_better=False, target={OURS: WINDOW_BYTES / 1e6 + ABOVE_WINDOW_MB}
        ),
        "two_scans": Figure("MB/s of pixels"),
        **seconds_each,
    }
    return Subject(
        figures, lambda folder: _ours(fields, planes, folder), {BARE: lambda at: _bare(fields, planes, at)}
    )


def _ours(fields: Fields, planes: Sequence[Plane], folder: Path) -> Mapping[str, float]:
    with serving(folder) as service:
        began = time.process_time()
        one = scan(service.endpoint, fields.header(), planes, len(planes))
        sender_s = time.process_time() - began
        with Watch(service.process.pid) as watch:
            scan(service.endpoint, fields.header(), planes, len(planes))
        several_s = seconds(lambda: _several(service, fields, planes))
    return {
        "rate": fields.megabytes / one.verified_s,
        "acknowledged": fields.megabytes / one.acknowledged_s,
        "published": one.publishing_s,
        "memory": watch.over_idle_mb,
        "two_scans": fields.megabytes / several_s,
        "cpu_sender": sender_s,
    } | {f"cpu_{role}": spent for role, spent in watch.cpu_s().items()}


def _several(service: Service, fields: Fields, planes: Sequence[Plane]) -> None:
    def one(number: int) -> Scanned:
        part = planes[number::SCANS]
        return scan(service.endpoint, fields.header(), part, len(part))

    with ThreadPoolExecutor(SCANS) as pool:
        list(pool.map(one, range(SCANS)))


def _bare(fields: Fields, planes: Sequence[Plane], folder: Path) -> Mapping[str, float]:
    def dump() -> None:
        with (folder / "bare").open("wb") as file:
            for plane in planes:
                file.writelines(plane.chunks)
                file.flush()
                os.fdatasync(file.fileno())

    rate = fields.megabytes / seconds(dump)
    return {"rate": rate, "acknowledged": rate}
